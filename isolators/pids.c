/* How many processes and threads, and how many groups below the container's own. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_DESCENDANTS = 64 };

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->pids_limit < -1)
		return err_set(e, ERANGE, "limit of %" PRId64 " processes", spec->pids_limit);
	return 0;
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	/* Whoever may write to the group's directory could otherwise eat kernel memory with it. */
	int r = limits_add_number(ret, "linux.resources", "cgroup.max.descendants",
				  MAX_DESCENDANTS, e);

	if (r < 0 || spec->pids_limit == 0)
		return r;
	return limits_add_number(ret, "linux.resources.pids.limit", "pids.max", spec->pids_limit,
				 e);
}

static const struct usage_field fields[] = {
	USAGE_FIELD("pids.current", NULL, pids),
	USAGE_FIELD("pids.peak", NULL, pids_peak),
	USAGE_FIELD("pids.max", NULL, pids_limit),
	USAGE_FIELD("pids.events", "max", pids_rejected),
};

/* Lines of cgroup.procs or cgroup.threads, by blocks: there may be many. */
static void count_lines(const struct cgroup *cg, const char *file, uint64_t *ret)
{
	AUTO_CLOSE int fd = openat(cg->core_fd, file, O_RDONLY | O_CLOEXEC);
	uint64_t lines = 0;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
	if (n == 0)
		*ret = lines;
}

static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	(void)e;
	usage_read_fields(cg, fields, ARRAY_SIZE(fields), usage);
	count_lines(cg, "cgroup.procs", &usage->processes);
	count_lines(cg, "cgroup.threads", &usage->threads);
	return 0;
}

const struct isolator isolator_pids = {
	.name = "pids",
	.validate = validate,
	.limits = list_limits,
	.sample = sample,
};
