/* Whose share of the cluster an app takes, by the group that it is in (reference/marathon.md 2.1). */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_ROLE_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_GROUP_ROLE_H

#include <jansson.h>
#include <stdbool.h>

#include "master_stub/marathon/definition/role_rules.h"

struct change_set;
struct controller;

/* Does the top-level group that the app is in want every new app to have its role? */
bool group_role_is_enforced(const struct controller *c, const char *app_id);
/* The same of the top-level group itself, which need not be there yet. */
bool group_role_is_enforced_by(const struct controller *c, const char *group_id);
/* Of the app APP_ID, absolute, when SET (or NULL) is done; the role that it has it may keep. */
struct role_rules group_role_rules(const struct controller *c, const struct change_set *set,
				   const char *app_id);
/* The same of the app that DOCUMENT names itself, relative to the root; the root's if it does not. */
struct role_rules group_role_rules_of(const struct controller *c, const json_t *document);
/* Top-level groups that SET founds enforce their roles if the operator wants it so.  -ENOMEM. */
int group_role_found(const struct controller *c, struct change_set *set);

#endif
