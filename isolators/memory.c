/* How much memory, and that the whole container goes when it is not enough. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->memory_limit_bytes < -1)
		return err_set(e, ERANGE, "limit of %" PRId64 " bytes", spec->memory_limit_bytes);
	if (spec->memory_reservation_bytes < -1)
		return err_set(e, ERANGE, "reservation of %" PRId64 " bytes",
			       spec->memory_reservation_bytes);
	if (spec->memory_swap_bytes < -1 ||
	    (spec->memory_swap_bytes > 0 && spec->memory_swap_bytes < spec->memory_limit_bytes))
		return err_set(e, ERANGE, "limit of %" PRId64 " bytes with swap is below the one "
			       "of %" PRId64 " without", spec->memory_swap_bytes,
			       spec->memory_limit_bytes);
	return 0;
}

/* The kernel counts pages and rounds down. */
static int add_bytes(struct limits *ret, const struct limit *place, int64_t bytes, struct err *e)
{
	int64_t page = sysconf(_SC_PAGESIZE);
	struct limit limit = *place;
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, bytes < 0 ? bytes : bytes / page * page);
	limit.value = bytes < 0 ? "max" : text;
	return limits_add(ret, &limit, e);
}

static int64_t swap_bytes(const struct spec *spec)
{
	if (spec->memory_swap_bytes < 0)
		return -1;
	if (spec->memory_swap_bytes <= spec->memory_limit_bytes)
		return 0;
	return spec->memory_swap_bytes - spec->memory_limit_bytes;
}

static int add_max(const struct spec *spec, struct limits *ret, struct err *e)
{
	const struct limit max = {
		.path = "linux.resources.memory.limit", .file = "memory.max",
		.floor = spec->memory_check_before_update ? "memory.current" : NULL,
	};
	/* A kernel without the file cannot swap a group out beyond the limit either. */
	const struct limit swap = {
		.path = "linux.resources.memory.swap", .file = "memory.swap.max",
		.is_optional = true,
	};
	int r = add_bytes(ret, &max, spec->memory_limit_bytes, e);

	if (r < 0 || spec->memory_limit_bytes < 0)
		return r;
	return add_bytes(ret, &swap, swap_bytes(spec), e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	const struct limit low = {
		.path = "linux.resources.memory.reservation", .file = "memory.low",
	};
	/* v1 kills one process: there the supervisor ends the rest. */
	const struct limit group = {
		.path = "linux.resources.memory", .file = "memory.oom.group", .value = "1",
		.is_optional = true,
	};
	int r = spec->memory_limit_bytes ? add_max(spec, ret, e) : 0;

	if (r == 0 && spec->memory_reservation_bytes)
		r = add_bytes(ret, &low, spec->memory_reservation_bytes < 0 ? 0 :
			      spec->memory_reservation_bytes, e);
	/* Of v1 alone: v2 has no such file and says so. */
	if (r == 0 && spec->has_memory_swappiness)
		r = limits_add_number(ret, "linux.resources.memory.swappiness",
				      "memory.swappiness", (int64_t)spec->memory_swappiness, e);
	return r == 0 ? limits_add(ret, &group, e) : r;
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
	USAGE_FIELD("memory.swap.max", NULL, memory_swap_limit_bytes),
	USAGE_FIELD("memory.events", "low", memory_low_events),
	USAGE_FIELD("memory.events", "high", memory_high_events),
	USAGE_FIELD("memory.events", "max", memory_max_events),
	USAGE_FIELD("memory.events", "oom", oom_events),
	USAGE_FIELD("memory.events", "oom_group_kill", oom_group_kills),
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
	.limits = list_limits,
	.sample = sample,
	.pressure_file = "memory.pressure",
};
