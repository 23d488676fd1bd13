/* The calls of frameworks other than SUBSCRIBE. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/vip_label.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/launch.h"
#include "master_stub/leave.h"
#include "master_stub/reconcile.h"
#include "master_stub/registry.h"
#include "master_stub/scheduler.h"
#include "master_stub/task.h"

typedef Mesos__V1__Scheduler__Call Call;
typedef int call_fn(struct framework *framework, const Call *call, int64_t now_ms, struct err *e);

static int call_teardown(struct framework *framework, const Call *call, int64_t now_ms,
			 struct err *e)
{
	(void)call;
	(void)now_ms;
	(void)e;
	framework_remove(framework, "TEARDOWN");
	return 0;
}

static int call_accept(struct framework *framework, const Call *call, int64_t now_ms, struct err *e)
{
	return launch_accept(framework, call->accept, now_ms, e);
}

static int call_decline(struct framework *framework, const Call *call, int64_t now_ms,
			struct err *e)
{
	return launch_decline(framework, call->decline, now_ms, e);
}

/* Every role of the framework, or those that are named. */
static bool is_named(const struct framework_role *role, char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(role->name, names[i]) == 0)
			return true;
	}
	return n == 0;
}

static int call_revive(struct framework *framework, const Call *call, int64_t now_ms, struct err *e)
{
	struct framework_role *role;
	char **names = call->revive ? call->revive->roles : NULL;
	size_t n = call->revive ? call->revive->n_roles : 0;

	(void)now_ms;
	(void)e;
	SLIST_FOREACH(role, &framework->roles, next) {
		if (!is_named(role, names, n))
			continue;
		role->is_suppressed = false;
		allocator_client_revive(role->client);
	}
	framework_update_clients(framework);
	return 0;
}

static int call_suppress(struct framework *framework, const Call *call, int64_t now_ms,
			 struct err *e)
{
	struct framework_role *role;
	char **names = call->suppress ? call->suppress->roles : NULL;
	size_t n = call->suppress ? call->suppress->n_roles : 0;

	(void)now_ms;
	(void)e;
	SLIST_FOREACH(role, &framework->roles, next) {
		if (is_named(role, names, n))
			role->is_suppressed = true;
	}
	framework_update_clients(framework);
	return 0;
}

static int call_update_framework(struct framework *framework, const Call *call, int64_t now_ms,
				 struct err *e)
{
	(void)now_ms;
	return framework_update(framework, call->update_framework, e);
}

static int call_kill(struct framework *framework, const Call *call, int64_t now_ms, struct err *e)
{
	(void)now_ms;
	(void)e;
	master_task_kill(framework, call->kill);
	return 0;
}

static int call_weigh(struct framework *framework, const Call *call, int64_t now_ms, struct err *e)
{
	(void)now_ms;
	(void)e;
	master_task_weigh(framework, call->weigh);
	return 0;
}

static int call_acknowledge(struct framework *framework, const Call *call, int64_t now_ms,
			    struct err *e)
{
	(void)now_ms;
	(void)e;
	master_task_acknowledge(framework, call->acknowledge);
	return 0;
}

static int call_reconcile(struct framework *framework, const Call *call, int64_t now_ms,
			  struct err *e)
{
	(void)now_ms;
	(void)e;
	reconcile(framework, call->reconcile);
	return 0;
}

static int call_acknowledge_operation(struct framework *framework, const Call *call, int64_t now_ms,
				      struct err *e)
{
	(void)now_ms;
	(void)e;
	feedback_acknowledge(framework, call->acknowledge_operation_status);
	return 0;
}

static int call_reconcile_operations(struct framework *framework, const Call *call, int64_t now_ms,
				     struct err *e)
{
	(void)now_ms;
	(void)e;
	feedback_reconcile(framework, call->reconcile_operations);
	return 0;
}

typedef Mesos__V1__Allocator__InverseOfferStatus__Status Answer;

static int call_accept_inverse(struct framework *framework, const Call *call, int64_t now_ms,
			       struct err *e)
{
	static const Answer answer = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__ACCEPT;

	(void)e;
	inverse_offers_answer(framework, call->accept_inverse_offers->inverse_offer_ids,
			      call->accept_inverse_offers->n_inverse_offer_ids, answer,
			      call->accept_inverse_offers->filters, now_ms);
	return 0;
}

static int call_decline_inverse(struct framework *framework, const Call *call, int64_t now_ms,
				struct err *e)
{
	static const Answer answer = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__DECLINE;

	(void)e;
	inverse_offers_answer(framework, call->decline_inverse_offers->inverse_offer_ids,
			      call->decline_inverse_offers->n_inverse_offer_ids, answer,
			      call->decline_inverse_offers->filters, now_ms);
	return 0;
}

/* Wishes for resources: the allocator offers what there is, and needs none. */
static int call_request(struct framework *framework, const Call *call, int64_t now_ms,
			struct err *e)
{
	(void)framework;
	(void)call;
	(void)now_ms;
	(void)e;
	return 0;
}

/* Where a message for an executor goes; NULL: it is dropped, which is told to operators only. */
static struct agent *find_connected(const struct framework *framework, const Call *call,
				    const char *agent_id)
{
	struct master *master = framework->master;
	struct agent *agent = registry_find(master, agent_id);

	if (agent && agent->state == AGENT_CONNECTED)
		return agent;
	master->counters.dropped_messages++;
	master_explain(master, "%s of framework '%s' is dropped: agent '%.255s' is not connected",
		       scheduler_call_name(call), framework->id, agent_id);
	return NULL;
}

static int call_message(struct framework *framework, const Call *call, int64_t now_ms,
			struct err *e)
{
	struct agent *agent = find_connected(framework, call, call->message->agent_id->value);

	(void)now_ms;
	(void)e;
	if (agent)
		registry_send_message(agent, framework->id, call->message->executor_id,
				      &call->message->data);
	return 0;
}

static int call_shutdown(struct framework *framework, const Call *call, int64_t now_ms,
			 struct err *e)
{
	struct agent *agent = find_connected(framework, call, call->shutdown->agent_id->value);
	struct executor *executor = !agent ? NULL :
		master_executor_find(agent, framework, call->shutdown->executor_id->value);

	(void)now_ms;
	(void)e;
	if (executor)
		leave_shut_down(executor);
	else if (agent)
		registry_send_shutdown_executor(agent, framework->id, call->shutdown->executor_id);
	return 0;
}

/* ---- the table ---- */

/* BODY is the field that has to be there. */
#define ROW(name_, body_, handle_) \
	[MESOS__V1__SCHEDULER__CALL__TYPE__##name_] = \
		{ #name_, #body_, offsetof(Call, body_), (handle_) }
#define ROW_WITHOUT_BODY(name_, handle_) \
	[MESOS__V1__SCHEDULER__CALL__TYPE__##name_] = { #name_, NULL, 0, (handle_) }

static const struct {
	const char *name, *field;
	size_t body;
	call_fn *handle;	/* NULL: not in this version */
} calls[] = {
	ROW_WITHOUT_BODY(UNKNOWN, NULL),
	ROW(SUBSCRIBE, subscribe, NULL),
	ROW_WITHOUT_BODY(TEARDOWN, call_teardown),
	ROW(ACCEPT, accept, call_accept),
	ROW(DECLINE, decline, call_decline),
	ROW_WITHOUT_BODY(REVIVE, call_revive),
	ROW(KILL, kill, call_kill),
	ROW(SHUTDOWN, shutdown, call_shutdown),
	ROW(ACKNOWLEDGE, acknowledge, call_acknowledge),
	ROW(RECONCILE, reconcile, call_reconcile),
	ROW(MESSAGE, message, call_message),
	ROW(REQUEST, request, call_request),
	ROW_WITHOUT_BODY(SUPPRESS, call_suppress),
	ROW(ACCEPT_INVERSE_OFFERS, accept_inverse_offers, call_accept_inverse),
	ROW(DECLINE_INVERSE_OFFERS, decline_inverse_offers, call_decline_inverse),
	ROW(ACKNOWLEDGE_OPERATION_STATUS, acknowledge_operation_status,
	    call_acknowledge_operation),
	ROW(RECONCILE_OPERATIONS, reconcile_operations, call_reconcile_operations),
	ROW(UPDATE_FRAMEWORK, update_framework, call_update_framework),
	ROW(WEIGH, weigh, call_weigh),
};

const char *scheduler_call_name(const Call *call)
{
	return (size_t)call->type < ARRAY_SIZE(calls) ? calls[call->type].name : "UNKNOWN";
}

/* ---- what is wrong with a call by itself ---- */

static int check_ids_equal(const Call *call, const Mesos__V1__FrameworkID *id, const char *of,
			   struct err *e)
{
	const Mesos__V1__FrameworkID *other = call->framework_id;

	if (!id != !other || (id && strcmp(id->value, other->value) != 0))
		return err_set(e, EINVAL, "'framework_id' differs from '%s.framework_info.id'", of);
	return 0;
}

static int check_uuid(const ProtobufCBinaryData *uuid, struct err *e)
{
	return uuid->len == 16 ? 0 : err_set(e, EINVAL, "'uuid' has %zu bytes, not 16", uuid->len);
}

static int check_grace(const Mesos__V1__Scheduler__Call__Kill *kill, struct err *e)
{
	const Mesos__V1__KillPolicy *policy = kill->kill_policy;

	if (policy && policy->grace_period && policy->grace_period->nanoseconds < 0)
		return err_set(e, EINVAL, "'kill.kill_policy.grace_period' must not be negative");
	return 0;
}

static int check_weight(const Mesos__V1__Scheduler__Call__Weigh *weigh, struct err *e)
{
	if (weigh->weight > VIP_WEIGHT_MAX)
		return err_set(e, EINVAL, "'weigh.weight' must be from 0 to %d", VIP_WEIGHT_MAX);
	return 0;
}

static int check_body(const Call *call, struct err *e)
{
	const char *field = (size_t)call->type < ARRAY_SIZE(calls) ? calls[call->type].field : NULL;

	if (field && !*(void *const *)((const char *)call + calls[call->type].body))
		return err_set(e, EINVAL, "Expecting '%s' to be present", field);
	switch ((int)call->type) {
	case MESOS__V1__SCHEDULER__CALL__TYPE__KILL:
		return check_grace(call->kill, e);
	case MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE:
		return check_uuid(&call->acknowledge->uuid, e);
	case MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
		if (!call->acknowledge_operation_status->agent_id)
			return err_set(e, EINVAL, "Expecting 'agent_id' to be present");
		return check_uuid(&call->acknowledge_operation_status->uuid, e);
	case MESOS__V1__SCHEDULER__CALL__TYPE__WEIGH:
		return check_weight(call->weigh, e);
	case MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK:
		return check_ids_equal(call, call->update_framework->framework_info->id,
				       "update_framework", e);
	default:
		return 0;
	}
}

static int check_call(const Call *call, struct err *e)
{
	if (!call->has_type)
		return err_set(e, EINVAL, "Expecting 'type' to be present");
	if (call->type != MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE)
		return call->framework_id ? check_body(call, e) :
		       err_set(e, EINVAL, "Expecting 'framework_id' to be present");
	if (!call->subscribe)
		return err_set(e, EINVAL, "Expecting 'subscribe' to be present");
	return check_ids_equal(call, call->subscribe->framework_info->id, "subscribe", e);
}

int scheduler_call_validate(const Call *call, struct err *e)
{
	return check_call(call, e) < 0 ? err_wrap(e, "Failed to validate scheduler::Call") : 0;
}

int scheduler_call(struct scheduler *scheduler, const Call *call, int64_t now_ms, struct err *e)
{
	struct framework *framework = scheduler->framework;
	unsigned type = call->has_type ? (unsigned)call->type : 0;

	if (scheduler->is_over || framework->scheduler != scheduler)
		return err_set(e, EPERM, "Framework is not subscribed");
	if (call->framework_id && strcmp(call->framework_id->value, framework->id) != 0)
		return err_set(e, EINVAL, "call is of framework '%.255s', the subscription of '%s'",
			       call->framework_id->value, framework->id);
	if (type >= ARRAY_SIZE(calls) || type == MESOS__V1__SCHEDULER__CALL__TYPE__UNKNOWN)
		return err_set(e, ENOTSUP, "call of unknown type %u", type);
	framework->master->counters.calls[type]++;
	framework->counters.calls[type]++;
	if (check_body(call, e) < 0)
		return err_wrap(e, "Failed to validate scheduler::Call");
	if (!calls[type].handle)
		return err_set(e, ENOTSUP, "call %s is not supported by this version",
			       calls[type].name);
	return calls[type].handle(framework, call, now_ms, e);
}
