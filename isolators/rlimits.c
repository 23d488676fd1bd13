/* Limits of each process (setrlimit(2)). */
#include <errno.h>
#include <sys/resource.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->n_rlimits; i++) {
		const struct spec_rlimit *row = &spec->rlimits[i];

		if (row->resource < 0 || row->resource >= RLIM_NLIMITS)
			return err_set(e, EINVAL, "set limit of resource %d", row->resource);
		if (row->limit.rlim_cur > row->limit.rlim_max)
			return err_set(e, EINVAL, "set soft limit of resource %d above the hard "
				       "one", row->resource);
	}
	return 0;
}

/*
 * Where this process may not raise a limit (root without CAP_SYS_RESOURCE), what it has is what
 * the container gets: never more than asked for.
 */
static int set_what_may_be_set(int resource, struct rlimit limit)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -1;
	if (limit.rlim_max > now.rlim_max)
		limit.rlim_max = now.rlim_max;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit);
}

/*
 * Above what the supervisor has only the host's root may raise a limit, which init in a user
 * namespace is not: so the room is made here, and init takes what it was told to.
 */
static int attach(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;

	for (size_t i = 0; i < spec->n_rlimits && spec_has_user_namespace(spec); i++) {
		const struct spec_rlimit *row = &spec->rlimits[i];
		struct rlimit limit;

		if (prlimit(box->init_pid, row->resource, NULL, &limit) < 0)
			return err_set(e, errno, "read limit of resource %d", row->resource);
		if (limit.rlim_max >= row->limit.rlim_max)
			continue;
		limit.rlim_max = row->limit.rlim_max;
		if (prlimit(box->init_pid, row->resource, &limit, NULL) < 0 && errno != EPERM)
			return err_set(e, errno, "raise limit of resource %d", row->resource);
	}
	return 0;
}

static int seal(struct box *box, struct err *e)
{
	for (size_t i = 0; i < box->spec->n_rlimits; i++) {
		const struct spec_rlimit *row = &box->spec->rlimits[i];

		if (setrlimit(row->resource, &row->limit) == 0)
			continue;
		if (errno != EPERM || set_what_may_be_set(row->resource, row->limit) < 0)
			return err_set(e, errno, "set limit of resource %d", row->resource);
	}
	return 0;
}

const struct isolator isolator_rlimits = {
	.name = "rlimits",
	.validate = validate,
	.attach = attach,
	.seal = seal,
};
