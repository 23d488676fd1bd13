#include "master_stub/marathon/deployment/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum { CHANGES_KEPT = 50 };

static void past_free(struct past *past)
{
	for (unsigned i = 0; i < past->n_apps; i++)
		app_unref(past->apps[i].before);
	for (unsigned i = 0; i < past->n_groups; i++)
		json_decref(past->groups[i].before);
	free(past->apps);
	free(past->groups);
	free(past);
}

static struct past *past_new(const char *version, size_t n_apps, size_t n_groups)
{
	struct past *past = calloc(1, sizeof(*past));

	if (!past)
		return NULL;
	(void)snprintf(past->version, sizeof(past->version), "%s", version);
	past->apps = calloc(n_apps + 1, sizeof(*past->apps));
	past->groups = calloc(n_groups + 1, sizeof(*past->groups));
	if (past->apps && past->groups)
		return past;
	past_free(past);
	return NULL;
}

/* ---- Keeping ---- */

bool history_has(const struct controller *c, const struct app *app)
{
	const struct past *past;

	TAILQ_FOREACH(past, &c->pasts, all) {
		for (unsigned i = 0; i < past->n_apps; i++) {
			if (past->apps[i].before == app)
				return true;
		}
	}
	return false;
}

const struct past *history_at(const struct controller *c, const char *version)
{
	const struct past *past;

	TAILQ_FOREACH(past, &c->pasts, all) {
		if (strcmp(past->version, version) == 0)
			return past;
	}
	return NULL;
}

const struct app *history_find(const struct controller *c, const char *app_id, const char *version)
{
	const struct past *past;

	TAILQ_FOREACH(past, &c->pasts, all) {
		for (unsigned i = 0; i < past->n_apps; i++) {
			const struct app *before = past->apps[i].before;

			if (before && strcmp(before->id, app_id) == 0 &&
			    strcmp(before->version, version) == 0)
				return before;
		}
	}
	return NULL;
}

/* A definition that only the oldest change still knew of goes with it. */
static void drop_oldest(struct controller *c)
{
	struct past *oldest = TAILQ_LAST(&c->pasts, pasts);

	TAILQ_REMOVE(&c->pasts, oldest, all);
	c->n_pasts--;
	group_records_delete_past(c, oldest);
	for (unsigned i = 0; i < oldest->n_apps; i++) {
		const struct app *before = oldest->apps[i].before;
		const struct entry *entry = entry_find(c, oldest->apps[i].id);

		if (before && !(entry && entry_version(entry, before->version)) &&
		    !history_has(c, before))
			records_delete_version(c, before);
	}
	past_free(oldest);
}

/* Newest first. */
static void insert(struct controller *c, struct past *past)
{
	struct past *older;

	TAILQ_FOREACH(older, &c->pasts, all) {
		if (strcmp(older->version, past->version) < 0)
			break;
	}
	if (older)
		TAILQ_INSERT_BEFORE(older, past, all);
	else
		TAILQ_INSERT_TAIL(&c->pasts, past, all);
	c->n_pasts++;
}

int history_note(struct controller *c, const struct change_set *set, const char *version)
{
	struct past *past = past_new(version, set->n_apps, set->n_groups);
	int r;

	if (!past)
		return -ENOMEM;
	for (unsigned i = 0; i < set->n_apps; i++) {
		const struct entry *entry = entry_find_live(c, set->apps[i].app_id);
		struct past_app *app = &past->apps[past->n_apps++];

		(void)snprintf(app->id, sizeof(app->id), "%s", set->apps[i].app_id);
		app->before = entry ? app_ref(entry->target) : NULL;
	}
	for (unsigned i = 0; i < set->n_groups; i++) {
		const struct group *now = group_find(c, set->groups[i].id);
		struct past_group *group = &past->groups[past->n_groups++];

		(void)snprintf(group->id, sizeof(group->id), "%s", set->groups[i].id);
		group->before = now ? json_incref(now->settings) : NULL;
	}
	r = group_records_put_past(c, past);
	if (r < 0) {
		past_free(past);
		return r;
	}
	insert(c, past);
	while (c->n_pasts > CHANGES_KEPT)
		drop_oldest(c);
	return 0;
}

void history_forget_before(struct controller *c, const char *version)
{
	struct past *oldest;

	while ((oldest = TAILQ_LAST(&c->pasts, pasts)) && strcmp(oldest->version, version) < 0)
		drop_oldest(c);
}

/* ---- The stored form ---- */

json_t *history_to_json(const struct past *past)
{
	json_t *apps = json_object(), *groups = json_object();

	for (unsigned i = 0; i < past->n_apps; i++) {
		const struct app *before = past->apps[i].before;

		(void)json_object_set_new(apps, past->apps[i].id,
					  before ? json_string(before->version) : json_null());
	}
	for (unsigned i = 0; i < past->n_groups; i++) {
		json_t *before = past->groups[i].before;

		(void)json_object_set_new(groups, past->groups[i].id,
					  before ? json_incref(before) : json_null());
	}
	return json_pack("{s:o, s:o}", "apps", apps, "groups", groups);
}

/* Before groups could enforce their roles, dependencies were all that they said. */
static json_t *load_settings(json_t *stored)
{
	if (json_is_array(stored))
		return group_settings_new(json_incref(stored), false);
	return json_is_object(stored) ? json_incref(stored) : NULL;
}

int history_load(struct controller *c, const char *version, const json_t *json)
{
	json_t *apps = json_object_get(json, "apps"), *groups = json_object_get(json, "groups");
	struct past *past = past_new(version, json_object_size(apps), json_object_size(groups));
	const char *id;
	json_t *before;

	if (!past)
		return -ENOMEM;
	json_object_foreach(apps, id, before) {
		const struct entry *entry = entry_find(c, id);
		struct past_app *app = &past->apps[past->n_apps++];

		(void)snprintf(app->id, sizeof(app->id), "%s", id);
		if (json_is_null(before))
			continue;
		app->before = entry ? entry_version(entry, json_string_value(before)) : NULL;
		if (!app->before) {
			past_free(past);
			return -ENOENT;
		}
		(void)app_ref(app->before);
	}
	json_object_foreach(groups, id, before) {
		struct past_group *group = &past->groups[past->n_groups++];

		(void)snprintf(group->id, sizeof(group->id), "%s", id);
		group->before = load_settings(before);
	}
	insert(c, past);
	return 0;
}

void history_free(struct controller *c)
{
	struct past *past;

	while ((past = TAILQ_FIRST(&c->pasts))) {
		TAILQ_REMOVE(&c->pasts, past, all);
		past_free(past);
	}
}
