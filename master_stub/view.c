#include "master_stub/view.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/history.h"
#include "master_stub/offer.h"
#include "master_stub/offer_constraints.h"
#include "master_stub/registry.h"

static char *borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* NULL for a time that never came. */
static Mesos__V1__TimeInfo *time_of(Mesos__V1__TimeInfo *ret, int64_t wall_ms)
{
	mesos__v1__time_info__init(ret);
	ret->nanoseconds = wall_ms * 1000000;
	return wall_ms ? ret : NULL;
}

/* ---- resources ---- */

int resource_list_add(struct resource_list *list, const struct resources *r, const char *role)
{
	Mesos__V1__Resource **items, **more;
	size_t n;

	if (resources_to_messages(r, role, &more, &n) < 0)
		return -ENOMEM;
	items = n > 0 ? reallocarray(list->items, list->n + n, sizeof(*items)) : NULL;
	if (!items) {
		resources_messages_free(more, n);
		return n > 0 ? -ENOMEM : 0;
	}
	memcpy(items + list->n, more, n * sizeof(*items));
	free(more);
	list->items = items;
	list->n += n;
	return 0;
}

void resource_list_done(struct resource_list *list)
{
	resources_messages_free(list->items, list->n);
	*list = (struct resource_list){ 0 };
}

/* Sums by the role that they are allocated to. */
struct role_sum {
	const char *role;
	struct resources sum;
};

struct role_sums {
	struct role_sum *items;
	size_t n;
};

static int sums_add(struct role_sums *sums, const char *role, const struct resources *part)
{
	struct role_sum *items;

	for (size_t i = 0; i < sums->n; i++) {
		if (sums->items[i].role == role || strcmp(sums->items[i].role, role) == 0)
			return resources_add(&sums->items[i].sum, part);
	}
	items = reallocarray(sums->items, sums->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	sums->items = items;
	items[sums->n] = (struct role_sum){ .role = role };
	return resources_add(&items[sums->n++].sum, part);
}

/* As messages; SUMS is given up. */
static int sums_finish(struct role_sums *sums, struct resource_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < sums->n; i++) {
		if (r == 0)
			r = resource_list_add(ret, &sums->items[i].sum, sums->items[i].role);
		resources_done(&sums->items[i].sum);
	}
	free(sums->items);
	return r;
}

/* ---- tasks ---- */

static void borrow_info(Mesos__V1__Task *message, const Mesos__V1__TaskInfo *info)
{
	message->name = info->name;
	message->n_resources = info->n_resources;
	message->resources = info->resources;
	message->labels = info->labels;
	message->discovery = info->discovery;
	message->container = info->container;
	message->health_check = info->health_check;
	message->kill_policy = info->kill_policy;
	message->n_limits = info->n_limits;
	/* The same message under another name: an entry is a key and a scalar. */
	message->limits = (Mesos__V1__Task__LimitsEntry **)info->limits;
	if (info->executor)
		message->executor_id = info->executor->executor_id;
	if (info->command && info->command->user)
		message->user = info->command->user;
	else if (info->executor && info->executor->command && info->executor->command->user)
		message->user = info->executor->command->user;
}

/* Frameworks need not say what role it is that they launch for. */
static void lend_role(struct task_view *view, const char *role)
{
	mesos__v1__resource__allocation_info__init(&view->allocation);
	view->allocation.role = borrow(role);
	for (size_t i = 0; i < view->info->n_resources; i++) {
		if (!view->info->resources[i]->allocation_info)
			view->info->resources[i]->allocation_info = &view->allocation;
	}
}

static void set_update(Mesos__V1__Task *message, const struct task *task)
{
	if (!task->has_update)
		return;
	message->has_status_update_state = message->has_status_update_uuid = true;
	message->status_update_state = task->update_state;
	message->status_update_uuid.len = sizeof(task->update_uuid);
	message->status_update_uuid.data = (uint8_t *)(uintptr_t)task->update_uuid;
}

static void task_view_clear(struct task_view *view)
{
	memset(view, 0, offsetof(struct task_view, arena));
	mesos__v1__task__init(&view->message);
	pb_arena_init(&view->arena);
}

static int unpack(struct task_view *view, const struct task *task)
{
	ProtobufCAllocator *allocator = &view->arena.allocator;

	view->info = mesos__v1__task_info__unpack(allocator, task->info.size, task->info.data);
	if (view->info && task->status.data)
		view->status = mesos__v1__task_status__unpack(allocator, task->status.size,
							      task->status.data);
	return view->info ? 0 : -ENOMEM;
}

int task_view_init(struct task_view *view, const struct task *task)
{
	task_view_clear(view);
	if (unpack(view, task) < 0)
		return -ENOMEM;
	mesos__v1__task_id__init(&view->id);
	mesos__v1__agent_id__init(&view->agent_id);
	mesos__v1__framework_id__init(&view->framework_id);
	view->id.value = task->id;
	view->agent_id.value = task->agent->id;
	view->framework_id.value = task->framework->id;
	view->message.task_id = &view->id;
	view->message.agent_id = &view->agent_id;
	view->message.framework_id = &view->framework_id;
	view->message.state = task->is_unreachable ? MESOS__V1__TASK_STATE__TASK_UNREACHABLE :
						     task->state;
	if (view->status) {
		view->message.n_statuses = 1;
		view->message.statuses = &view->status;
	}
	lend_role(view, task->role->name);
	borrow_info(&view->message, view->info);
	set_update(&view->message, task);
	return 0;
}

int task_view_init_ended(struct task_view *view, const struct ended_task *ended)
{
	const Mesos__V1__Task *task;

	task_view_clear(view);
	task = mesos__v1__task__unpack(&view->arena.allocator, ended->task.size, ended->task.data);
	if (!task)
		return -ENOMEM;
	view->message = *task;
	return 0;
}

void task_view_done(struct task_view *view)
{
	pb_arena_done(&view->arena);
}

/* ---- agents ---- */

/* Used by tasks and executors: what is offered is charged, too, but not used. */
static int sum_agent(struct agent_view *view, const struct agent *agent)
{
	struct role_sums used = { 0 }, offered = { 0 };
	const struct executor *executor;
	const struct offer *offer;
	const struct task *task;
	int r = 0, s;

	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->is_charged && r == 0)
			r = sums_add(&used, task->role->name, &task->resources);
	}
	LIST_FOREACH(executor, &agent->executors, on_agent) {
		if (executor->is_charged && r == 0)
			r = sums_add(&used, executor->role->name, &executor->resources);
	}
	LIST_FOREACH(offer, &agent->offers, on_agent) {
		if (r == 0)
			r = sums_add(&offered, offer->role->name, &offer->resources);
	}
	s = sums_finish(&used, &view->allocated);
	r = r < 0 ? r : s;
	s = sums_finish(&offered, &view->offered);
	return r < 0 ? r : s;
}

static int sum_total(struct agent_view *view, const struct agent *agent)
{
	struct resources total = { 0 };
	struct err e = { 0 };
	int r = resources_from_messages(agent->info->resources, agent->info->n_resources, &total,
					&e);

	if (r == 0)
		r = resource_list_add(&view->total, &total, NULL);
	resources_done(&total);
	return r;
}

/* The last is one that not every version has. */
static void add_agent_capabilities(struct agent_view *view, const struct agent *agent)
{
	static const Mesos__V1__AgentInfo__Capability__Type types[N_AGENT_CAPABILITIES] = {
		MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE,
		MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE,
		MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT,
		MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__AGENT_OPERATION_FEEDBACK,
	};

	for (size_t i = 0; i < N_AGENT_CAPABILITIES; i++) {
		mesos__v1__agent_info__capability__init(&view->capability[i]);
		view->capability[i].has_type = true;
		view->capability[i].type = types[i];
		view->capabilities[i] = &view->capability[i];
	}
	view->message.n_capabilities = N_AGENT_CAPABILITIES - !agent->gives_feedback;
	view->message.capabilities = view->capabilities;
}

/* As Mesos writes it, with the address to reach the agent by: its hostname may be no name of DNS. */
static void format_pid(struct agent_view *view, const struct agent *agent)
{
	if (agent->endpoint)
		snprintf(view->pid, sizeof(view->pid), "slave(1)@%s", agent->endpoint);
	else
		snprintf(view->pid, sizeof(view->pid), "slave(1)@%s:%d", agent->info->hostname,
			 agent->info->port);
	view->message.pid = view->pid;
}

static void borrow_lists(struct agent_view *view)
{
	view->message.n_total_resources = view->total.n;
	view->message.total_resources = view->total.items;
	view->message.n_allocated_resources = view->allocated.n;
	view->message.allocated_resources = view->allocated.items;
	view->message.n_offered_resources = view->offered.n;
	view->message.offered_resources = view->offered.items;
}

int agent_view_init(struct agent_view *view, const struct agent *agent, bool with_use)
{
	Mesos__V1__Master__Response__GetAgents__Agent *message = &view->message;
	int r;

	memset(view, 0, sizeof(*view));
	mesos__v1__master__response__get_agents__agent__init(message);
	view->agent = agent;
	message->agent_info = agent->info;
	message->active = agent_is_active(agent);
	message->has_deactivated = true;
	message->deactivated = agent->is_deactivated;
	message->version = borrow(agent->version ? agent->version : "");
	message->registered_time = time_of(&view->registered, agent->registered_wall_ms);
	message->reregistered_time = time_of(&view->reregistered, agent->reregistered_wall_ms);
	message->drain_info = drain_describe(&agent->drain, &view->drain);
	if (message->drain_info)
		message->estimated_drain_start_time =
			time_of(&view->drain_started, agent->drain.started_wall_ms);
	format_pid(view, agent);
	add_agent_capabilities(view, agent);
	r = sum_total(view, agent);
	if (r == 0 && with_use)
		r = sum_agent(view, agent);
	borrow_lists(view);
	return r;
}

void agent_view_done(struct agent_view *view)
{
	resource_list_done(&view->total);
	resource_list_done(&view->allocated);
	resource_list_done(&view->offered);
}

/* ---- frameworks ---- */

struct offer_view {
	Mesos__V1__Offer message;
	Mesos__V1__OfferID id;
	Mesos__V1__Resource__AllocationInfo allocation;
	struct resource_list resources;
};

static int offer_view_init(struct offer_view *view, const struct offer *offer)
{
	int r;

	mesos__v1__offer__init(&view->message);
	mesos__v1__offer_id__init(&view->id);
	mesos__v1__resource__allocation_info__init(&view->allocation);
	view->id.value = offer->id;
	view->allocation.role = offer->role->name;
	r = resource_list_add(&view->resources, &offer->resources, offer->role->name);
	view->message.id = &view->id;
	view->message.framework_id = offer->framework->info->id;
	view->message.agent_id = offer->agent->info->id;
	view->message.hostname = offer->agent->info->hostname;
	view->message.allocation_info = &view->allocation;
	view->message.n_resources = view->resources.n;
	view->message.resources = view->resources.items;
	return r;
}

static int add_offers(struct framework_view *view, const struct framework *framework)
{
	const struct offer *offer;
	size_t n = 0;
	int r = 0;

	LIST_FOREACH(offer, &framework->offers, of_framework)
		n++;
	if (n == 0)
		return 0;
	view->offers = calloc(n, sizeof(*view->offers));
	view->offer_pointers = calloc(n, sizeof(Mesos__V1__Offer *));
	if (!view->offers || !view->offer_pointers)
		return -ENOMEM;
	view->message.offers = view->offer_pointers;
	LIST_FOREACH(offer, &framework->offers, of_framework) {
		struct offer_view *shown = &view->offers[view->message.n_offers];

		view->offer_pointers[view->message.n_offers++] = &shown->message;
		r = offer_view_init(shown, offer);
		if (r < 0)
			break;
	}
	return r;
}

static int sum_framework(struct framework_view *view, const struct framework *framework)
{
	struct role_sums used = { 0 }, offered = { 0 };
	const struct executor *executor;
	const struct offer *offer;
	const struct task *task;
	int r = 0, s;

	for (task = framework->tasks; task && r == 0; task = task->hh.next) {
		if (task->is_charged)
			r = sums_add(&used, task->role->name, &task->resources);
	}
	LIST_FOREACH(executor, &framework->executors, of_framework) {
		if (executor->is_charged && r == 0)
			r = sums_add(&used, executor->role->name, &executor->resources);
	}
	LIST_FOREACH(offer, &framework->offers, of_framework) {
		if (r == 0)
			r = sums_add(&offered, offer->role->name, &offer->resources);
	}
	s = sums_finish(&used, &view->allocated);
	r = r < 0 ? r : s;
	s = sums_finish(&offered, &view->offered);
	return r < 0 ? r : s;
}

int framework_view_init(struct framework_view *view, const struct framework *framework,
			bool with_use)
{
	Mesos__V1__Master__Response__GetFrameworks__Framework *message = &view->message;
	int r = 0;

	memset(view, 0, sizeof(*view));
	mesos__v1__master__response__get_frameworks__framework__init(message);
	view->framework = framework;
	message->framework_info = framework->info;
	message->active = message->connected = framework->scheduler != NULL;
	message->recovered = framework->is_recovered;
	message->registered_time = time_of(&view->registered, framework->registered_wall_ms);
	message->reregistered_time = time_of(&view->reregistered,
					     framework->reregistered_wall_ms);
	message->unregistered_time = time_of(&view->unregistered,
					     framework->unregistered_wall_ms);
	if (with_use && framework->constraints)
		message->offer_constraints = (Mesos__V1__Scheduler__OfferConstraints *)(uintptr_t)
			offer_constraints_message(framework->constraints);
	if (with_use)
		r = sum_framework(view, framework);
	if (with_use && r == 0)
		r = add_offers(view, framework);
	message->n_allocated_resources = view->allocated.n;
	message->allocated_resources = view->allocated.items;
	message->n_offered_resources = view->offered.n;
	message->offered_resources = view->offered.items;
	return r;
}

void framework_view_done(struct framework_view *view)
{
	resource_list_done(&view->allocated);
	resource_list_done(&view->offered);
	for (size_t i = 0; i < view->message.n_offers; i++)
		resource_list_done(&view->offers[i].resources);
	free(view->offers);
	free(view->offer_pointers);
}

/* ---- executors ---- */

int executor_view_init(struct executor_view *view, const struct executor *executor)
{
	memset(view, 0, sizeof(*view));
	mesos__v1__master__response__get_executors__executor__init(&view->message);
	view->info = master_executor_info(executor);
	view->message.executor_info = view->info;
	view->message.agent_id = executor->agent->info->id;
	return view->info ? 0 : -ENOMEM;
}

void executor_view_done(struct executor_view *view)
{
	if (view->info)
		mesos__v1__executor_info__free_unpacked(view->info, NULL);
}
