#include "master_stub/marathon/instance/residence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/id.h"
#include "lib/resources.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/roles.h"
#include "master_stub/marathon/state.h"

/* ---- Tables ---- */

struct residence *residence_find(const struct controller *c, const char *id)
{
	struct residence *residence;

	HASH_FIND(by_id, c->residences, id, strlen(id), residence);
	return residence;
}

static void release(struct residence *residence)
{
	for (unsigned i = 0; i < residence->n_volumes; i++) {
		free(residence->volumes[i].path);
		free(residence->volumes[i].id);
	}
	free(residence->volumes);
	free(residence->ports);
	free(residence->id);
	free(residence->app_id);
	free(residence->framework_id);
	free(residence->role);
	free(residence->agent_id);
	free(residence->host);
	free(residence);
}

static void leave_entry(struct residence *residence)
{
	if (!residence->entry)
		return;
	TAILQ_REMOVE(&residence->entry->residences, residence, of_app);
	entry_touch(residence->entry);
	residence->entry = NULL;
}

void residence_free(struct controller *c, struct residence *residence)
{
	leave_entry(residence);
	if (residence->instance)
		residence->instance->residence = NULL;
	HASH_DELETE(by_id, c->residences, residence);
	role_leave(c, residence->role);
	release(residence);
}

void residences_leave(struct entry *entry)
{
	struct residence *residence;

	while ((residence = TAILQ_FIRST(&entry->residences)))
		leave_entry(residence);
}

void residences_free(struct controller *c)
{
	while (c->residences)
		residence_free(c, c->residences);
}

/* Its name tells whose it is and what it is for, its uuid that it is no other. */
static int add_volume(struct controller *c, const struct app *spec, const json_t *definition,
		      struct residence *residence)
{
	struct local_volume *volume = &residence->volumes[residence->n_volumes];
	const char *path = json_string_value(json_object_get(definition, "containerPath"));
	char safe[APP_ID_SIZE], uuid[ID_UUID_SIZE];

	app_id_to_safe(spec->id, safe);
	id_uuid(c->rng, uuid);
	volume->path = strdup(path);
	if (!volume->path)
		return -ENOMEM;
	residence->n_volumes++;
	if (asprintf(&volume->id, "%s#%s#%s", safe, path, uuid) < 0) {
		volume->id = NULL;
		return -ENOMEM;
	}
	return resources_scalar_from_double(app_persistent_mb(definition), &volume->size);
}

int residence_make_volumes(struct controller *c, const struct app *spec,
			   struct residence *residence)
{
	size_t n = json_array_size(spec->volumes);
	int r = 0;

	residence->volumes = calloc(n + 1, sizeof(*residence->volumes));
	if (!residence->volumes)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		const json_t *definition = json_array_get(spec->volumes, i);

		if (app_persistent_mb(definition) > 0)
			r = add_volume(c, spec, definition, residence);
	}
	return r;
}

static int copy_texts(const struct residence *like, struct residence *residence)
{
	return instance_set_text(&residence->id, like->id) < 0 ||
		       instance_set_text(&residence->app_id, like->app_id) < 0 ||
		       instance_set_text(&residence->framework_id, like->framework_id) < 0 ||
		       instance_set_text(&residence->role, like->role) < 0 ||
		       instance_set_text(&residence->agent_id, like->agent_id) < 0 ||
		       instance_set_text(&residence->host, like->host) < 0
		? -ENOMEM : 0;
}

int residence_new(struct controller *c, struct entry *entry, const struct residence *like,
		  struct residence **ret)
{
	struct residence *residence = calloc(1, sizeof(*residence));

	if (!residence)
		return -ENOMEM;
	residence->vacant_ms = c->now_ms;
	if (copy_texts(like, residence) < 0 || role_enter(c, residence->role) < 0) {
		release(residence);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(by_id, c->residences, residence->id, strlen(residence->id), residence);
	if (!residence_find(c, like->id)) {
		role_leave(c, residence->role);
		release(residence);
		return -ENOMEM;
	}
	residence->entry = entry;
	if (entry)
		TAILQ_INSERT_TAIL(&entry->residences, residence, of_app);
	*ret = residence;
	return 0;
}

int residence_set_ports(struct residence *residence, const uint16_t *ports, unsigned n)
{
	uint16_t *copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, ports, n * sizeof(*copy));
	free(residence->ports);
	residence->ports = copy;
	residence->n_ports = n;
	return 0;
}

/* ---- Who lives there ---- */

void residence_enter(struct controller *c, struct instance *instance)
{
	instance->residence = residence_find(c, instance->id);
	if (instance->residence)
		instance->residence->instance = instance;
}

void residence_vacate(struct controller *c, struct instance *instance)
{
	struct residence *residence = TAKE_PTR(instance->residence);

	if (!residence)
		return;
	residence->instance = NULL;
	residence->vacant_ms = c->now_ms;
}

/* Also where one is that was to be stopped and is out of reach: when it is heard of, its end follows. */
static bool is_awaiting(const struct residence *residence)
{
	const struct instance *instance = residence->instance;

	return !residence->is_detached &&
	       (!instance || (instance->is_doomed && instance->unreachable_wall_ms != 0));
}

static unsigned count_awaiting(const struct entry *entry)
{
	const struct residence *residence;
	unsigned n = 0;

	TAILQ_FOREACH(residence, &entry->residences, of_app)
		n += is_awaiting(residence);
	return n;
}

bool residences_suffice(const struct entry *entry)
{
	unsigned n = count_awaiting(entry);

	return n > 0 && n >= entry->wanted;
}

/* ---- What becomes of it ---- */

struct residence *residence_find_task(const struct controller *c, const char *task_id)
{
	const char *end = strstr(task_id, "._app.");
	AUTO_FREE char *id = end ? strndup(task_id, (size_t)(end - task_id)) : NULL;

	return id ? residence_find(c, id) : NULL;
}

void residence_lose(struct controller *c, struct residence *residence)
{
	controller_explain(c, "the volumes of instance '%s' are lost: agent '%s' is gone",
			   residence->id, residence->agent_id);
	residence_delete_record(c, residence);
	residence_free(c, residence);
}

void residence_confirm(struct controller *c, struct residence *residence)
{
	if (residence->is_confirmed)
		return;
	residence->is_confirmed = true;
	/* Found after all, before another one was made in its place. */
	if (residence->entry && count_awaiting(residence->entry) < residence->entry->wanted)
		residence->is_detached = false;
	if (residence_put(c, residence) < 0)
		c->is_out_of_memory = true;
}

int residence_give_up(struct controller *c, struct residence *residence, const char *reason)
{
	if (residence->is_given_up)
		return 0;
	residence->is_given_up = true;
	if (residence_put(c, residence) < 0) {
		residence->is_given_up = false;
		return -ENOMEM;
	}
	controller_explain(c, "the volumes of instance '%s' on agent '%s' are given up: %s",
			   residence->id, residence->agent_id, reason);
	leave_entry(residence);
	return 0;
}

static void give_up(struct controller *c, struct residence *residence, const char *reason)
{
	if (residence_give_up(c, residence, reason) < 0)
		c->is_out_of_memory = true;
}

void residences_give_up(struct controller *c, struct entry *entry, const char *reason)
{
	struct residence *residence, *next;

	for (residence = TAILQ_FIRST(&entry->residences); residence; residence = next) {
		next = TAILQ_NEXT(residence, of_app);
		give_up(c, residence, reason);
	}
}

static int set_detached(struct controller *c, struct residence *residence, bool is_detached)
{
	if (residence->is_detached == is_detached)
		return 0;
	residence->is_detached = is_detached;
	if (residence_put(c, residence) == 0)
		return 0;
	residence->is_detached = !is_detached;
	return -ENOMEM;
}

int residence_detach(struct controller *c, struct residence *residence)
{
	return set_detached(c, residence, true);
}

static unsigned count_attached(const struct entry *entry)
{
	const struct residence *residence;
	unsigned n = 0;

	TAILQ_FOREACH(residence, &entry->residences, of_app)
		n += !residence->is_detached;
	return n;
}

static bool has_offered_since(const struct controller *c, const struct residence *residence)
{
	const struct node *node = node_find(c, residence->agent_id);

	return node && node->has_offered && node->offered_ms >= residence->vacant_ms;
}

/* What was never seen on its agent, and the agent is out of reach: data may be there all the same. */
static bool is_out_of_sight(const struct controller *c, const struct residence *residence)
{
	return !residence->is_confirmed && !residence->instance && !has_offered_since(c, residence);
}

void residences_fit(struct controller *c, struct entry *entry, unsigned n)
{
	unsigned have = count_attached(entry);
	struct residence *residence;

	TAILQ_FOREACH_REVERSE(residence, &entry->residences, residences, of_app) {
		if (have <= n || residence->is_detached ||
		    (residence->instance && !residence->instance->is_doomed))
			continue;
		c->is_out_of_memory |= set_detached(c, residence, true) < 0;
		have--;
	}
	TAILQ_FOREACH(residence, &entry->residences, of_app) {
		if (have >= n || !residence->is_detached || is_out_of_sight(c, residence))
			continue;
		c->is_out_of_memory |= set_detached(c, residence, false) < 0;
		have++;
	}
}

void residences_watch(struct controller *c, struct entry *entry)
{
	struct residence *residence, *next;

	for (residence = TAILQ_FIRST(&entry->residences); residence; residence = next) {
		int64_t until_ms = residence->vacant_ms + c->options.task_reservation_timeout_ms;

		next = TAILQ_NEXT(residence, of_app);
		if (residence->is_confirmed || residence->instance)
			continue;
		if (residence->is_detached && is_out_of_sight(c, residence))
			continue;
		if (c->now_ms < until_ms)
			controller_wake_at(c, until_ms);
		else if (is_out_of_sight(c, residence))
			c->is_out_of_memory |= residence_detach(c, residence) < 0;
		else
			give_up(c, residence, "their agent did not offer them in time");
	}
}

void residences_ask(struct controller *c)
{
	struct residence *residence, *next;

	HASH_ITER(by_id, c->residences, residence, next) {
		struct role *role = role_find(c, residence->role);

		if (!residence->is_given_up || residence->instance || !role)
			continue;
		role->is_wanted = true;
		role->is_new |= !residence->is_asked_for;
		residence->is_asked_for = true;
	}
}
