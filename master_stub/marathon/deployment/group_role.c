#include "master_stub/marathon/deployment/group_role.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/change_set.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/state.h"

/* The top-level group that app or group ID is in; "/": none. */
static void top_level_of(const char *id, bool is_app, char ret_group[APP_ID_SIZE])
{
	size_t size = 1 + strcspn(id + 1, "/");

	if (is_app && id[size] != '/')
		size = 1;
	(void)snprintf(ret_group, APP_ID_SIZE, "%.*s", (int)size, id);
}

static bool is_enforced_by(const struct controller *c, const struct change_set *set,
			   const char *top_level)
{
	const struct group_change *change = set ? change_set_find_group(set, top_level) : NULL;
	const struct group *group = group_find(c, top_level);

	if (change && change->settings)
		return group_settings_enforce_role(change->settings);
	if (!change && group)
		return group_settings_enforce_role(group->settings);
	/* What is there without ever having been named was made when nothing was enforced. */
	return c->options.new_group_enforces_role && strcmp(top_level, "/") != 0 &&
	       !group_exists(c, top_level);
}

bool group_role_is_enforced(const struct controller *c, const char *app_id)
{
	char top_level[APP_ID_SIZE];

	top_level_of(app_id, true, top_level);
	return is_enforced_by(c, NULL, top_level);
}

bool group_role_is_enforced_by(const struct controller *c, const char *group_id)
{
	return is_enforced_by(c, NULL, group_id);
}

struct role_rules group_role_rules(const struct controller *c, const struct change_set *set,
				   const char *app_id)
{
	const struct entry *entry = entry_find_live(c, app_id);
	struct role_rules rules = { 0 };
	char top_level[APP_ID_SIZE];

	top_level_of(app_id, true, top_level);
	if (!is_enforced_by(c, set, top_level))
		role_rules_allow(&rules, c->options.mesos_role);
	if (strcmp(top_level, "/") != 0)
		role_rules_allow(&rules, top_level + 1);
	if (entry)
		role_rules_allow(&rules, entry->target->role);
	return rules;
}

struct role_rules group_role_rules_of(const struct controller *c, const json_t *document)
{
	const char *own = json_string_value(json_object_get(document, "id"));
	char id[APP_ID_SIZE];

	return group_role_rules(c, NULL, own && app_id_resolve("/", own, id) == 0 ? id : "/");
}

/* ---- New groups ---- */

static int found(const struct controller *c, struct change_set *set, const char *top_level)
{
	json_t *settings;
	bool is_set;

	if (strcmp(top_level, "/") == 0 || change_set_find_group(set, top_level) ||
	    group_exists(c, top_level))
		return 0;
	settings = group_settings_new(json_array(), true);
	is_set = settings && change_set_group(set, top_level, settings);
	json_decref(settings);
	return is_set ? 0 : -ENOMEM;
}

int group_role_found(const struct controller *c, struct change_set *set)
{
	char top_level[APP_ID_SIZE], last[APP_ID_SIZE] = "/";
	unsigned n_groups = set->n_groups;
	int r = 0;

	if (!c->options.new_group_enforces_role)
		return 0;
	for (unsigned i = 0; i < set->n_apps && r == 0; i++) {
		top_level_of(set->apps[i].app_id, true, top_level);
		if (set->apps[i].app && strcmp(top_level, last) != 0)
			r = found(c, set, top_level);
		memcpy(last, top_level, sizeof(last));
	}
	for (unsigned i = 0; i < n_groups && r == 0; i++) {
		top_level_of(set->groups[i].id, false, top_level);
		if (set->groups[i].settings)
			r = found(c, set, top_level);
	}
	return r;
}
