/* A share of the disks under contention, and limits by device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "isolators/spec.h"
#include "isolators/table.h"
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

const struct isolator isolator_io = {
	.name = "io",
	.validate = validate,
	.prepare = prepare,
};
