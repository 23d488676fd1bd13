#include "master_stub/marathon/deployment/change_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/app.h"

void changes_free(struct change *changes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		app_unref(changes[i].app);
	free(changes);
}

void change_set_done(struct change_set *set)
{
	changes_free(set->apps, set->n_apps);
	for (unsigned i = 0; i < set->n_groups; i++)
		json_decref(set->groups[i].settings);
	free(set->groups);
	*set = (struct change_set){ 0 };
}

/* ARRAY with room for one more than N, at powers of two. */
static void *grow(void *array, unsigned n, size_t size)
{
	bool is_full = (n & (n - 1)) == 0;

	return is_full ? reallocarray(array, n ? 2 * (size_t)n : 1, size) : array;
}

struct change *change_set_app(struct change_set *set, const char *app_id)
{
	struct change *apps = grow(set->apps, set->n_apps, sizeof(*apps)), *change;

	if (!apps)
		return NULL;
	set->apps = apps;
	change = &apps[set->n_apps++];
	*change = (struct change){ 0 };
	(void)snprintf(change->app_id, sizeof(change->app_id), "%s", app_id);
	return change;
}

const struct change *change_set_find(const struct change_set *set, const char *app_id)
{
	for (unsigned i = 0; i < set->n_apps; i++) {
		if (strcmp(set->apps[i].app_id, app_id) == 0)
			return &set->apps[i];
	}
	return NULL;
}

static struct group_change *find_group(const struct change_set *set, const char *id)
{
	for (unsigned i = 0; i < set->n_groups; i++) {
		if (strcmp(set->groups[i].id, id) == 0)
			return &set->groups[i];
	}
	return NULL;
}

const struct group_change *change_set_find_group(const struct change_set *set, const char *id)
{
	return find_group(set, id);
}

bool change_set_group(struct change_set *set, const char *id, json_t *settings)
{
	struct group_change *change = find_group(set, id), *groups;

	if (!change) {
		groups = grow(set->groups, set->n_groups, sizeof(*groups));
		if (!groups)
			return false;
		set->groups = groups;
		change = &groups[set->n_groups++];
		*change = (struct group_change){ 0 };
		(void)snprintf(change->id, sizeof(change->id), "%s", id);
	}
	json_incref(settings);
	json_decref(change->settings);
	change->settings = settings;
	return true;
}
