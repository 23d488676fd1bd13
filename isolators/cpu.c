/* A share of the processors under contention, and a quota of their time. */
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
	return 0;
}

static int write_weight(const struct box *box, struct err *e)
{
	/* Proportional, so that 1024 shares are the weight of a group without any: 100. */
	uint64_t weight = (box->spec->cpu_shares * 100 + 512) / 1024;
	char text[32];

	if (weight < 1)
		weight = 1;
	(void)snprintf(text, sizeof(text), "%" PRIu64, weight > MAX_WEIGHT ? MAX_WEIGHT : weight);
	return cgroup_write(&box->cgroup, "cpu.weight", text, e);
}

static int prepare(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	uint64_t period = spec->cpu_period_usec ? spec->cpu_period_usec : DEFAULT_PERIOD_USEC;
	char text[64];
	int r = spec->cpu_shares ? write_weight(box, e) : 0;

	if (r < 0 || (spec->cpu_quota_usec == 0 && spec->cpu_period_usec == 0))
		return r;
	if (spec->cpu_quota_usec > 0)
		(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64, spec->cpu_quota_usec,
			       period);
	else
		(void)snprintf(text, sizeof(text), "max %" PRIu64, period);
	return cgroup_write(&box->cgroup, "cpu.max", text, e);
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
	.prepare = prepare,
	.sample = sample,
};
