/* How many handles and objects of each RDMA device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup_text.h"
#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->n_rdma; i++) {
		const char *device = spec->rdma[i].device;

		if (!*device || strpbrk(device, " =\n/"))
			return err_set(e, EINVAL, "limit device '%.64s'", device);
	}
	return 0;
}

static int add(const struct spec_rdma *rdma, const char *name, int64_t value, struct limits *ret,
	       struct err *e)
{
	char text[32];

	if (value < 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	return limits_add(ret, &(struct limit){ .path = "linux.resources.rdma", .file = "rdma.max",
						.key = rdma->device, .name = name, .value = text },
			  e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < spec->n_rdma && r == 0; i++) {
		r = add(&spec->rdma[i], "hca_handle", spec->rdma[i].handles, ret, e);
		if (r == 0)
			r = add(&spec->rdma[i], "hca_object", spec->rdma[i].objects, ret, e);
	}
	return r;
}

/* "mlx5_0 hca_handle=2 hca_object=2000" */
static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	struct err unknown = { 0 };
	char text[CGROUP_TEXT_SIZE];

	(void)e;
	if (!cg->versions[CGROUP_RDMA] ||
	    cgroup_read(cg, "rdma.current", text, sizeof(text), &unknown) < 0)
		return 0;
	for (const char *line = text; *line && usage->n_rdma < USAGE_MAX_RDMA_DEVICES;
	     line = cgroup_text_next_line(line)) {
		struct usage_rdma *rdma = &usage->rdma[usage->n_rdma];

		if (sscanf(line, "%31s", rdma->device) != 1)
			continue;
		if (cgroup_text_name(line, "hca_handle", &rdma->handles) == 0 &&
		    cgroup_text_name(line, "hca_object", &rdma->objects) == 0)
			usage->n_rdma++;
	}
	return 0;
}

const struct isolator isolator_rdma = {
	.name = "rdma",
	.validate = validate,
	.limits = list_limits,
	.sample = sample,
};
