#include "master_stub/marathon/deployment/group_update.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/shape.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/deployment/plan.h"
#include "master_stub/marathon/state.h"

enum { MAX_MEMBERS = 5000, MAX_DEPENDENCIES = 100, MAX_INSTANCES = 100000 };

/* ---- Reading ---- */

static json_t *read_anything(const json_t *value, const char *path, struct problems *problems)
{
	(void)path;
	(void)problems;
	return json_deep_copy(value);
}

static const struct shape anything = { .kind = SHAPE_CUSTOM, .read = read_anything };
static const struct shape dependency = {
	.kind = SHAPE_STRING, .min = 1, .check = app_id_path_complaint,
};

static const struct shape group_fields[];
static const struct shape group = { .kind = SHAPE_OBJECT, .of = group_fields };

static const struct shape group_fields[] = {
	{ "id", SHAPE_STRING, .check = app_id_path_complaint },
	{ "apps", SHAPE_LIST, .max = MAX_MEMBERS, .of = &anything },
	{ "pods", SHAPE_LIST, .max = MAX_MEMBERS, .of = &anything },
	{ "groups", SHAPE_LIST, .max = MAX_MEMBERS, .of = &group },
	{ "dependencies", SHAPE_LIST, .max = MAX_DEPENDENCIES, .of = &dependency },
	{ "scaleBy", SHAPE_NUMBER, .max = MAX_INSTANCES },
	{ "version", SHAPE_STRING, .max = 64 },
	{ "enforceRole", SHAPE_BOOL, .fallback = NULL },
	{ 0 },
};

static bool is_top_level(const char *id)
{
	return strchr(id + 1, '/') == NULL && id[1];
}

/* Marathon's condition: neither version nor scaleBy stands beside anything. */
static void check_alone(const json_t *update, const char *key, struct problems *problems)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/%s", key);
	if (json_object_get(update, key) && json_object_size(update) > 1)
		problems_add(problems, path, "not allowed in conjunction with other properties.");
}

static void check_role(const json_t *update, const char *id, const char *path,
		       struct problems *problems)
{
	const json_t *enforce = json_object_get(update, "enforceRole");
	char below[SHAPE_PATH_SIZE];

	(void)snprintf(below, sizeof(below), "%s/enforceRole", path);
	if (json_is_true(enforce) && !is_top_level(id))
		problems_add(problems, below, "enforceRole can only be set for top-level groups, "
					      "and %s is not top-level", id);
}

static int refuse_found(struct refusal *refusal, const char *message, struct problems *problems)
{
	int r = problems_any(problems) ? refuse_problems(refusal, message, problems) : 0;

	problems_done(problems);
	return r;
}

int group_update_read(const json_t *document, char id[192], json_t **ret, struct refusal *refusal)
{
	struct problems problems = { 0 };
	char absolute[APP_ID_SIZE];
	const char *own;
	json_t *update;
	int r;

	if (!json_is_object(document))
		return refuse_with_text(refusal, 400, "Please specify data in JSON format",
					"a group is expected");
	update = shape_read(&group, document, "", &problems);
	if (!update)
		return refuse_found(refusal, "Invalid JSON", &problems);
	own = json_string_value(json_object_get(update, "id"));
	if (own && app_id_resolve(id, own, absolute) < 0)
		problems_add(&problems, "/id", "must be a path below the root");
	else if (own)
		(void)snprintf(id, APP_ID_SIZE, "%s", absolute);
	check_alone(update, "version", &problems);
	check_alone(update, "scaleBy", &problems);
	r = refuse_found(refusal, "Object is not valid", &problems);
	if (r < 0)
		json_decref(update);
	else
		*ret = update;
	return r;
}

static int check_patch(const char *id, const json_t *update, struct refusal *refusal)
{
	json_t *walk = (json_t *)(uintptr_t)update, *value;
	struct problems problems = { 0 };
	const char *key;

	if (!is_top_level(id))
		problems_add(&problems, "/", "Path needs to be top-level");
	else
		check_role(update, id, "", &problems);
	json_object_foreach(walk, key, value) {
		char path[SHAPE_PATH_SIZE];

		(void)snprintf(path, sizeof(path), "/%s", key);
		if (strcmp(key, "enforceRole") != 0)
			problems_add(&problems, path, "only enforceRole can be patched");
	}
	return refuse_found(refusal, "Object is not valid", &problems);
}

/* ---- Complete lists ---- */

/* What is being built, and where in the document one is. */
struct builder {
	const struct controller *c;
	struct change_set *set;
	struct problems *problems;
	struct refusal *refusal;
	bool changes_apps;	/* something is said of apps */
};

static int build_group(const struct builder *b, const char *id, const json_t *update,
		       const char *path);

static int delete_app(const struct builder *b, const char *id)
{
	struct change *change = change_set_app(b->set, id);

	return change ? 0 : refuse_memory(b->refusal);
}

static int delete_below(const struct builder *b, const char *id)
{
	const struct entry *entry = NULL;
	const struct group *named, *next;

	while ((entry = group_next_app(b->c, id, entry))) {
		if (delete_app(b, entry->id) < 0)
			return -1;
	}
	HASH_ITER(by_id, b->c->groups, named, next) {
		if (app_id_is_within(named->id, id) &&
		    !change_set_group(b->set, named->id, NULL))
			return refuse_memory(b->refusal);
	}
	return 0;
}

/* The errors of a definition inside are told where it stands in the whole. */
static void move_problems(const struct builder *b, const char *path)
{
	const json_t *details = json_object_get(b->refusal->body, "details"), *detail, *error;
	size_t i, k;

	json_array_foreach(details, i, detail) {
		const char *inner = json_string_value(json_object_get(detail, "path"));
		char whole[SHAPE_PATH_SIZE];

		(void)snprintf(whole, sizeof(whole), "%s%s", path, inner ? inner : "");
		json_array_foreach(json_object_get(detail, "errors"), k, error)
			problems_add(b->problems, whole, "%s", json_string_value(error));
	}
}

/* What a group has lists of. */
typedef int member_parse_fn(const json_t *document, const char *id, const struct role_rules *rules, struct app **ret,
			    struct refusal *refusal);

static const struct member_kind {
	const char *key;
	bool are_pods;
	member_parse_fn *parse;
} member_kinds[] = {
	{ "apps", false, app_parse },
	{ "pods", true, pod_parse },
};

static int build_member(const struct builder *b, const struct member_kind *kind, const char *group_id,
			const json_t *document, const char *path)
{
	const char *own = json_string_value(json_object_get(document, "id"));
	char id[APP_ID_SIZE], parent[APP_ID_SIZE];
	const struct entry *there;
	struct role_rules rules;
	struct change *change;
	int r;

	if (!own || app_id_resolve(group_id, own, id) < 0 || strcmp(id, "/") == 0) {
		problems_add(b->problems, path, own ? "must be a path below the root"
						    : "error.path.missing");
		return 0;
	}
	app_id_parent(id, parent);
	if (strcmp(parent, group_id) != 0) {
		problems_add(b->problems, path,
			     "Identifier is not child of '%s'. Hint: use relative paths.",
			     group_id);
		return 0;
	}
	there = entry_find_live(b->c, id);
	if (there && entry_is_pod(there) != kind->are_pods)
		return plan_refuse_taken(there, b->refusal);
	if (change_set_find(b->set, id))
		return refuse(b->refusal, 422, "'%s' is given more than once", id);
	change = change_set_app(b->set, id);
	if (!change)
		return refuse_memory(b->refusal);
	rules = group_role_rules(b->c, b->set, id);
	r = kind->parse(document, id, &rules, &change->app, b->refusal);
	if (r < 0 && b->refusal->status == 422) {
		move_problems(b, path);
		r = 0;
	}
	return r;
}

/* A list that is given is the complete one. */
static int build_members(const struct builder *b, const struct member_kind *kind, const char *id,
			 const json_t *update, const char *path)
{
	const json_t *list = json_object_get(update, kind->key), *document;
	const struct entry *entry = NULL;
	size_t i;

	json_array_foreach(list, i, document) {
		char below[SHAPE_PATH_SIZE];

		(void)snprintf(below, sizeof(below), "%s/%s(%zu)", path, kind->key, i);
		if (build_member(b, kind, id, document, below) < 0)
			return -1;
	}
	while (list && (entry = group_next_app(b->c, id, entry))) {
		char parent[APP_ID_SIZE];

		app_id_parent(entry->id, parent);
		if (entry_is_pod(entry) == kind->are_pods && strcmp(parent, id) == 0 &&
		    !change_set_find(b->set, entry->id) &&
		    delete_app(b, entry->id) < 0)
			return -1;
	}
	return 0;
}

/* Does one of the listed groups lie at, in or around ID? */
static bool is_listed(const char *base, const json_t *groups, const char *id)
{
	const json_t *update;
	size_t i;

	json_array_foreach(groups, i, update) {
		const char *own = json_string_value(json_object_get(update, "id"));
		char listed[APP_ID_SIZE];

		if (own && app_id_resolve(base, own, listed) == 0 &&
		    (app_id_is_within(id, listed) || app_id_is_within(listed, id)))
			return true;
	}
	return false;
}

/* The group just below BASE that ID is, or is in. */
static void child_of(const char *base, const char *id, char ret[APP_ID_SIZE])
{
	size_t size = strcmp(base, "/") == 0 ? 1 : strlen(base) + 1;

	size += strcspn(id + size, "/");
	memcpy(ret, id, size);
	ret[size] = '\0';
}

static int delete_unlisted(const struct builder *b, const char *id, const json_t *groups)
{
	const struct entry *entry = NULL;
	const struct group *named, *next;
	char child[APP_ID_SIZE];

	while ((entry = group_next_app(b->c, id, entry))) {
		child_of(id, entry->id, child);
		if (strcmp(child, entry->id) != 0 && !is_listed(id, groups, child) &&
		    delete_app(b, entry->id) < 0)
			return -1;
	}
	HASH_ITER(by_id, b->c->groups, named, next) {
		if (!app_id_is_below(named->id, id))
			continue;
		child_of(id, named->id, child);
		if (!is_listed(id, groups, child) && !change_set_group(b->set, named->id, NULL))
			return refuse_memory(b->refusal);
	}
	return 0;
}

static int build_groups(const struct builder *b, const char *id, const json_t *groups,
			const char *path)
{
	const json_t *update;
	size_t i;

	json_array_foreach(groups, i, update) {
		const char *own = json_string_value(json_object_get(update, "id"));
		char below[SHAPE_PATH_SIZE], child[APP_ID_SIZE];

		(void)snprintf(below, sizeof(below), "%s/groups(%zu)", path, i);
		if (!own || app_id_resolve(id, own, child) < 0 || !app_id_is_below(child, id))
			problems_add(b->problems, below, own ? "must be a path below %s"
							     : "error.path.missing", id);
		else if (build_group(b, child, update, below) < 0)
			return -1;
	}
	return groups ? delete_unlisted(b, id, groups) : 0;
}

/* Relative to the group; those that it has where nothing is said of them. */
static json_t *dependencies_of(const struct builder *b, const char *id, const json_t *given,
			       const char *path)
{
	const struct group *known = group_find(b->c, id);
	json_t *list = json_array();

	if (!given && known)
		(void)json_array_extend(list, json_object_get(known->settings, "dependencies"));
	for (size_t i = 0; i < json_array_size(given); i++) {
		char below[SHAPE_PATH_SIZE], absolute[APP_ID_SIZE];

		(void)snprintf(below, sizeof(below), "%s/dependencies(%zu)", path, i);
		if (app_id_resolve(id, json_string_value(json_array_get(given, i)), absolute) < 0)
			problems_add(b->problems, below, "must be a path below the root");
		else
			(void)json_array_append_new(list, json_string(absolute));
	}
	return list;
}

/* Whether an app may keep its role must not depend on what of a request is looked at first. */
static bool enforces_role(const struct builder *b, const char *id, const json_t *update,
			  const char *path)
{
	const json_t *given = json_object_get(update, "enforceRole");
	bool does = is_top_level(id) && group_role_is_enforced_by(b->c, id);
	char below[SHAPE_PATH_SIZE];

	check_role(update, id, path, b->problems);
	if (!given || !is_top_level(id))
		return does;
	(void)snprintf(below, sizeof(below), "%s/enforceRole", path);
	if (group_exists(b->c, id) && json_is_true(given) != does && b->changes_apps)
		problems_add(b->problems, below, "enforceRole cannot be modified in a request that "
						 "adds, removes or modifies services; please make "
						 "these changes in separate requests.");
	return json_is_true(given);
}

static int build_group(const struct builder *b, const char *id, const json_t *update,
		       const char *path)
{
	json_t *dependencies = dependencies_of(b, id, json_object_get(update, "dependencies"),
					       path);
	json_t *settings = group_settings_new(dependencies, enforces_role(b, id, update, path));
	bool is_set = settings && change_set_group(b->set, id, settings);

	json_decref(settings);
	if (!is_set)
		return refuse_memory(b->refusal);
	for (size_t i = 0; i < ARRAY_SIZE(member_kinds); i++) {
		if (build_members(b, &member_kinds[i], id, update, path) < 0)
			return -1;
	}
	return build_groups(b, id, json_object_get(update, "groups"), path);
}

/* ---- Going back and scaling ---- */

static int restore_app(const struct builder *b, const char *id, const struct app *then,
		       const struct app *now)
{
	struct change *change;

	if (then == now)
		return 0;
	change = change_set_app(b->set, id);
	if (!change)
		return refuse_memory(b->refusal);
	change->keeps_same = true;
	if (then)
		change->app = app_with_instances(then, then->instances);
	return then && !change->app ? refuse_memory(b->refusal) : 0;
}

static int restore_all(const struct builder *b, const char *id, const struct snapshot *then)
{
	const struct snapshot_group *group_then, *next_group;
	const struct snapshot_app *app, *next_app;
	const struct group *named, *next;
	const struct entry *entry = NULL;

	while ((entry = group_next_app(b->c, id, entry))) {
		if (restore_app(b, entry->id, snapshot_find_app(then, entry->id),
				entry->target) < 0)
			return -1;
	}
	HASH_ITER(by_id, then->apps, app, next_app) {
		if (app_id_is_below(app->app->id, id) && !entry_find_live(b->c, app->app->id) &&
		    restore_app(b, app->app->id, app->app, NULL) < 0)
			return -1;
	}
	HASH_ITER(by_id, b->c->groups, named, next) {
		if (app_id_is_within(named->id, id) && !snapshot_find_group(then, named->id) &&
		    !change_set_group(b->set, named->id, NULL))
			return refuse_memory(b->refusal);
	}
	HASH_ITER(by_id, then->groups, group_then, next_group) {
		if (app_id_is_within(group_then->id, id) &&
		    !change_set_group(b->set, group_then->id,
				      (json_t *)(uintptr_t)group_then->settings))
			return refuse_memory(b->refusal);
	}
	return 0;
}

static int go_back(const struct builder *b, const char *id, const char *version)
{
	struct snapshot then;
	int64_t time;
	int r;

	if (clock_parse(version, &time) < 0)
		return refuse(b->refusal, 422, "Invalid timestamp provided '%s'. Expecting ISO-8601 "
					       "datetime string.", version);
	r = snapshot_at(b->c, version, &then);
	if (r == 0 && snapshot_has_group(&then, id))
		r = restore_all(b, id, &then);
	else
		r = refuse(b->refusal, 422, "Group %s not available in version %s", id, version);
	snapshot_free(&then);
	return r;
}

/* Ten times 1.1 is eleven, whatever binary fractions make of it. */
static unsigned scaled(unsigned instances, double factor)
{
	const double noise = 1e-6;
	double exact = instances * factor;

	return exact > MAX_INSTANCES ? MAX_INSTANCES + 1 : (unsigned)ceil(exact - noise);
}

static int scale(const struct builder *b, const char *id, double factor)
{
	const struct entry *entry = NULL;

	if (!group_exists(b->c, id))
		return refuse(b->refusal, 404, "Group '%s' does not exist", id);
	while ((entry = group_next_app(b->c, id, entry))) {
		unsigned instances = scaled(entry->target->instances, factor);
		struct change *change;

		/* As in Marathon it is said of apps alone. */
		if (entry_is_pod(entry))
			continue;
		if (instances > MAX_INSTANCES) {
			problems_add(b->problems, "/scaleBy", "app '%s' would have more than %d "
							      "instances", entry->id,
				     MAX_INSTANCES);
			continue;
		}
		change = change_set_app(b->set, entry->id);
		if (change)
			change->app = app_with_instances(entry->target, instances);
		if (!change || !change->app)
			return refuse_memory(b->refusal);
	}
	return 0;
}

/* ---- */

static bool says_of_apps(const json_t *update)
{
	const json_t *groups = json_object_get(update, "groups");
	bool does = json_object_get(update, "apps") || json_object_get(update, "pods");

	for (size_t i = 0; i < json_array_size(groups); i++)
		does |= says_of_apps(json_array_get(groups, i));
	return does;
}

int group_update_changes(const struct controller *c, const char *id, const json_t *update,
			 struct change_set *set, struct refusal *refusal)
{
	const json_t *factor = json_object_get(update, "scaleBy");
	const char *version = json_string_value(json_object_get(update, "version"));
	struct problems problems = { 0 };
	const struct builder b = {
		.c = c, .set = set, .problems = &problems, .refusal = refusal,
		.changes_apps = says_of_apps(update),
	};
	int r;

	if (version)
		r = go_back(&b, id, version);
	else if (factor)
		r = scale(&b, id, json_number_value(factor));
	else
		r = build_group(&b, id, update, "");
	if (r == 0)
		return refuse_found(refusal, "Object is not valid", &problems);
	problems_done(&problems);
	return r;
}

int group_patch_changes(const struct controller *c, const char *id, const json_t *update,
			struct change_set *set, struct refusal *refusal)
{
	const json_t *enforce = json_object_get(update, "enforceRole");
	const struct group *known = group_find(c, id);
	json_t *dependencies, *settings;
	bool is_set;
	int r = check_patch(id, update, refusal);

	if (r < 0)
		return r;
	if (!group_exists(c, id))
		return refuse(refusal, 404, "Group '%s' does not exist", id);
	if (!enforce)
		return 0;
	dependencies = json_array();
	if (known)
		(void)json_array_extend(dependencies, json_object_get(known->settings, "dependencies"));
	settings = group_settings_new(dependencies, json_is_true(enforce));
	is_set = settings && change_set_group(set, id, settings);
	json_decref(settings);
	return is_set ? 0 : refuse_memory(refusal);
}

int group_delete_changes(const struct controller *c, const char *id, struct change_set *set,
			 struct refusal *refusal)
{
	const struct builder b = { .c = c, .set = set, .refusal = refusal };

	if (!group_exists(c, id))
		return refuse(refusal, 404, "Group '%s' does not exist", id);
	return delete_below(&b, id);
}
