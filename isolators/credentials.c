/* Who the payload is and what it may: user, groups, capabilities; all in one order (rule R9). */
#include "isolators/credentials.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/capabilities.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

enum { MAX_GROUPS = 1024 };

static int validate(const struct spec *spec, struct err *e)
{
	const struct spec_capabilities *caps = &spec->capabilities;

	if (spec->uid == (uid_t)-1 || spec->gid == (gid_t)-1)
		return err_set(e, EINVAL, "become user %u, group %u", spec->uid, spec->gid);
	if (spec->n_additional_gids > MAX_GROUPS)
		return err_set(e, E2BIG, "join %zu groups", spec->n_additional_gids);
	if (caps->effective & ~caps->permitted)
		return err_set(e, EINVAL, "have capabilities 0x%llx effective but not permitted",
			       (unsigned long long)(caps->effective & ~caps->permitted));
	if (caps->permitted & ~caps->bounding)
		return err_set(e, EINVAL, "have capabilities 0x%llx permitted but not bounding",
			       (unsigned long long)(caps->permitted & ~caps->bounding));
	if (caps->ambient & ~caps->permitted)
		return err_set(e, EINVAL, "have capabilities 0x%llx ambient but not permitted",
			       (unsigned long long)(caps->ambient & ~caps->permitted));
	return 0;
}

/*
 * The raw calls: glibc's own are for all threads of a process and rest on what it knows of itself,
 * which a clone3(2) has made untrue.
 */
static int become(const struct spec *spec, struct err *e)
{
	int r = groups_set(spec->n_additional_gids, spec->additional_gids, e);

	if (r < 0)
		return r;
	if (syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0)
		return err_set(e, errno, "become group %u", spec->gid);
	if (syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0)
		return err_set(e, errno, "become user %u", spec->uid);
	return 0;
}

static bool loads_filter_by_right(const struct box *box)
{
	return box->seccomp_fd >= 0 && !box->spec->no_new_privileges;
}

/*
 * Inheritable is what ambient needs and no more, whatever the document says: with files that carry
 * inheritable capabilities the rest would be a way to get them.
 */
static int set_capabilities(const struct spec *spec, uint64_t besides, struct err *e)
{
	const struct spec_capabilities *caps = &spec->capabilities;

	return capabilities_set(caps->effective | besides, caps->permitted | besides,
				caps->ambient, caps->ambient, e);
}

static int seal(struct box *box, struct err *e)
{
	const struct spec_capabilities *caps = &box->spec->capabilities;
	uint64_t besides = loads_filter_by_right(box) ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
	int r = capabilities_drop_bounding(caps->bounding, e);

	if (r < 0)
		return r;
	/* Or a change from root to another user would empty what is to be kept. */
	if (box->spec->uid != 0 && (caps->permitted | besides) != 0 &&
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "keep capabilities");
	r = become(box->spec, e);
	return r < 0 ? r : set_capabilities(box->spec, besides, e);
}

int credentials_settle(const struct box *box, struct err *e)
{
	return loads_filter_by_right(box) ? set_capabilities(box->spec, 0, e) : 0;
}

const struct isolator isolator_credentials = {
	.name = "credentials",
	.validate = validate,
	.seal = seal,
};
