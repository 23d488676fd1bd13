#include "master_stub/marathon/deployment/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/state.h"

json_t *group_settings_new(json_t *dependencies_take, bool enforces_role)
{
	return json_pack("{s:o, s:b}", "dependencies", dependencies_take, "enforceRole",
			 enforces_role);
}

const json_t *group_settings_dependencies(const json_t *settings)
{
	return json_object_get(settings, "dependencies");
}

bool group_settings_enforce_role(const json_t *settings)
{
	return json_is_true(json_object_get(settings, "enforceRole"));
}

static int compare_ids(const struct group *a, const struct group *b)
{
	return strcmp(a->id, b->id);
}

struct group *group_find(const struct controller *c, const char *id)
{
	struct group *group;

	HASH_FIND(by_id, c->groups, id, strlen(id), group);
	return group;
}

static struct group *group_new(struct controller *c, const char *id)
{
	struct group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	(void)snprintf(group->id, sizeof(group->id), "%s", id);
	HASH_ADD_KEYPTR_INORDER(by_id, c->groups, group->id, strlen(group->id), group,
				compare_ids);
	if (group_find(c, id))
		return group;
	free(group);
	return NULL;
}

int group_set(struct controller *c, const char *id, json_t *settings)
{
	struct group *group = group_find(c, id);

	if (!group)
		group = group_new(c, id);
	if (!group)
		return -ENOMEM;
	json_incref(settings);
	json_decref(group->settings);
	group->settings = settings;
	return 0;
}

void group_free(struct controller *c, struct group *group)
{
	if (!group)
		return;
	HASH_DELETE(by_id, c->groups, group);
	json_decref(group->settings);
	free(group);
}

struct entry *group_next_app(const struct controller *c, const char *id,
			     const struct entry *previous)
{
	struct entry *entry = previous ? previous->by_id.next : c->entries;

	for (; entry; entry = entry->by_id.next) {
		if (!entry->is_deleting && entry->target && app_id_is_below(entry->id, id))
			return entry;
	}
	return NULL;
}

bool group_exists(const struct controller *c, const char *id)
{
	const struct group *group, *next;

	if (strcmp(id, "/") == 0 || group_next_app(c, id, NULL))
		return true;
	HASH_ITER(by_id, c->groups, group, next) {
		if (app_id_is_within(group->id, id))
			return true;
	}
	return false;
}
