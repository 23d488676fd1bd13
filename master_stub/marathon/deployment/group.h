/*
 * Groups that were named by somebody.  Those that are not are there by the apps inside, and have
 * nothing to say.
 */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/hash.h"

struct controller;
struct entry;
struct err;
struct past;

struct group {
	UT_hash_handle by_id;
	char id[192];
	json_t *settings;
};

/*
 * What a group says of itself, as JSON that is shared and never changed: "dependencies", absolute ids
 * that hold for every app inside, and "enforceRole" (group_role.h).
 */
json_t *group_settings_new(json_t *dependencies_take, bool enforces_role);
const json_t *group_settings_dependencies(const json_t *settings);
bool group_settings_enforce_role(const json_t *settings);

struct group *group_find(const struct controller *c, const char *id);
/* Make or change the group; takes a reference of SETTINGS.  -ENOMEM. */
int group_set(struct controller *c, const char *id, json_t *settings);
/* Forget it, in memory only; NULL is passed over. */
void group_free(struct controller *c, struct group *group);

/* Is it the root, named, or is something inside? */
bool group_exists(const struct controller *c, const char *id);
/* The first live app or pod after PREVIOUS (NULL: of all) that is inside the group; NULL: no more. */
struct entry *group_next_app(const struct controller *c, const char *id,
			     const struct entry *previous);

/* ---- group_records.c: as in records.h ---- */

int group_records_put(struct controller *c, const struct group *group);
void group_records_delete(struct controller *c, const char *group_id);
int group_records_put_past(struct controller *c, const struct past *past);
void group_records_delete_past(struct controller *c, const struct past *past);
/* When the versions of apps are there. */
int group_records_load(struct controller *c, struct err *e);

#endif
