/* The calls of frameworks other than SUBSCRIBE. */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/launch.h"
#include "master_stub/reconcile.h"
#include "master_stub/scheduler.h"
#include "master_stub/task.h"

typedef Mesos__V1__Scheduler__Call Call;
typedef int call_fn(struct framework *framework, const Call *call, int64_t now_ms, struct err *e);

static int need(const void *body, const char *field, struct err *e)
{
	return body ? 0 : err_set(e, EINVAL, "Failed to validate scheduler::Call: Expecting"
				  " '%s' to be present", field);
}

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
	int r = need(call->accept, "accept", e);

	return r < 0 ? r : launch_accept(framework, call->accept, now_ms, e);
}

static int call_decline(struct framework *framework, const Call *call, int64_t now_ms,
			struct err *e)
{
	int r = need(call->decline, "decline", e);

	return r < 0 ? r : launch_decline(framework, call->decline, now_ms, e);
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

static int call_kill(struct framework *framework, const Call *call, int64_t now_ms, struct err *e)
{
	int r = need(call->kill, "kill", e);

	(void)now_ms;
	return r < 0 ? r : master_task_kill(framework, call->kill, e);
}

static int call_acknowledge(struct framework *framework, const Call *call, int64_t now_ms,
			    struct err *e)
{
	int r = need(call->acknowledge, "acknowledge", e);

	(void)now_ms;
	return r < 0 ? r : master_task_acknowledge(framework, call->acknowledge, e);
}

static int call_reconcile(struct framework *framework, const Call *call, int64_t now_ms,
			  struct err *e)
{
	int r = need(call->reconcile, "reconcile", e);

	(void)now_ms;
	if (r == 0)
		reconcile(framework, call->reconcile);
	return r;
}

typedef Mesos__V1__Allocator__InverseOfferStatus__Status Answer;

static int call_accept_inverse(struct framework *framework, const Call *call, int64_t now_ms,
			       struct err *e)
{
	static const Answer answer = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__ACCEPT;
	int r = need(call->accept_inverse_offers, "accept_inverse_offers", e);

	if (r == 0)
		inverse_offers_answer(framework, call->accept_inverse_offers->inverse_offer_ids,
				      call->accept_inverse_offers->n_inverse_offer_ids, answer,
				      call->accept_inverse_offers->filters, now_ms);
	return r;
}

static int call_decline_inverse(struct framework *framework, const Call *call, int64_t now_ms,
				struct err *e)
{
	static const Answer answer = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__DECLINE;
	int r = need(call->decline_inverse_offers, "decline_inverse_offers", e);

	if (r == 0)
		inverse_offers_answer(framework, call->decline_inverse_offers->inverse_offer_ids,
				      call->decline_inverse_offers->n_inverse_offer_ids, answer,
				      call->decline_inverse_offers->filters, now_ms);
	return r;
}

#define ROW(name_, handle_) \
	[MESOS__V1__SCHEDULER__CALL__TYPE__##name_] = { .name = #name_, .handle = (handle_) }

static const struct {
	const char *name;
	call_fn *handle;	/* NULL: not in this version */
} calls[] = {
	ROW(UNKNOWN, NULL),
	ROW(SUBSCRIBE, NULL),
	ROW(TEARDOWN, call_teardown),
	ROW(ACCEPT, call_accept),
	ROW(DECLINE, call_decline),
	ROW(REVIVE, call_revive),
	ROW(KILL, call_kill),
	ROW(SHUTDOWN, NULL),
	ROW(ACKNOWLEDGE, call_acknowledge),
	ROW(RECONCILE, call_reconcile),
	ROW(MESSAGE, NULL),
	ROW(REQUEST, NULL),
	ROW(SUPPRESS, call_suppress),
	ROW(ACCEPT_INVERSE_OFFERS, call_accept_inverse),
	ROW(DECLINE_INVERSE_OFFERS, call_decline_inverse),
	ROW(ACKNOWLEDGE_OPERATION_STATUS, NULL),
	ROW(RECONCILE_OPERATIONS, NULL),
	ROW(UPDATE_FRAMEWORK, NULL),
};

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
	if (!calls[type].handle)
		return err_set(e, ENOTSUP, "call %s is not supported by this version",
			       calls[type].name);
	return calls[type].handle(framework, call, now_ms, e);
}
