/* A share of the processors under contention, and a quota of their time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup_text.h"
#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum {
	MIN_SHARES = 2, MAX_SHARES = 262144,
	MAX_WEIGHT = 10000,
	MIN_PERIOD_USEC = 1000, MAX_PERIOD_USEC = 1000000,	/* the kernel's */
	DEFAULT_PERIOD_USEC = 100000,
};

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->cpu_shares != 0 &&
	    (spec->cpu_shares < MIN_SHARES || spec->cpu_shares > MAX_SHARES))
		return err_set(e, ERANGE, "%" PRIu64 " shares are outside %d..%d", spec->cpu_shares,
			       MIN_SHARES, MAX_SHARES);
	if (spec->cpu_period_usec != 0 && (spec->cpu_period_usec < MIN_PERIOD_USEC ||
					   spec->cpu_period_usec > MAX_PERIOD_USEC))
		return err_set(e, ERANGE, "period of %" PRIu64 " us is outside %d..%d",
			       spec->cpu_period_usec, MIN_PERIOD_USEC, MAX_PERIOD_USEC);
	if (spec->cpu_quota_usec < -1 ||
	    (spec->cpu_quota_usec > 0 && spec->cpu_quota_usec < MIN_PERIOD_USEC))
		return err_set(e, ERANGE, "quota of %" PRId64 " us is less than %d",
			       spec->cpu_quota_usec, MIN_PERIOD_USEC);
	if (spec->cpu_quota_usec > 0 && spec->cpu_burst_usec > (uint64_t)spec->cpu_quota_usec)
		return err_set(e, ERANGE, "burst of %" PRIu64 " us is more than the quota of %"
			       PRId64, spec->cpu_burst_usec, spec->cpu_quota_usec);
	return 0;
}

/*
 * Shares are proportions: who has twice as many gets twice the time.  So is the weight, and 1024
 * shares are the weight of a group that has none, 100.  The curve of newer runtimes fits the ends
 * of both scales too, but bends between them: there 4096 shares would get 3 times what 1024 get.
 */
static int add_weight(const struct spec *spec, struct limits *ret, struct err *e)
{
	uint64_t weight = (spec->cpu_shares * 100 + 512) / 1024;

	if (weight < 1)
		weight = 1;
	return limits_add_number(ret, "linux.resources.cpu.shares", "cpu.weight",
				 weight > MAX_WEIGHT ? MAX_WEIGHT : (int64_t)weight, e);
}

static int add_max(const struct spec *spec, struct limits *ret, struct err *e)
{
	uint64_t period = spec->cpu_period_usec ? spec->cpu_period_usec : DEFAULT_PERIOD_USEC;
	struct limit limit = { .path = "linux.resources.cpu.quota", .file = "cpu.max" };
	char text[64];

	if (spec->cpu_quota_usec > 0)
		(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64, spec->cpu_quota_usec,
			       period);
	else
		(void)snprintf(text, sizeof(text), "max %" PRIu64, period);
	limit.value = text;
	return limits_add(ret, &limit, e);
}

/* A group that is idle has no weight and takes none; a burst may not be longer than the quota. */
static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	const struct limit idle = {
		.path = "linux.resources.cpu.idle", .file = "cpu.idle",
		.value = spec->cpu_idle ? "1" : "0", .is_switch = true,
	};
	int r = spec->has_cpu_idle ? limits_add(ret, &idle, e) : 0;

	if (r == 0 && spec->cpu_shares && !spec->cpu_idle)
		r = add_weight(spec, ret, e);
	if (r == 0 && (spec->cpu_quota_usec || spec->cpu_period_usec))
		r = add_max(spec, ret, e);
	if (r == 0 && spec->has_cpu_burst)
		r = limits_add_number(ret, "linux.resources.cpu.burst", "cpu.max.burst",
				      (int64_t)spec->cpu_burst_usec, e);
	return r;
}

static const struct usage_field fields[] = {
	USAGE_FIELD("cpu.stat", "usage_usec", cpu_usage_usec),
	USAGE_FIELD("cpu.stat", "user_usec", cpu_user_usec),
	USAGE_FIELD("cpu.stat", "system_usec", cpu_system_usec),
	USAGE_FIELD("cpu.stat", "nr_periods", cpu_nr_periods),
	USAGE_FIELD("cpu.stat", "nr_throttled", cpu_nr_throttled),
	USAGE_FIELD("cpu.stat", "throttled_usec", cpu_throttled_usec),
	USAGE_FIELD("cpu.weight", NULL, cpu_weight),
};

/* "20000 100000" or "max 100000" */
static void read_max(const struct cgroup *cg, struct usage *usage)
{
	struct err unknown = { 0 };
	char text[64];
	char *period;

	if (cgroup_read(cg, "cpu.max", text, sizeof(text), &unknown) < 0)
		return;
	period = strchr(text, ' ');
	if (!period)
		return;
	*period++ = '\0';
	(void)cgroup_text_u64(text, &usage->cpu_quota_usec);
	(void)cgroup_text_u64(period, &usage->cpu_period_usec);
}

static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	(void)e;
	usage_read_fields(cg, fields, ARRAY_SIZE(fields), usage);
	read_max(cg, usage);
	usage_read_pressure(cg, "cpu.pressure", &usage->cpu_pressure, usage);
	return 0;
}

const struct isolator isolator_cpu = {
	.name = "cpu",
	.validate = validate,
	.limits = list_limits,
	.sample = sample,
	.pressure_file = "cpu.pressure",
};
