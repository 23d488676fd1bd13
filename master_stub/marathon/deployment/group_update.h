/* What /v2/groups is asked for, as a set of changes. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_UPDATE_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_UPDATE_H

#include <jansson.h>

struct change_set;
struct controller;
struct refusal;

/*
 * A group as a client describes it.  ID: the group of the address that its own id is relative to,
 * and then the group that is meant.  Errors are in REFUSAL (400, 422, 503).
 */
int group_update_read(const json_t *document, char id[192], json_t **ret, struct refusal *refusal);

/*
 * What makes group ID be what UPDATE says: its apps and groups are complete lists; or it goes back
 * to a version, or is scaled.  Into SET, which is empty before.
 */
int group_update_changes(const struct controller *c, const char *id, const json_t *update,
			 struct change_set *set, struct refusal *refusal);

/*
 * What patches UPDATE into group ID: only enforceRole may be, of top-level groups.  It concerns apps
 * that come, and those that are there when they are changed (group_role.h).
 */
int group_patch_changes(const struct controller *c, const char *id, const json_t *update,
			struct change_set *set, struct refusal *refusal);

/* What deletes group ID and everything inside. */
int group_delete_changes(const struct controller *c, const char *id, struct change_set *set,
			 struct refusal *refusal);

#endif
