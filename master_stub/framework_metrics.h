/* What each framework has done and was told, for metrics. */
#ifndef MASTER_STUB_FRAMEWORK_METRICS_H
#define MASTER_STUB_FRAMEWORK_METRICS_H

#include <stdint.h>

struct master;
struct metrics;

enum {
	N_SCHEDULER_CALLS = 19,		/* values of scheduler.Call.Type */
	N_SCHEDULER_EVENTS = 12,	/* and of scheduler.Event.Type */
	N_OPERATIONS = 15,		/* and of Offer.Operation.Type */
	N_TASK_STATES = 14,		/* of mesos.v1.TaskState */
};

/* Since the framework, or this master, came. */
struct framework_counters {
	uint64_t calls[N_SCHEDULER_CALLS], events[N_SCHEDULER_EVENTS], operations[N_OPERATIONS];
	uint64_t offers_sent, offers_accepted, offers_declined, offers_rescinded;
	uint64_t tasks_ended[N_TASK_STATES];
	uint64_t n_tasks[N_TASK_STATES];	/* now */
};

/* "master/frameworks/NAME/ID/...", of so many frameworks at most; the rest is counted. */
enum { MAX_MEASURED_FRAMEWORKS = 200 };
void framework_metrics(const struct master *master, const struct metrics *metrics);

#endif
