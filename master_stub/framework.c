#include "master_stub/framework.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework_validate.h"
#include "master_stub/directory.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/leave.h"
#include "master_stub/min_allocatable.h"
#include "master_stub/listing.h"
#include "master_stub/observe.h"
#include "master_stub/offer.h"
#include "master_stub/offer_constraints.h"
#include "master_stub/registry.h"
#include "master_stub/service.h"
#include "master_stub/task.h"

static const char KIND[] = "framework";

struct framework *framework_find(const struct master *master, const char *id)
{
	struct framework *framework = NULL;

	HASH_FIND_STR(master->frameworks, id, framework);
	return framework;
}

bool framework_is_capable(const struct framework *framework,
		   Mesos__V1__FrameworkInfo__Capability__Type capability)
{
	return framework->capabilities & (UINT32_C(1) << capability);
}

/* ---- roles ---- */

struct framework_role *framework_role_get(struct framework *framework, const char *name)
{
	struct framework_role *role;

	SLIST_FOREACH(role, &framework->roles, next) {
		if (strcmp(role->name, name) == 0)
			return role;
	}
	role = calloc(1, sizeof(*role));
	if (!role)
		return NULL;
	role->framework = framework;
	role->is_left = true;
	role->name = strdup(name);
	if (!role->name || allocator_client_new(framework->master->allocator, role, framework->id,
						name, &role->client) < 0) {
		free(role->name);
		free(role);
		return NULL;
	}
	SLIST_INSERT_HEAD(&framework->roles, role, next);
	return role;
}

static void free_roles(struct framework *framework)
{
	struct framework_role *role;

	while ((role = SLIST_FIRST(&framework->roles))) {
		SLIST_REMOVE_HEAD(&framework->roles, next);
		allocator_client_free(role->client);
		free(role->name);
		free(role);
	}
}

static int enter_role(struct framework *framework, const char *name)
{
	struct framework_role *role = framework_role_get(framework, name);

	if (!role)
		return -ENOMEM;
	role->is_left = false;
	return 0;
}

/* What its offers must at least have, in a role that it is in. */
static int set_min(struct framework_role *role)
{
	struct min_allocatable min = { .n = 0 };

	(void)min_allocatable_of(role->framework->info, role->name, &min);
	return allocator_client_set_min(role->client, min.sets, min.n);
}

static int enter_roles(struct framework *framework)
{
	const Mesos__V1__FrameworkInfo *info = framework->info;
	int r = 0;

	if (!framework_is_capable(framework,
				  MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE))
		return enter_role(framework, info->role ? info->role : "*");
	for (size_t i = 0; i < info->n_roles && r == 0; i++)
		r = enter_role(framework, info->roles[i]);
	return r;
}

static int update_roles(struct framework *framework)
{
	struct framework_role *role;
	int r;

	SLIST_FOREACH(role, &framework->roles, next) {
		role->is_left = true;
		allocator_client_touch(role->client);
	}
	r = enter_roles(framework);
	SLIST_FOREACH(role, &framework->roles, next) {
		if (r == 0)
			r = set_min(role);
	}
	return r;
}

void framework_update_clients(struct framework *framework)
{
	struct framework_role *role;

	SLIST_FOREACH(role, &framework->roles, next) {
		if (allocator_client_set_active(role->client, framework->scheduler &&
						!framework->is_removed && !role->is_left &&
						!role->is_suppressed) < 0)
			master_explain(framework->master, "framework '%s' gets no offers for role"
				       " '%s': the master is out of memory", framework->id,
				       role->name);
	}
}

static bool is_suppressed(const struct framework_terms *terms, const char *role)
{
	for (size_t i = 0; i < terms->n_suppressed_roles; i++) {
		if (strcmp(terms->suppressed_roles[i], role) == 0)
			return true;
	}
	return false;
}

void framework_take_terms(struct framework *framework, const struct framework_terms *terms,
			  struct offer_constraints **constraints, bool is_fresh)
{
	struct framework_role *role;

	offer_constraints_free(framework->constraints);
	framework->constraints = TAKE_PTR(*constraints);
	SLIST_FOREACH(role, &framework->roles, next) {
		bool was_suppressed = role->is_suppressed;

		role->is_suppressed = is_suppressed(terms, role->name);
		if (is_fresh || (was_suppressed && !role->is_suppressed))
			allocator_client_revive(role->client);
	}
	framework_update_clients(framework);
}

/* ---- kills for which it is too early ---- */

static void early_kill_free(struct framework *framework, struct early_kill *kill)
{
	HASH_DEL(framework->early_kills, kill);
	free(kill->task_id);
	free(kill);
}

static void forget_kills(struct framework *framework)
{
	struct early_kill *kill, *next;

	HASH_ITER(hh, framework->early_kills, kill, next)
		early_kill_free(framework, kill);
}

void frameworks_forget_kills(struct master *master)
{
	struct framework *framework, *next;

	HASH_ITER(hh, master->frameworks, framework, next)
		forget_kills(framework);
}

void framework_keep_kill(struct framework *framework, const char *task_id, int64_t grace_ns)
{
	struct early_kill *kill = NULL;

	HASH_FIND_STR(framework->early_kills, task_id, kill);
	if (kill) {
		kill->grace_ns = grace_ns;
		return;
	}
	if (HASH_COUNT(framework->early_kills) >= MAX_EARLY_KILLS)
		return;
	kill = calloc(1, sizeof(*kill));
	if (!kill)
		return;
	kill->grace_ns = grace_ns;
	kill->task_id = strdup(task_id);
	if (kill->task_id)
		HASH_ADD_KEYPTR(hh, framework->early_kills, kill->task_id, strlen(kill->task_id),
				kill);
	if (!kill->task_id || !kill->hh.tbl) {
		free(kill->task_id);
		free(kill);
	}
}

bool framework_take_kill(struct framework *framework, const char *task_id, int64_t *ret_grace_ns)
{
	struct early_kill *kill = NULL;

	HASH_FIND_STR(framework->early_kills, task_id, kill);
	if (!kill)
		return false;
	*ret_grace_ns = kill->grace_ns;
	early_kill_free(framework, kill);
	return true;
}

/* ---- rows and records ---- */

static uint32_t capabilities_of(const Mesos__V1__FrameworkInfo *info)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < info->n_capabilities; i++) {
		if (info->capabilities[i]->has_type && (unsigned)info->capabilities[i]->type < 32)
			bits |= UINT32_C(1) << info->capabilities[i]->type;
	}
	return bits;
}

int framework_set_info(struct framework *framework, const Mesos__V1__FrameworkInfo *info,
		       struct err *e)
{
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__FrameworkInfo merged = *info;
	Mesos__V1__FrameworkInfo *copy;
	bool is_renamed;

	id.value = framework->id;
	merged.id = &id;
	if (framework->info) {
		merged.user = framework->info->user;
		merged.has_checkpoint = framework->info->has_checkpoint;
		merged.checkpoint = framework->info->checkpoint;
	}
	copy = (Mesos__V1__FrameworkInfo *)pb_copy(&merged.base);
	if (!copy)
		return err_set(e, ENOMEM, "update framework '%s'", framework->id);
	is_renamed = framework->info && strcmp(framework->info->name, copy->name) != 0;
	if (framework->info)
		mesos__v1__framework_info__free_unpacked(framework->info, NULL);
	framework->info = copy;
	framework->capabilities = capabilities_of(copy);
	if (is_renamed)
		directory_rename(framework);
	if (update_roles(framework) < 0)
		return err_set(e, ENOMEM, "update framework '%s'", framework->id);
	return 0;
}

static void rescind_left(struct framework *framework)
{
	struct offer *offer, *next;

	for (offer = LIST_FIRST(&framework->offers); offer; offer = next) {
		next = LIST_NEXT(offer, of_framework);
		if (offer->role->is_left)
			offer_rescind(offer);
	}
}

int framework_update(struct framework *framework,
		     const Mesos__V1__Scheduler__Call__UpdateFramework *update, struct err *e)
{
	struct framework_terms terms = FRAMEWORK_TERMS(update);
	struct offer_constraints *constraints = NULL;
	int r = framework_info_validate(terms.info, framework->master->options.roles, e);

	if (r == 0)
		r = framework_info_validate_update(framework->info, terms.info, e);
	if (r == 0)
		r = framework_terms_validate(&terms, &constraints, e);
	if (r == 0)
		r = framework_set_info(framework, terms.info, e);
	if (r == 0)
		r = framework_put(framework, e);
	if (r == 0) {
		framework_take_terms(framework, &terms, &constraints, false);
		rescind_left(framework);
		observe_framework_updated(framework);
		master_explain(framework->master, "framework '%s' ('%.100s') is updated",
			       framework->id, terms.info->name);
	}
	offer_constraints_free(constraints);
	return r;
}

static void framework_free(struct framework *framework)
{
	struct operation *operation, *next_operation;
	struct task *task, *next;

	offers_free_of_framework(framework);
	framework_stop_failover(framework);
	forget_kills(framework);
	HASH_ITER(hh, framework->tasks, task, next)
		master_task_free(task);
	HASH_ITER(hh, framework->operations, operation, next_operation)
		feedback_free(operation);
	history_forget(framework);
	listings_forget(framework->master, framework);
	HASH_DEL(framework->master->frameworks, framework);
	free_roles(framework);
	offer_constraints_free(framework->constraints);
	if (framework->info)
		mesos__v1__framework_info__free_unpacked(framework->info, NULL);
	free(framework->id);
	free(framework);
}

int framework_new(struct master *master, const char *id, const Mesos__V1__FrameworkInfo *info,
		  struct framework **ret, struct err *e)
{
	struct framework *framework = calloc(1, sizeof(*framework));
	int r;

	if (!framework)
		return err_set(e, ENOMEM, "make framework '%s'", id);
	framework->master = master;
	framework->deadline_ms = INT64_MAX;
	SLIST_INIT(&framework->roles);
	LIST_INIT(&framework->offers);
	LIST_INIT(&framework->executors);
	TAILQ_INIT(&framework->ended);
	LIST_INIT(&framework->inverse_offers);
	framework->id = strdup(id);
	if (framework->id)
		HASH_ADD_KEYPTR(hh, master->frameworks, framework->id, strlen(framework->id),
				framework);
	if (!framework->id || !framework->hh.tbl) {
		free(framework->id);
		free(framework);
		return err_set(e, ENOMEM, "make framework '%s'", id);
	}
	r = framework_set_info(framework, info, e);
	if (r < 0) {
		framework_free(framework);
		return r;
	}
	*ret = framework;
	return 0;
}

void frameworks_free(struct master *master)
{
	struct framework *framework, *next;

	HASH_ITER(hh, master->frameworks, framework, next)
		framework_free(framework);
}

int framework_put(const struct framework *framework, struct err *e)
{
	Tepui__FrameworkRecord record = TEPUI__FRAMEWORK_RECORD__INIT;

	record.framework = framework->info;
	record.has_is_removed = framework->is_removed;
	record.is_removed = framework->is_removed;
	record.has_deadline_wall_ms = framework->deadline_wall_ms > 0;
	record.deadline_wall_ms = framework->deadline_wall_ms;
	return master_put(framework->master, KIND, framework->id, &record.base, e);
}

struct load {
	struct master *master;
	int64_t now_ms;
};

static int load_framework(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	const struct load *load = arg;
	Tepui__FrameworkRecord *record = tepui__framework_record__unpack(NULL, size, data);
	struct framework *framework;
	int r;

	if (!record) {
		master_explain(load->master, "framework '%s': its record cannot be read and is"
			       " ignored", key);
		return 0;
	}
	r = framework_new(load->master, key, record->framework, &framework, e);
	if (r == 0) {
		framework->is_removed = record->is_removed;
		framework->is_recovered = true;
		if (record->has_deadline_wall_ms)
			framework_resume_failover(framework, record->deadline_wall_ms,
						  load->now_ms);
		else if (!framework->is_removed)
			framework_await_return(framework, load->now_ms);
		if (framework->is_removed)
			history_add_framework(framework);
	}
	tepui__framework_record__free_unpacked(record, NULL);
	return r;
}

int frameworks_load(struct master *master, int64_t now_ms, struct err *e)
{
	struct load load = { .master = master, .now_ms = now_ms };

	return store_each(master->store, KIND, load_framework, &load, e);
}

int framework_find_or_recover(struct master *master, const Mesos__V1__FrameworkInfo *info,
			      struct framework **ret, struct err *e)
{
	int r;

	*ret = info->id ? framework_find(master, info->id->value) : NULL;
	if (*ret)
		return 0;
	if (!info->id || !id_is_valid(info->id->value))
		return err_set(e, EINVAL, "its framework has no valid id");
	r = framework_new(master, info->id->value, info, ret, e);
	if (r < 0)
		return r;
	/* Nobody said that it may be torn down: its tasks run until it is back. */
	(*ret)->is_recovered = true;
	observe_framework_added(*ret);
	master_explain(master,
		       "framework '%s' ('%.100s') is known from an agent; waiting for"
		       " it",
		       (*ret)->id, info->name);
	return 0;
}

/* ---- removal ---- */

/* Burnt ids are remembered, but not without end. */
static void forget_oldest_removed(struct master *master)
{
	struct framework *framework, *next, *oldest = NULL;
	struct err e = { 0 };
	unsigned n = 0;

	HASH_ITER(hh, master->frameworks, framework, next) {
		if (!framework->is_removed || framework->tasks || framework->operations ||
		    !LIST_EMPTY(&framework->executors) || framework->n_schedulers)
			continue;
		if (!oldest)
			oldest = framework;
		n++;
	}
	if (n <= MAX_REMOVED_FRAMEWORKS)
		return;
	if (store_delete(master->store, KIND, oldest->id, &e) == 0)
		framework_free(oldest);
}

static void kill_tasks(struct framework *framework)
{
	struct task *task, *next;

	HASH_ITER(hh, framework->tasks, task, next) {
		if (task->is_unreachable) {
			/* Its agent will bring it along, and be told to kill it then. */
			master_task_free(task);
		} else if (master_task_is_ended(task->state)) {
			/* Nobody else will acknowledge its last update. */
			ProtobufCBinaryData uuid = { 16, task->update_uuid };

			if (task->has_update)
				registry_send_acknowledge(task->agent, framework->id, task->id,
							  &uuid);
			if (task->has_update && master_task_is_ended(task->update_state))
				master_task_free(task);
		} else {
			task->is_kill_requested = true;
			leave_kill(task);
		}
	}
}

void framework_remove(struct framework *framework, const char *why)
{
	struct master *master = framework->master;
	struct err e = { 0 };

	if (framework->is_removed)
		return;
	framework->is_removed = true;
	framework_stop_failover(framework);
	framework->unregistered_wall_ms = master_wall_ms(master);
	if (framework_put(framework, &e) < 0)
		master_explain(master, "framework '%s': its removal is not recorded: %s",
			       framework->id, e.msg);
	master_explain(master, "framework '%s' is removed: %s", framework->id, why);
	if (framework->scheduler)
		scheduler_end(framework->scheduler, "Framework has been removed");
	framework->scheduler = NULL;
	offers_free_of_framework(framework);
	framework_update_clients(framework);
	history_add_framework(framework);
	observe_framework_removed(framework);
	kill_tasks(framework);
	services_retry(master);
	feedback_settle(framework);
	master_executors_shut_down(framework);
	forget_oldest_removed(master);
}

int master_teardown(struct master *master, const char *framework_id, struct err *e)
{
	struct framework *framework = framework_find(master, framework_id);

	if (!framework || framework->is_removed)
		return err_set(e, EINVAL, "No framework found with specified ID '%.255s'",
			       framework_id);
	framework_remove(framework, "an operator tore it down");
	return 0;
}

/* ---- events ---- */

int framework_send(struct framework *framework, const Mesos__V1__Scheduler__Event *event)
{
	if (!framework->scheduler)
		return -ENOTCONN;
	return scheduler_queue(framework->scheduler, event);
}

int framework_send_status(struct framework *framework, const Mesos__V1__TaskStatus *status)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Update update = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;

	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE;
	event.update = &update;
	/* Copied, not changed. */
	update.status = (Mesos__V1__TaskStatus *)(uintptr_t)status;
	return framework_send(framework, &event);
}
