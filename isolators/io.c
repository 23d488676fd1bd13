/* A share of the disks under contention, and limits by device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup_text.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MIN_BLKIO_WEIGHT = 10, MAX_BLKIO_WEIGHT = 1000 };

static int validate(const struct spec *spec, struct err *e)
{
	unsigned major, minor;
	char rest;

	if (spec->io_weight != 0 &&
	    (spec->io_weight < MIN_BLKIO_WEIGHT || spec->io_weight > MAX_BLKIO_WEIGHT))
		return err_set(e, ERANGE, "weight %" PRIu64 " is outside %d..%d", spec->io_weight,
			       MIN_BLKIO_WEIGHT, MAX_BLKIO_WEIGHT);
	for (char **line = spec->io_max; line && *line; line++) {
		if (sscanf(*line, "%u:%u %c", &major, &minor, &rest) != 3)
			return err_set(e, EINVAL, "parse limit '%.64s'", *line);
	}
	return 0;
}

/* OCI's 10..1000 onto the 1..10000 of v2, end to end. */
static int write_weight(const struct box *box, struct err *e)
{
	uint64_t weight = 1 + (box->spec->io_weight - MIN_BLKIO_WEIGHT) * 9999 /
		(MAX_BLKIO_WEIGHT - MIN_BLKIO_WEIGHT);
	char text[32];
	int r;

	(void)snprintf(text, sizeof(text), "%" PRIu64, weight);
	r = cgroup_write(&box->cgroup, "io.weight", text, e);
	if (r != -ENOTSUP)
		return r;
	/* A preference: only some schedulers of block devices know weights. */
	err_clear(e);
	return 0;
}

static int prepare(struct box *box, struct err *e)
{
	int r = box->spec->io_weight ? write_weight(box, e) : 0;

	for (char **line = box->spec->io_max; line && *line && r == 0; line++)
		r = cgroup_write(&box->cgroup, "io.max", *line, e);
	return r;
}

static const struct {
	const char *name;
	size_t offset;
} sums[] = {
	{ "rbytes", offsetof(struct usage, io_read_bytes) },
	{ "wbytes", offsetof(struct usage, io_write_bytes) },
	{ "rios", offsetof(struct usage, io_reads) },
	{ "wios", offsetof(struct usage, io_writes) },
};

/* A group that has done no i/o has an empty io.stat. */
static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	struct err unknown = { 0 };
	char text[CGROUP_TEXT_SIZE];
	int r = cgroup_read(cg, "io.stat", text, sizeof(text), &unknown);

	(void)e;
	for (size_t i = 0; i < ARRAY_SIZE(sums) && r == 0; i++) {
		uint64_t value = 0;

		if (cgroup_text_sum(text, sums[i].name, &value) != -ERANGE)
			memcpy((char *)usage + sums[i].offset, &value, sizeof(value));
	}
	usage_read_pressure(cg, "io.pressure", &usage->io_pressure, usage);
	return 0;
}

const struct isolator isolator_io = {
	.name = "io",
	.validate = validate,
	.prepare = prepare,
	.sample = sample,
};
