/* A framework: it launches, kills and forgets to answer; its list of tasks is on its own disk. */
#ifndef TESTS_SIM_FRAMEWORK_H
#define TESTS_SIM_FRAMEWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/scheduler.pb-c.h"
#include "tests/sim/link.h"

struct ask;
struct fate;
struct group;
struct sim;

enum { EXECUTOR_ID_SIZE = 32 };

/* A task that it has asked for. */
struct wish {
	TAILQ_ENTRY(wish) next;
	struct fate *fate;
	struct group *group;		/* NULL: it is alone */
	char id[32], agent_id[128];
	char executor[EXECUTOR_ID_SIZE];	/* "": it has none to name */
	Mesos__V1__TaskState state;	/* last heard; STAGING before */
	bool is_over;			/* it will ask for it no more */
};

struct late_ack {
	STAILQ_ENTRY(late_ack) next;
	int64_t at_ms;
	char task_id[32], agent_id[128];
	uint8_t uuid[16];
};

struct sim_framework {
	struct sim *sim;
	struct place place;
	char name[24];
	bool is_partition_aware;
	double failover_timeout;
	unsigned most_tasks;

	int64_t left_ms;		/* the master has had no stream of it since; INT64_MAX: it has */

	/* On its disk. */
	unsigned roles, suppressed;	/* bits by place in framework_roles; of one without MULTI_ROLE: none */
	char id[128];			/* "": none yet */
	unsigned n_named;		/* tasks and operations */
	TAILQ_HEAD(, wish) wishes;
	TAILQ_HEAD(, ask) asks;

	/* The process. */
	bool is_running, is_subscribed;
	uint64_t run;			/* one more with every process, and every stream */
	struct link *link;
	unsigned attempts;
	int64_t silence_at_ms;
	STAILQ_HEAD(, late_ack) late_acks;
	bool is_offered;		/* since the faults are over */
	bool is_tearing_down, is_torn_down;
};

enum { N_ROLES = 3 };
extern const char *const framework_roles[N_ROLES];

struct sim_framework *sim_framework_new(struct sim *sim, unsigned number);
void sim_framework_free(struct sim_framework *framework);
/* Its process ends; another one has its disk after DOWN_MS. */
void sim_framework_crash(struct sim_framework *framework, int64_t down_ms);
/* A second process subscribes while the stream of the first is open. */
void sim_framework_fail_over(struct sim_framework *framework);
/* Only the connection ends. */
void sim_framework_disconnect(struct sim_framework *framework);
/* The faults are over: ask for what became of every task. */
void sim_framework_reconcile(struct sim_framework *framework);
void sim_framework_tear_down(struct sim_framework *framework);

#endif
