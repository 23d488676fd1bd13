/* How many handles and objects of each RDMA device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
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

const struct isolator isolator_rdma = {
	.name = "rdma",
	.validate = validate,
	.limits = list_limits,
};
