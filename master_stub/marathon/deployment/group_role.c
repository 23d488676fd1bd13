#include "master_stub/marathon/deployment/group_role.h"

#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/state.h"

/* The top-level group that APP_ID is in; "" for an app of the root. */
static void top_level_of(const char *app_id, char ret_name[APP_ID_SIZE])
{
	size_t size = strcspn(app_id + 1, "/");

	if (app_id[1 + size] != '/')
		size = 0;
	(void)snprintf(ret_name, APP_ID_SIZE, "%.*s", (int)size, app_id + 1);
}

struct role_rules group_role_rules(const struct controller *c, const char *app_id)
{
	const struct entry *entry = entry_find_live(c, app_id);
	struct role_rules rules = { 0 };
	char group[APP_ID_SIZE];

	role_rules_allow(&rules, c->options.mesos_role);
	top_level_of(app_id, group);
	if (*group)
		role_rules_allow(&rules, group);
	if (entry)
		role_rules_allow(&rules, entry->target->role);
	return rules;
}

struct role_rules group_role_rules_of(const struct controller *c, const json_t *document)
{
	const char *own = json_string_value(json_object_get(document, "id"));
	char id[APP_ID_SIZE];

	return group_role_rules(c, own && app_id_resolve("/", own, id) == 0 ? id : "/");
}
