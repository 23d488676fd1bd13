/* How many instances an app is to have by its load: a pure function, after Kubernetes's HPA. */
#ifndef MASTER_STUB_MARATHON_AUTOSCALE_AUTOSCALE_DECISION_H
#define MASTER_STUB_MARATHON_AUTOSCALE_AUTOSCALE_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct autoscale;

/* What is known of one instance; one of which nothing is known may be idle as well as at its target. */
struct autoscale_sample {
	bool is_known;
	double value;
};

enum { AUTOSCALE_SLOTS = 64 };

/*
 * What was wished and done before.  Bounded: where there is more, neighbours are joined, to be
 * forgotten later than they had to be.  Plain data.
 */
struct autoscale_history {
	int64_t since_ms;		/* what was before is not known */
	struct autoscale_wish {
		int64_t ms;
		unsigned low, high;
	} wishes[AUTOSCALE_SLOTS];	/* oldest first */
	unsigned n_wishes;
	struct autoscale_step {
		int64_t ms;
		unsigned up, down;
	} steps[AUTOSCALE_SLOTS];
	unsigned n_steps;
};

/* INSTANCES are what is wished at NOW_MS, by whoever has set them: from here on. */
void autoscale_history_begin(struct autoscale_history *history, unsigned instances, int64_t now_ms);
/* A decision was carried out. */
void autoscale_history_step(struct autoscale_history *history, unsigned from, unsigned to,
			    int64_t now_ms);

enum autoscale_reason {
	AUTOSCALE_NO_SAMPLES,	/* of no instance anything is known */
	AUTOSCALE_STEADY,	/* as many as there are to be */
	AUTOSCALE_UNKNOWN,	/* fewer, but a metric is not known */
	AUTOSCALE_STABILIZING,	/* until the window is over */
	AUTOSCALE_LIMITED,	/* enough for this period */
	AUTOSCALE_LOAD,		/* changed, by the load */
	AUTOSCALE_BOUNDS,	/* changed, to be within min and max */
};
const char *autoscale_reason_name(enum autoscale_reason reason);

struct autoscale_decision {
	unsigned wanted;	/* by the load, within the bounds */
	unsigned instances;	/* to have now */
	enum autoscale_reason reason;
	int target;		/* that wants the most; -1: none */
};

/*
 * INSTANCES are there, or are coming.  SAMPLES: for every target as many.  The bounds MIN and MAX hold
 * now.  Takes note in HISTORY of what is wished.
 */
struct autoscale_decision autoscale_decide(const struct autoscale *policy, unsigned min,
					   unsigned max, unsigned instances,
					   const struct autoscale_sample *samples,
					   struct autoscale_history *history, int64_t now_ms);

/* The mean over those that are known; false: none is. */
bool autoscale_mean(const struct autoscale_sample *samples, size_t n, double *ret_mean,
		    unsigned *ret_known);

#endif
