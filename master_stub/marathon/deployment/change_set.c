#include "master_stub/marathon/deployment/change_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "master_stub/marathon/definition/app.h"

/* Where an app is in the array, which moves as it grows. */
struct change_key {
	UT_hash_handle by_id;
	char app_id[192];
	unsigned at;
};

void change_set_done(struct change_set *set)
{
	struct change_key *key, *next;

	HASH_ITER(by_id, set->keys, key, next) {
		HASH_DELETE(by_id, set->keys, key);
		free(key);
	}
	for (unsigned i = 0; i < set->n_apps; i++)
		app_unref(set->apps[i].app);
	free(set->apps);
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

static struct change_key *find_key(const struct change_set *set, const char *app_id)
{
	struct change_key *key;

	HASH_FIND(by_id, set->keys, app_id, strlen(app_id), key);
	return key;
}

static int add_key(struct change_set *set, const char *app_id)
{
	struct change_key *key = calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->at = set->n_apps;
	(void)snprintf(key->app_id, sizeof(key->app_id), "%s", app_id);
	HASH_ADD_KEYPTR(by_id, set->keys, key->app_id, strlen(key->app_id), key);
	if (find_key(set, app_id) == key)
		return 0;
	free(key);
	return -ENOMEM;
}

struct change *change_set_app(struct change_set *set, const char *app_id)
{
	struct change *apps = grow(set->apps, set->n_apps, sizeof(*apps)), *change;

	if (!apps)
		return NULL;
	set->apps = apps;
	if (add_key(set, app_id) < 0)
		return NULL;
	change = &apps[set->n_apps++];
	*change = (struct change){ 0 };
	(void)snprintf(change->app_id, sizeof(change->app_id), "%s", app_id);
	return change;
}

const struct change *change_set_find(const struct change_set *set, const char *app_id)
{
	const struct change_key *key = find_key(set, app_id);

	return key ? &set->apps[key->at] : NULL;
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
