/* Everything as it is, or as it was some changes ago. */
#include "master_stub/marathon/deployment/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/state.h"

static int compare_apps(const struct snapshot_app *a, const struct snapshot_app *b)
{
	return strcmp(a->app->id, b->app->id);
}

static int compare_groups(const struct snapshot_group *a, const struct snapshot_group *b)
{
	return strcmp(a->id, b->id);
}

static struct snapshot_app *find_app(const struct snapshot *snapshot, const char *id)
{
	struct snapshot_app *found;

	HASH_FIND(by_id, snapshot->apps, id, strlen(id), found);
	return found;
}

static struct snapshot_group *find_group(const struct snapshot *snapshot, const char *id)
{
	struct snapshot_group *found;

	HASH_FIND(by_id, snapshot->groups, id, strlen(id), found);
	return found;
}

const struct app *snapshot_find_app(const struct snapshot *snapshot, const char *id)
{
	const struct snapshot_app *found = find_app(snapshot, id);

	return found ? found->app : NULL;
}

const struct snapshot_group *snapshot_find_group(const struct snapshot *snapshot, const char *id)
{
	return find_group(snapshot, id);
}

/* ---- Making ---- */

/* APP NULL: there is none with that id. */
static int set_app(struct snapshot *snapshot, const char *id, struct app *app)
{
	struct snapshot_app *found = find_app(snapshot, id);

	if (found) {
		HASH_DELETE(by_id, snapshot->apps, found);
		free(found);
	}
	if (!app)
		return 0;
	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	found->app = app;
	HASH_ADD_KEYPTR(by_id, snapshot->apps, app->id, strlen(app->id), found);
	if (find_app(snapshot, id))
		return 0;
	free(found);
	return -ENOMEM;
}

static int set_group(struct snapshot *snapshot, const char *id, const json_t *settings)
{
	struct snapshot_group *found = find_group(snapshot, id);

	if (found) {
		HASH_DELETE(by_id, snapshot->groups, found);
		free(found);
	}
	if (!settings)
		return 0;
	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	found->id = id;
	found->settings = settings;
	HASH_ADD_KEYPTR(by_id, snapshot->groups, found->id, strlen(found->id), found);
	if (find_group(snapshot, id))
		return 0;
	free(found);
	return -ENOMEM;
}

int snapshot_now(const struct controller *c, struct snapshot *ret)
{
	const struct entry *entry = NULL;
	const struct group *group, *next;
	int r = 0;

	*ret = (struct snapshot){ .last = TAILQ_FIRST(&c->pasts) };
	while (r == 0 && (entry = group_next_app(c, "/", entry)))
		r = set_app(ret, entry->id, entry->target);
	HASH_ITER(by_id, c->groups, group, next) {
		if (r == 0)
			r = set_group(ret, group->id, group->settings);
	}
	return r;
}

bool snapshot_back(struct snapshot *snapshot)
{
	const struct past *past = snapshot->last;
	int r = past ? 0 : -ENOENT;

	for (unsigned i = 0; r == 0 && i < past->n_apps; i++)
		r = set_app(snapshot, past->apps[i].id, past->apps[i].before);
	for (unsigned i = 0; r == 0 && i < past->n_groups; i++)
		r = set_group(snapshot, past->groups[i].id, past->groups[i].before);
	if (r < 0)
		return false;
	snapshot->last = TAILQ_NEXT(past, all);
	return true;
}

int snapshot_at(const struct controller *c, const char *version, struct snapshot *ret)
{
	int r = snapshot_now(c, ret);

	if (r < 0)
		return r;
	while (ret->last && strcmp(ret->last->version, version) > 0) {
		if (!snapshot_back(ret))
			return -ENOMEM;
	}
	HASH_SRT(by_id, ret->apps, compare_apps);
	HASH_SRT(by_id, ret->groups, compare_groups);
	return ret->last && strcmp(ret->last->version, version) == 0 ? 0 : -ENOENT;
}

void snapshot_free(struct snapshot *snapshot)
{
	struct snapshot_app *app, *next_app;
	struct snapshot_group *group, *next_group;

	HASH_ITER(by_id, snapshot->apps, app, next_app) {
		HASH_DELETE(by_id, snapshot->apps, app);
		free(app);
	}
	HASH_ITER(by_id, snapshot->groups, group, next_group) {
		HASH_DELETE(by_id, snapshot->groups, group);
		free(group);
	}
}

/* ---- Asking ---- */

bool snapshot_has_group(const struct snapshot *snapshot, const char *id)
{
	const struct snapshot_app *app, *next_app;
	const struct snapshot_group *group, *next_group;

	if (strcmp(id, "/") == 0)
		return true;
	HASH_ITER(by_id, snapshot->apps, app, next_app) {
		if (app_id_is_below(app->app->id, id))
			return true;
	}
	HASH_ITER(by_id, snapshot->groups, group, next_group) {
		if (app_id_is_within(group->id, id))
			return true;
	}
	return false;
}

static bool has_touched(const struct past *past, const char *id)
{
	for (unsigned i = 0; i < past->n_apps; i++) {
		if (app_id_is_below(past->apps[i].id, id))
			return true;
	}
	for (unsigned i = 0; i < past->n_groups; i++) {
		if (app_id_is_within(past->groups[i].id, id))
			return true;
	}
	return false;
}

/* Where the change is forgotten, the newest app is as near as can be told. */
const char *snapshot_version_of(const struct snapshot *snapshot, const char *id)
{
	const struct snapshot_app *app, *next;
	const char *newest = "1970-01-01T00:00:00.000Z";

	for (const struct past *past = snapshot->last; past; past = TAILQ_NEXT(past, all)) {
		if (has_touched(past, id))
			return past->version;
	}
	HASH_ITER(by_id, snapshot->apps, app, next) {
		if (app_id_is_below(app->app->id, id) && strcmp(app->app->version, newest) > 0)
			newest = app->app->version;
	}
	return newest;
}
