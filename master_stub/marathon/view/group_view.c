/* Groups as /v2 shows them. */
#include "master_stub/marathon/view/views.h"

#include <errno.h>
#include <string.h>

#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/state.h"

struct view {
	const struct controller *c;
	const struct snapshot *snapshot;
	unsigned embeds;
	bool is_past;		/* nothing runs there: no counts */
};

/* The group of the next level that ID lies in below GROUP; false when it is directly in GROUP. */
static bool next_group(const char *id, const char *group, char ret_group[APP_ID_SIZE])
{
	size_t size = strcmp(group, "/") == 0 ? 0 : strlen(group), end;

	end = size + 1 + strcspn(id + size + 1, "/");
	if (id[end] != '/')
		return false;
	memcpy(ret_group, id, end);
	ret_group[end] = '\0';
	return true;
}

static json_t *one_member(const struct view *v, const struct app *app)
{
	const struct entry *entry = entry_find(v->c, app->id);

	if (v->is_past)
		return spec_view(app);
	return app->pod ? pod_status_view(v->c, entry) : app_view(v->c, entry, v->embeds);
}

/* The apps directly in the group ID, or the pods. */
static json_t *members_in(const struct view *v, const char *id, bool are_pods)
{
	const struct snapshot_app *app, *next;
	json_t *members = json_array();
	char below[APP_ID_SIZE];

	if (!(v->embeds & (are_pods ? EMBED_PODS : EMBED_APPS)))
		return members;
	HASH_ITER(by_id, v->snapshot->apps, app, next) {
		if ((app->app->pod != NULL) == are_pods && app_id_is_below(app->app->id, id) &&
		    !next_group(app->app->id, id, below))
			(void)json_array_append_new(members, one_member(v, app->app));
	}
	return members;
}

static json_t *view_group(const struct view *v, const char *id);

/* Each once: what comes in order of id is not in order of group, "/a-b" being before "/a/b". */
static void add_group(const struct view *v, json_t *by_id, const char *id)
{
	if (!json_object_get(by_id, id))
		(void)json_object_set_new(by_id, id, view_group(v, id));
}

static json_t *groups_in(const struct view *v, const char *id)
{
	const struct snapshot_group *group, *next_named;
	const struct snapshot_app *app, *next;
	json_t *by_id = json_object(), *groups = json_array(), *view;
	char below[APP_ID_SIZE];
	const char *key;

	HASH_ITER(by_id, v->snapshot->apps, app, next) {
		if ((v->embeds & EMBED_GROUPS) && app_id_is_below(app->app->id, id) &&
		    next_group(app->app->id, id, below))
			add_group(v, by_id, below);
	}
	HASH_ITER(by_id, v->snapshot->groups, group, next_named) {
		if ((v->embeds & EMBED_GROUPS) && app_id_is_below(group->id, id))
			add_group(v, by_id, next_group(group->id, id, below) ? below : group->id);
	}
	json_object_foreach(by_id, key, view)
		(void)json_array_append(groups, view);
	json_decref(by_id);
	return groups;
}

static json_t *view_group(const struct view *v, const char *id)
{
	const struct snapshot_group *named = snapshot_find_group(v->snapshot, id);
	const json_t *settings = named ? named->settings : NULL;
	json_t *dependencies = settings ? json_deep_copy(group_settings_dependencies(settings))
					: json_array();

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:b}", "id", id, "apps",
			 members_in(v, id, false), "pods", members_in(v, id, true), "groups",
			 groups_in(v, id), "dependencies", dependencies, "version",
			 snapshot_version_of(v->snapshot, id), "enforceRole",
			 group_settings_enforce_role(settings));
}

json_t *group_view(const struct controller *c, const char *id, unsigned embeds)
{
	struct snapshot now;
	const struct view v = { .c = c, .snapshot = &now, .embeds = embeds };
	json_t *view = NULL;

	if (snapshot_now(c, &now) == 0 && snapshot_has_group(&now, id))
		view = view_group(&v, id);
	snapshot_free(&now);
	return view;
}

json_t *group_version_view(const struct controller *c, const char *id, const char *version,
			   unsigned embeds)
{
	struct snapshot then;
	const struct view v = {
		.c = c, .snapshot = &then, .embeds = embeds, .is_past = true,
	};
	json_t *view = NULL;

	if (snapshot_at(c, version, &then) == 0 && snapshot_has_group(&then, id))
		view = view_group(&v, id);
	snapshot_free(&then);
	return view;
}

json_t *group_versions_view(const struct controller *c, const char *id)
{
	struct snapshot snapshot;
	json_t *versions = NULL;

	if (snapshot_now(c, &snapshot) == 0 && snapshot_has_group(&snapshot, id)) {
		versions = json_array();
		do {
			if (snapshot.last && snapshot_has_group(&snapshot, id))
				(void)json_array_append_new(versions,
							    json_string(snapshot.last->version));
		} while (snapshot_back(&snapshot));
	}
	snapshot_free(&snapshot);
	return versions;
}
