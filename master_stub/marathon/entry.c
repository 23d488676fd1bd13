/* What wants instances, in memory, and the versions that are kept of apps. */
#include "master_stub/marathon/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/autoscale/autoscaler.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/instance/ends.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/records.h"

enum { VERSIONS_KEPT = 50 };

static int compare_ids(const struct entry *a, const struct entry *b)
{
	return strcmp(a->id, b->id);
}

static int put_app(struct controller *c, struct entry *entry)
{
	return records_put_app(c, entry);
}

const struct entry_kind app_kind = {
	.is_app = true,
	.balance = app_balance,
	.ended = app_instance_ended,
	.put = put_app,
};

struct entry *entry_find(const struct controller *c, const char *id)
{
	struct entry *table = id[0] == '/' ? c->entries : c->runs, *entry;

	HASH_FIND(by_id, table, id, strlen(id), entry);
	return entry;
}

struct entry *entries_first(const struct controller *c)
{
	return c->entries ? c->entries : c->runs;
}

struct entry *entries_next(const struct controller *c, const struct entry *entry)
{
	struct entry *next = entry->by_id.next;

	return next || !entry->kind->is_app ? next : c->runs;
}

struct entry *entry_after(const struct controller *c, const char *id)
{
	struct entry *entry;

	HASH_FIND(by_id, c->entries, id, strlen(id), entry);
	if (entry)
		return entry->by_id.next;
	for (entry = c->entries; entry && strcmp(entry->id, id) <= 0; entry = entry->by_id.next)
		;
	return entry;
}

struct entry *entry_find_live(const struct controller *c, const char *id)
{
	struct entry *entry = entry_find(c, id);

	return entry && !entry->is_deleting && entry->target ? entry : NULL;
}

bool entry_is_pod(const struct entry *entry)
{
	return entry->target && entry->target->pod;
}

bool entry_is_like(const struct entry *entry, const struct app *spec)
{
	return entry_is_pod(entry) == (spec->pod != NULL);
}

struct entry *entry_find_app(const struct controller *c, const char *id)
{
	struct entry *entry = entry_find_live(c, id);

	return entry && !entry_is_pod(entry) ? entry : NULL;
}

struct entry *entry_find_pod(const struct controller *c, const char *id)
{
	struct entry *entry = entry_find_live(c, id);

	return entry && entry_is_pod(entry) ? entry : NULL;
}

int entry_new(struct controller *c, const struct entry_kind *kind, const char *id,
	      struct entry **ret)
{
	struct entry **table = kind->is_app ? &c->entries : &c->runs;
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->kind = kind;
	(void)snprintf(entry->id, sizeof(entry->id), "%s", id);
	TAILQ_INIT(&entry->versions);
	TAILQ_INIT(&entry->instances);
	TAILQ_INIT(&entry->residences);
	entry->look_ms = INT64_MAX;
	entry_touch(entry);
	HASH_ADD_KEYPTR_INORDER(by_id, *table, entry->id, strlen(entry->id), entry, compare_ids);
	if (!entry_find(c, id)) {
		free(entry);
		return -ENOMEM;
	}
	*ret = entry;
	return 0;
}

void entry_touch(struct entry *entry)
{
	entry->is_due = true;
}

void entries_touch(struct controller *c)
{
	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry))
		entry_touch(entry);
}

void entries_look(struct controller *c, void (*fn)(struct controller *c, struct entry *entry))
{
	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		if (!entry->is_due)
			continue;
		c->wake_ms = &entry->look_ms;
		fn(c, entry);
		c->wake_ms = NULL;
	}
}

static void drop_version(struct entry *entry, struct version *version)
{
	TAILQ_REMOVE(&entry->versions, version, of_app);
	entry->n_versions--;
	app_unref(version->app);
	free(version);
}

/* Instances first: they refer to the entry. */
void entry_free(struct controller *c, struct entry *entry)
{
	struct entry **table = entry->kind->is_app ? &c->entries : &c->runs;
	struct instance *instance;
	struct version *version;

	autoscaler_free(c, entry);
	while ((instance = TAILQ_FIRST(&entry->instances)))
		instance_free(c, instance);
	residences_leave(entry);
	while ((version = TAILQ_FIRST(&entry->versions)))
		drop_version(entry, version);
	HASH_DELETE(by_id, *table, entry);
	app_unref(entry->target);
	json_decref(entry->last_failure);
	json_decref(entry->last_end);
	node_faults_reset(&entry->faults);
	json_decref(entry->waiting.last_unused);
	free(entry);
}

int entry_add_version(struct entry *entry, struct app *app)
{
	struct version *version = calloc(1, sizeof(*version)), *later;

	if (!version)
		return -ENOMEM;
	version->app = app_ref(app);
	/* Newest first; stored ones come in any order. */
	TAILQ_FOREACH(later, &entry->versions, of_app) {
		if (strcmp(later->app->version, app->version) < 0)
			break;
	}
	if (later)
		TAILQ_INSERT_BEFORE(later, version, of_app);
	else
		TAILQ_INSERT_TAIL(&entry->versions, version, of_app);
	entry->n_versions++;
	return 0;
}

struct app *entry_version(const struct entry *entry, const char *version)
{
	const struct version *v;

	TAILQ_FOREACH(v, &entry->versions, of_app) {
		if (strcmp(v->app->version, version) == 0)
			return v->app;
	}
	return NULL;
}

void entry_reset_backoff(struct entry *entry)
{
	backoff_reset(&entry->backoff);
	node_faults_reset(&entry->faults);
}

int entry_adopt(struct controller *c, struct entry *entry)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (app_needs_restart(instance->spec, entry->target))
			continue;
		app_unref(instance->spec);
		instance->spec = app_ref(entry->target);
		instance_sum_up(instance);
		if (records_put_instance(c, instance) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A definition is kept as long as a task runs it: its health checks and grace are still needed. */
static bool is_in_use(const struct entry *entry, const struct app *app)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance->spec == app)
			return true;
	}
	return entry->target == app;
}

void entry_trim_versions(struct controller *c, struct entry *entry)
{
	struct version *version = TAILQ_LAST(&entry->versions, versions), *newer;

	for (; version && entry->n_versions > VERSIONS_KEPT; version = newer) {
		newer = TAILQ_PREV(version, versions, of_app);
		/* A deployment that is under way may have to go back to where it came from. */
		if (is_in_use(entry, version->app) || entry->deployment)
			continue;
		if (!history_has(c, version->app))
			records_delete_version(c, version->app);
		drop_version(entry, version);
	}
}
