#include "master_stub/marathon/framework.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum { RETRY_MS = 1000, FAILOVER_SECONDS = 604800 };

/* Kept until the next turn, which knows the time. */
static void take_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct controller *c = arg;
	size_t size = mesos__v1__scheduler__event__get_packed_size(event);
	struct incoming *incoming = malloc(sizeof(*incoming) + size + 1);

	c->next_ms = 0;
	if (!incoming) {
		/* Updates come again; a lost offer ends by its timeout. */
		c->is_out_of_memory = true;
		return;
	}
	incoming->size = mesos__v1__scheduler__event__pack(event, incoming->data);
	STAILQ_INSERT_TAIL(&c->incoming, incoming, all);
}

/* ---- What it says of itself ---- */

typedef Mesos__V1__FrameworkInfo__Capability Capability;

enum { N_CAPABILITIES = 2 };

/* A FrameworkInfo with what it points into; not to be copied. */
struct introduction {
	Mesos__V1__FrameworkInfo info;
	Mesos__V1__FrameworkID id;
	Capability capabilities[N_CAPABILITIES], *list[N_CAPABILITIES];
};

/* The schema's strings are not const, though nobody writes to them. */
static char **texts(const char *const *list)
{
	return (char **)(uintptr_t)list;
}

static void introduce(const struct controller *c, const char *const *roles, size_t n,
		      struct introduction *ret)
{
	static char user[] = "root", name[] = "marathon";
	static const Mesos__V1__FrameworkInfo__Capability__Type types[N_CAPABILITIES] = {
		MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE,
		MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE,
	};
	Mesos__V1__FrameworkInfo *info = &ret->info;

	mesos__v1__framework_info__init(info);
	for (int i = 0; i < N_CAPABILITIES; i++) {
		mesos__v1__framework_info__capability__init(&ret->capabilities[i]);
		ret->capabilities[i].has_type = true;
		ret->capabilities[i].type = types[i];
		ret->list[i] = &ret->capabilities[i];
	}
	info->user = user;
	info->name = name;
	info->has_failover_timeout = info->has_checkpoint = true;
	info->failover_timeout = FAILOVER_SECONDS;
	info->checkpoint = true;
	info->n_roles = n;
	info->roles = texts(roles);
	info->n_capabilities = N_CAPABILITIES;
	info->capabilities = ret->list;
	if (c->framework_id) {
		mesos__v1__framework_id__init(&ret->id);
		ret->id.value = c->framework_id;
		info->id = &ret->id;
	}
}

int framework_set_roles(struct controller *c, const char *const *roles, size_t n,
			const char *const *suppressed, size_t n_suppressed, struct err *e)
{
	struct introduction introduction;

	introduce(c, roles, n, &introduction);
	return calls_update_framework(c, &introduction.info, texts(suppressed), n_suppressed, e);
}

/* ---- The subscription ---- */

static int subscribe(struct controller *c, struct err *e)
{
	Mesos__V1__Scheduler__Call__Subscribe call =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	struct introduction introduction;

	introduce(c, &c->options.mesos_role, 1, &introduction);
	call.framework_info = &introduction.info;
	return scheduler_subscribe(c->master, &call, take_event, c, c->now_ms, &c->scheduler, e);
}

static void try_subscribe(struct controller *c)
{
	struct err e = { 0 };
	char buf[640];
	int r = subscribe(c, &e);

	if (r < 0) {
		c->scheduler = NULL;
		controller_explain(c, "the master refused the subscription: %s",
				   err_text(&e, buf, sizeof(buf)));
		/* An id that is not accepted any more never will be: go on as a new framework. */
		if ((r == -EPERM || r == -EINVAL) && c->framework_id) {
			free(c->framework_id);
			c->framework_id = NULL;
		}
		c->subscribe_ms = c->now_ms + RETRY_MS;
		return;
	}
	c->is_known = c->framework_id != NULL;
	if (instance_set_text(&c->framework_id, scheduler_framework_id(c->scheduler)) < 0 ||
	    records_put_framework(c) < 0)
		c->is_out_of_memory = true;
}

void framework_turn(struct controller *c)
{
	if (!c->scheduler && c->now_ms >= c->subscribe_ms)
		try_subscribe(c);
	if (!c->scheduler)
		controller_wake_at(c, c->subscribe_ms);
}

void framework_lost(struct controller *c, const char *why)
{
	controller_explain(c, "the subscription has ended: %s", why);
	event_disconnected(c);
	if (strstr(why, "removed") || strstr(why, "torn down")) {
		free(c->framework_id);
		c->framework_id = NULL;
	}
	c->scheduler = NULL;
	c->is_subscribed = false;
	c->subscribe_ms = c->now_ms + RETRY_MS;
}
