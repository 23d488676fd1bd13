/*
 * The objects of the master as messages of the v1 API.  They borrow from what they show, for as long
 * as that is not changed; the legacy endpoints are written from the same.
 */
#ifndef MASTER_STUB_VIEW_H
#define MASTER_STUB_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/pb_arena.h"
#include "master_stub/drain.h"
#include "proto/master.pb-c.h"

struct ended_task;
struct executor;
struct framework;
struct framework_role;
struct json_out;
struct offer;
struct resources;
struct task;

/* Messages of resources; owned. */
struct resource_list {
	Mesos__V1__Resource **items;
	size_t n;
};

/* Add those of R, with ROLE as what they are allocated to unless it is NULL. */
int resource_list_add(struct resource_list *list, const struct resources *r, const char *role);
void resource_list_done(struct resource_list *list);

/* Every init is 0 or -ENOMEM, and done is called in both cases. */
struct task_view {
	Mesos__V1__Task message;
	Mesos__V1__TaskID id;
	Mesos__V1__AgentID agent_id;
	Mesos__V1__FrameworkID framework_id;
	Mesos__V1__Resource__AllocationInfo allocation;
	Mesos__V1__TaskInfo *info;		/* NULL for one that has ended */
	Mesos__V1__TaskStatus *status;		/* or NULL */
	struct pb_arena arena;			/* what they are in; last: it is large */
};
int task_view_init(struct task_view *view, const struct task *task);
int task_view_init_ended(struct task_view *view, const struct ended_task *ended);
void task_view_done(struct task_view *view);

enum { N_AGENT_CAPABILITIES = 4 };

struct agent_view {
	Mesos__V1__Master__Response__GetAgents__Agent message;
	const struct agent *agent;
	struct resource_list total, allocated, offered;
	Mesos__V1__TimeInfo registered, reregistered, drain_started;
	Mesos__V1__AgentInfo__Capability capability[N_AGENT_CAPABILITIES];
	Mesos__V1__AgentInfo__Capability *capabilities[N_AGENT_CAPABILITIES];
	struct drain_message drain;
	char pid[320];
};
/* WITH_USE: what is allocated and offered, too. */
int agent_view_init(struct agent_view *view, const struct agent *agent, bool with_use);
void agent_view_done(struct agent_view *view);

struct offer_view;

struct framework_view {
	Mesos__V1__Master__Response__GetFrameworks__Framework message;
	const struct framework *framework;
	struct resource_list allocated, offered;
	Mesos__V1__TimeInfo registered, reregistered, unregistered;
	struct offer_view *offers;		/* owned */
	Mesos__V1__Offer **offer_pointers;	/* owned */
};
/* WITH_USE: offers, and what is allocated and offered, too. */
int framework_view_init(struct framework_view *view, const struct framework *framework,
			bool with_use);
void framework_view_done(struct framework_view *view);

struct executor_view {
	Mesos__V1__Master__Response__GetExecutors__Executor message;
	Mesos__V1__ExecutorInfo *info;		/* owned */
};
int executor_view_init(struct executor_view *view, const struct executor *executor);
void executor_view_done(struct executor_view *view);

/* view_legacy.c: the members of the object that the legacy endpoints show (reference/mesos.md 3.6). */
void task_view_write(struct json_out *out, const struct task_view *view);
void agent_view_write(struct json_out *out, const struct agent_view *view);
void framework_view_write(struct json_out *out, const struct framework_view *view);
void executor_view_write(struct json_out *out, const struct executor_view *view);
/* Those of /state-summary. */
void agent_view_write_summary(struct json_out *out, const struct agent_view *view);
void framework_view_write_summary(struct json_out *out, const struct framework_view *view);

#endif
