/* A share of the processors under contention, and a quota of their time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "isolators/spec.h"
#include "isolators/table.h"
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

const struct isolator isolator_cpu = {
	.name = "cpu",
	.validate = validate,
	.prepare = prepare,
};
