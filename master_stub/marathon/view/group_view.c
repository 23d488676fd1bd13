/* Groups as /v2 shows them. */
#include "master_stub/marathon/view/views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_out.h"
#include "lib/json_source.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/deployment/id_index.h"
#include "master_stub/marathon/state.h"

/* An app or a pod that is to be written where the text has a gap for it. */
struct gap {
	size_t at;
	struct app *app;	/* a reference: it may go while others are written */
};

/* A group as text, but for its apps and pods: these are looked at, one at a time, when it is sent. */
struct group_text {
	const struct controller *c;
	unsigned embeds;
	bool is_past;		/* nothing runs there: no counts */
	struct json_out text;
	struct gap *gaps;
	size_t n_gaps;
	/* Of it is sent: */
	size_t n_told, n_filled;
	struct json_out out;
};

/* What a group is written from. */
struct view {
	const struct snapshot *snapshot;
	struct id_index ids;	/* of apps, which are the items, and of groups that say something */
	struct group_text *group;
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

/* ---- The text and its gaps ---- */

/* The apps directly in the group ID, or the pods. */
static void write_members(const struct view *v, const char *id, bool are_pods)
{
	struct group_text *group = v->group;
	size_t first, n = id_index_within(&v->ids, id, &first);
	bool are_shown = group->embeds & (are_pods ? EMBED_PODS : EMBED_APPS);
	char below[APP_ID_SIZE];

	json_out_open(&group->text, '[');
	for (size_t i = first; i < first + n && are_shown; i++) {
		struct app *app = v->ids.entries[i].item;

		if (!app || (app->pod != NULL) != are_pods || !app_id_is_below(app->id, id) ||
		    next_group(app->id, id, below))
			continue;
		json_out_text(&group->text, "", 0);
		group->gaps[group->n_gaps++] = (struct gap){
			.at = group->text.size, .app = app_ref(app),
		};
	}
	json_out_close(&group->text, ']');
}

static void write_group(const struct view *v, const char *id);

static void write_groups(const struct view *v, const char *id)
{
	size_t first, n = id_index_within(&v->ids, id, &first);
	char below[APP_ID_SIZE], last[APP_ID_SIZE] = "";

	for (size_t i = first; i < first + n && (v->group->embeds & EMBED_GROUPS); i++) {
		const struct id_index_entry *entry = &v->ids.entries[i];

		if (!app_id_is_below(entry->id, id))
			continue;
		if (!next_group(entry->id, id, below)) {
			if (entry->item)
				continue;
			(void)snprintf(below, sizeof(below), "%s", entry->id);
		}
		if (strcmp(below, last) == 0)
			continue;
		(void)snprintf(last, sizeof(last), "%s", below);
		write_group(v, below);
	}
}

static void write_dependencies(struct json_out *out, const json_t *settings)
{
	const json_t *id;
	size_t i;

	json_out_open(out, '[');
	json_array_foreach(settings ? group_settings_dependencies(settings) : NULL, i, id)
		json_out_string(out, json_string_value(id));
	json_out_close(out, ']');
}

static void write_group(const struct view *v, const char *id)
{
	const struct snapshot_group *named = snapshot_find_group(v->snapshot, id);
	const json_t *settings = named ? named->settings : NULL;
	struct json_out *out = &v->group->text;

	json_out_open(out, '{');
	json_out_key(out, "id");
	json_out_string(out, id);
	json_out_key(out, "apps");
	write_members(v, id, false);
	json_out_key(out, "pods");
	write_members(v, id, true);
	json_out_key(out, "groups");
	json_out_open(out, '[');
	write_groups(v, id);
	json_out_close(out, ']');
	json_out_key(out, "dependencies");
	write_dependencies(out, settings);
	json_out_key(out, "version");
	json_out_string(out, snapshot_version_of(v->snapshot, id));
	json_out_key(out, "enforceRole");
	json_out_bool(out, group_settings_enforce_role(settings));
	json_out_close(out, '}');
}

static int index_snapshot(const struct snapshot *snapshot, struct id_index *ret)
{
	const struct snapshot_group *group, *next_named;
	const struct snapshot_app *app, *next;

	if (id_index_init(ret, HASH_CNT(by_id, snapshot->apps) +
			       HASH_CNT(by_id, snapshot->groups)) < 0)
		return -ENOMEM;
	HASH_ITER(by_id, snapshot->apps, app, next)
		id_index_add(ret, app->app->id, app->app);
	HASH_ITER(by_id, snapshot->groups, group, next_named)
		id_index_add(ret, group->id, NULL);
	id_index_sort(ret);
	return 0;
}

/* ---- As a source ---- */

/* An app that has gone meanwhile is told as it was defined. */
static json_t *view_of(const struct group_text *group, const struct app *app)
{
	const struct entry *entry = group->is_past ? NULL : entry_find_live(group->c, app->id);

	if (!entry)
		return spec_view(app);
	return app->pod ? pod_status_view(group->c, entry)
			: app_view(group->c, entry, group->embeds);
}

static void tell_until(struct group_text *group, size_t end)
{
	json_out_raw(&group->out, group->text.data + group->n_told, end - group->n_told);
	group->n_told = end;
}

static bool step(void *arg)
{
	struct group_text *group = arg;
	const struct gap *gap = &group->gaps[group->n_filled];

	if (group->n_filled == group->n_gaps) {
		tell_until(group, group->text.size);
		return false;
	}
	tell_until(group, gap->at);
	group->out.needs_comma = false;	/* the text has it */
	json_out_tree(&group->out, view_of(group, gap->app));
	group->n_filled++;
	return !group->out.is_failed;
}

static struct json_out *out(void *arg)
{
	struct group_text *group = arg;

	return &group->out;
}

static void release(void *arg)
{
	struct group_text *group = arg;

	for (size_t i = 0; i < group->n_gaps; i++)
		app_unref(group->gaps[i].app);
	free(group->gaps);
	json_out_done(&group->text);
	json_out_done(&group->out);
	free(group);
}

static int fill(const struct snapshot *snapshot, const char *id, struct group_text *group)
{
	struct view v = { .snapshot = snapshot, .group = group };
	int r = index_snapshot(snapshot, &v.ids);

	if (r == 0)
		group->gaps = calloc(v.ids.n + 1, sizeof(*group->gaps));
	if (group->gaps)
		write_group(&v, id);
	id_index_done(&v.ids);
	return group->gaps && !group->text.is_failed ? 0 : -ENOMEM;
}

/* SNAPSHOT was made with result R. */
static int source_of(int r, const struct snapshot *snapshot, const char *id,
		     const struct group_text *like, struct json_source *ret)
{
	struct group_text *group;

	if (r < 0 || !snapshot_has_group(snapshot, id))
		return r < 0 ? r : -ENOENT;
	group = calloc(1, sizeof(*group));
	if (!group)
		return -ENOMEM;
	*group = *like;
	r = fill(snapshot, id, group);
	if (r < 0)
		release(group);
	else
		*ret = (struct json_source){
			.step = step, .out = out, .free = release, .arg = group,
		};
	return r;
}

int group_source(const struct controller *c, const char *id, unsigned embeds,
		 struct json_source *ret)
{
	const struct group_text like = { .c = c, .embeds = embeds };
	struct snapshot now;
	int r = source_of(snapshot_now(c, &now), &now, id, &like, ret);

	snapshot_free(&now);
	return r;
}

int group_version_source(const struct controller *c, const char *id, const char *version,
			 unsigned embeds, struct json_source *ret)
{
	const struct group_text like = { .c = c, .embeds = embeds, .is_past = true };
	struct snapshot then;
	int r = source_of(snapshot_at(c, version, &then), &then, id, &like, ret);

	snapshot_free(&then);
	return r;
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
