/* A cluster in one process: a virtual clock, one source of chance, a trace that replays. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/rng.h"

struct autoscaled;
struct deed;
struct ending;
struct farewell;
struct group;
struct host;
struct job_people;
struct ledger;
struct link;
struct people;
struct sim_agent;
struct sim_framework;
struct sim_service;
struct sim_volume;

/* TAG is what was given with it: an actor that began anew since then ignores what it meant before. */
typedef void sim_fn(void *arg, uint64_t tag);

struct sim_event {
	int64_t at_ms;
	uint64_t order;		/* what is due at the same time happens in the order of its planning */
	sim_fn *fn;
	void *arg;
	uint64_t tag;
};

enum fault {
	FAULT_MASTER_CRASH,		/* what was not committed is lost */
	FAULT_MASTER_CRASH_COMMITTED,	/* what was committed is kept, what it was to tell is lost */
	FAULT_COMMIT_FAILURE,
	FAULT_AGENT_CRASH,
	FAULT_AGENT_REBOOT,
	FAULT_FRAMEWORK_CRASH,
	FAULT_FRAMEWORK_FAILOVER,
	FAULT_FRAMEWORK_DISCONNECT,
	FAULT_CONNECTION_LOSS,
	FAULT_PARTITION,
	FAULT_PARTITION_TO_MASTER,
	FAULT_PARTITION_FROM_MASTER,
	FAULT_FLAPPING,
	FAULT_SLOW_NETWORK,
	FAULT_DUPLICATE,
	FAULT_CLOCK_JUMP,
	FAULT_CLOCK_CHANGE,
	FAULT_TASK_FAILURE,
	FAULT_TASK_SICK,
	FAULT_TASK_NOT_READY,
	FAULT_LATE_ACKNOWLEDGEMENT,
	FAULT_DOUBLE_ACKNOWLEDGEMENT,
	FAULT_LOST_ACKNOWLEDGEMENT,
	FAULT_INVALID_LAUNCH,
	FAULT_OPERATOR,
	FAULT_APP_CHANGE,
	FAULT_JOB_CHANGE,
	N_FAULTS,
};
extern const char *const fault_names[N_FAULTS];

/* Of a role, as operators have set it: known again when it is set anew. */
struct limit {
	const char *role;
	int64_t cpus;			/* in thousandths; INT64_MAX: none */
	bool is_answered, is_unknown;
};
enum { N_LIMITS = 2 };

struct sim {
	uint64_t seed;
	bool is_tracing;
	struct rng rng;			/* of everything but the master */
	int64_t now_ms;			/* boot clock of every machine */
	int64_t wall_offset_ms;		/* of the wall clock, which jumps */
	int64_t jumped_ms;		/* when it did so last */
	uint64_t n_planned, n_steps;
	uint64_t n_tags;		/* given away: no two actors' timers have the same */
	struct sim_event *heap;
	size_t n_heap, heap_room;

	bool is_calm;			/* the faults are over: everything must heal */
	bool is_ending;			/* and then everything ends */
	struct host *host;
	struct sim_agent **agents;
	size_t n_agents;
	struct sim_framework **frameworks;
	size_t n_frameworks;
	SLIST_HEAD(, link) links;	/* all there ever were */
	struct ledger *ledger;
	struct limit limits[N_LIMITS];
	uint64_t next_offer;		/* those below it were looked at */
	struct deed *deeds;		/* operations with an id */
	SLIST_HEAD(, group) groups;	/* that were asked for */
	struct farewell *farewells;	/* endpoints that agents were told of (directories.c) */
	struct sim_service *services;	/* names that have addresses */
	struct people *people;		/* NULL: this run has no controller */
	struct sim_volume *volumes;	/* that the controller has asked for (residents.c) */
	struct job_people *job_people;	/* likewise */
	struct autoscaled *autoscaled;	/* likewise */

	uint64_t hash;			/* of the trace */
	uint64_t faults[N_FAULTS];
	uint64_t n_messages, n_tasks, n_runs, n_skips, n_scalings, n_executors, n_groups, n_changes, n_volumes;
	uint64_t n_returns;	/* of instances to their volumes */
	bool is_failed;
};

/* One run; the result is in the fields above.  False: a promise was broken, which was told. */
bool sim_run(struct sim *sim, uint64_t seed, bool is_tracing);

void sim_at(struct sim *sim, int64_t at_ms, sim_fn *fn, void *arg, uint64_t tag);
static inline void sim_in(struct sim *sim, int64_t ms, sim_fn *fn, void *arg, uint64_t tag)
{
	sim_at(sim, sim->now_ms + ms, fn, arg, tag);
}
int64_t sim_wall_ms(const struct sim *sim);
/* The wall clock jumps by so much. */
void sim_jump(struct sim *sim, int64_t ms);

/* True with a chance of N in a thousand. */
bool sim_chance(struct sim *sim, unsigned n);
/* Uniform in [LEAST, MOST]. */
int64_t sim_between(struct sim *sim, int64_t least, int64_t most);

/* A line of the trace: hashed always, printed when it was asked for. */
void sim_trace(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* PROMISE, a checker's name, is broken: the run ends. */
void sim_fail(struct sim *sim, const char *promise, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One more of FAULT. */
void sim_fault(struct sim *sim, enum fault fault);

/* faults.c: plan what goes wrong until UNTIL. */
void faults_plan(struct sim *sim, int64_t until_ms);
void faults_end(struct sim *sim);

/* Memory of the simulator's own: without it nothing can be said. */
void *sim_alloc(size_t size);

#endif
