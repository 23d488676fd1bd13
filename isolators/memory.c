/* How much memory, and that the whole container goes when it is not enough. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->memory_limit_bytes < -1)
		return err_set(e, ERANGE, "limit of %" PRId64 " bytes", spec->memory_limit_bytes);
	if (spec->memory_reservation_bytes < 0)
		return err_set(e, ERANGE, "reservation of %" PRId64 " bytes",
			       spec->memory_reservation_bytes);
	if (spec->memory_swap_bytes < -1 ||
	    (spec->memory_swap_bytes > 0 && spec->memory_swap_bytes < spec->memory_limit_bytes))
		return err_set(e, ERANGE, "limit of %" PRId64 " bytes with swap is below the one "
			       "of %" PRId64 " without", spec->memory_swap_bytes,
			       spec->memory_limit_bytes);
	return 0;
}

static int write_bytes(const struct box *box, const char *file, int64_t bytes, struct err *e)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, bytes);
	return cgroup_write(&box->cgroup, file, bytes < 0 ? "max" : text, e);
}

/* For what a kernel or hierarchy may not have. */
static int write_if_supported(const struct box *box, const char *file, int64_t bytes,
			      struct err *e)
{
	int r = write_bytes(box, file, bytes, e);

	if (r != -ENOTSUP)
		return r;
	err_clear(e);
	return 0;
}

static int64_t swap_bytes(const struct spec *spec)
{
	if (spec->memory_swap_bytes < 0)
		return -1;
	if (spec->memory_swap_bytes <= spec->memory_limit_bytes)
		return 0;
	return spec->memory_swap_bytes - spec->memory_limit_bytes;
}

static int prepare(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	int r;

	if (spec->memory_limit_bytes != 0) {
		r = write_bytes(box, "memory.max", spec->memory_limit_bytes, e);
		if (r < 0)
			return r;
	}
	if (spec->memory_limit_bytes > 0) {
		/* A kernel without the file cannot swap a group out beyond the limit either. */
		r = write_if_supported(box, "memory.swap.max", swap_bytes(spec), e);
		if (r < 0)
			return r;
	}
	if (spec->memory_reservation_bytes > 0) {
		r = write_bytes(box, "memory.low", spec->memory_reservation_bytes, e);
		if (r < 0)
			return r;
	}
	/* v1 kills one process: there the supervisor ends the rest. */
	return write_if_supported(box, "memory.oom.group", 1, e);
}

static const struct usage_field fields[] = {
	USAGE_FIELD("memory.current", NULL, memory_bytes),
	USAGE_FIELD("memory.peak", NULL, memory_peak_bytes),
	USAGE_FIELD("memory.max", NULL, memory_limit_bytes),
	USAGE_FIELD("memory.low", NULL, memory_low_bytes),
	USAGE_FIELD("memory.swap.current", NULL, memory_swap_bytes),
	USAGE_FIELD("memory.stat", "anon", memory_anon_bytes),
	USAGE_FIELD("memory.stat", "file", memory_file_bytes),
	USAGE_FIELD("memory.stat", "kernel", memory_kernel_bytes),
	USAGE_FIELD("memory.stat", "file_mapped", memory_mapped_bytes),
	USAGE_FIELD("memory.stat", "unevictable", memory_unevictable_bytes),
	USAGE_FIELD("memory.events", "oom", oom_events),
	USAGE_FIELD("memory.events", "oom_kill", oom_kills),
};

static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	(void)e;
	usage_read_fields(cg, fields, ARRAY_SIZE(fields), usage);
	usage_read_pressure(cg, "memory.pressure", &usage->memory_pressure, usage);
	return 0;
}

const struct isolator isolator_memory = {
	.name = "memory",
	.validate = validate,
	.prepare = prepare,
	.sample = sample,
};
