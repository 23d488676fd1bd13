/* The scheduler interface: the calls and events of the Mesos v1 scheduler API as structs. */
#ifndef MASTER_STUB_SCHEDULER_H
#define MASTER_STUB_SCHEDULER_H

#include <stdint.h>

#include "proto/scheduler.pb-c.h"

struct err;
struct master;
struct scheduler;

/*
 * A framework's end of a subscription, in the process (the controller) or over HTTP: both come
 * through here (DESIGN.md decision 3).  EVENT is borrowed for the call.  Events are delivered only
 * from master_turn(), never from inside a call: a framework may call back from its event function.
 */
typedef void scheduler_event_fn(void *arg, const Mesos__V1__Scheduler__Event *event);

/*
 * SUBSCRIBE.  A framework_info without id is a new framework; with id it comes back, and an older
 * subscription of the same id gets ERROR "Framework failed over" and ends.  What the API tells as
 * an ERROR event is the message of E here: -EINVAL, -EPERM.
 * *ret is owned by the master and valid until scheduler_disconnect() or an ERROR event.
 */
int scheduler_subscribe(struct master *master,
			const Mesos__V1__Scheduler__Call__Subscribe *subscribe,
			scheduler_event_fn *event, void *arg, int64_t now_ms,
			struct scheduler **ret, struct err *e);

/*
 * Every other call.  0 means accepted, not done: whatever comes of it comes as events.  -EINVAL for
 * a call that fails validation; -ENOTSUP for one that this version does not know.
 */
int scheduler_call(struct scheduler *scheduler, const Mesos__V1__Scheduler__Call *call,
		   int64_t now_ms, struct err *e);

/*
 * What is wrong with a call whoever makes it: type, framework_id and body, in the order and words of
 * Mesos.  -EINVAL.
 */
int scheduler_call_validate(const Mesos__V1__Scheduler__Call *call, struct err *e);
const char *scheduler_call_name(const Mesos__V1__Scheduler__Call *call);

/* The connection is lost: offers are rescinded, failover_timeout starts. */
void scheduler_disconnect(struct scheduler *scheduler, int64_t now_ms);

/*
 * The subscription of a framework.  -EINVAL: there is no such framework; -EPERM: it is not
 * subscribed.  In the words of reference/mesos.md 1.1.
 */
int scheduler_find(const struct master *master, const char *framework_id, struct scheduler **ret,
		   struct err *e);

const char *scheduler_framework_id(const struct scheduler *scheduler);
const char *scheduler_principal(const struct scheduler *scheduler);	/* NULL: none */

#endif
