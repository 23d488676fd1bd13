/*
 * The custom executors of frameworks on agents: each runs any number of tasks and takes resources of
 * its own, which are charged once, for as long as it lives.
 */
#ifndef MASTER_STUB_EXECUTOR_H
#define MASTER_STUB_EXECUTOR_H

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/resources.h"
#include "master_stub/task.h"

struct leave;

struct executor {
	char *id;
	struct framework *framework;
	struct agent *agent;
	struct framework_role *role;
	struct resources resources;
	bool is_charged;
	bool is_seen;			/* while an agent's list is gone through */
	bool is_shut_down;		/* or will be as soon as its tasks serve nobody */
	struct leave *leave;		/* till then */
	bool has_exited;		/* but a task is on its way there that may have begun it anew */
	struct packed info;		/* ExecutorInfo with framework_id, as launched */
	LIST_ENTRY(executor) on_agent, of_framework;
};

/* NULL: no such executor of FRAMEWORK is known on AGENT. */
struct executor *master_executor_find(const struct agent *agent, const struct framework *framework,
				      const char *id);

/* Owned; NULL when memory is out. */
Mesos__V1__ExecutorInfo *master_executor_info(const struct executor *executor);

/*
 * What a framework gives for the executor of a task, or of a group, of ROLE: -EINVAL with what is wrong with it,
 * such as that it is not the one that runs under this id, which is *ret_running (NULL: none does).
 * *RET is owned, complete with framework_id and roles of its resources.
 */
int master_executor_complete(const struct agent *agent, const struct framework *framework,
			     const char *role, const Mesos__V1__ExecutorInfo *info, bool is_group,
			     Mesos__V1__ExecutorInfo **ret, struct executor **ret_running,
			     struct err *e);

/* INFO is complete; *RESOURCES are taken over when it succeeds, and charged if the agent has a node. */
int master_executor_new(struct framework *framework, struct agent *agent,
			struct framework_role *role, const Mesos__V1__ExecutorInfo *info,
			struct resources *resources, struct executor **ret);
/* Its tasks stay, without it. */
void master_executor_free(struct executor *executor);

/* What AGENT brings when it subscribes, before its tasks; after them: what it no longer knows. */
void master_executors_bring(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe);
void master_executors_drop_unseen(struct agent *agent);

/* EXECUTOR_EXITED of AGENT; its framework hears FAILURE. */
void master_executor_exited(struct agent *agent, const Tepui__AgentCall__ExecutorExited *exited);
/*
 * TASK, which has an executor, was heard of for the first time, or has ended.  HAS_BEGUN: the executor
 * has got it.
 */
void master_executor_heard(struct task *task, bool has_begun);

/* SHUTDOWN, now. */
void master_executor_send_shutdown(const struct executor *executor);
/* To the agents, for all that FRAMEWORK has: it was removed. */
void master_executors_shut_down(const struct framework *framework);

#endif
