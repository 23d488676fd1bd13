/* The roles that an app may have: whose share of the cluster its instances take. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_ROLE_RULES_H
#define MASTER_STUB_MARATHON_DEFINITION_ROLE_RULES_H

#include <jansson.h>

struct problems;

enum { ROLE_MAX = 256, ROLE_SIZE = ROLE_MAX + 1, ROLES_ALLOWED_MAX = 3 };

/* Of the place that an app is at; the first is that of an app that names none. */
struct role_rules {
	char allowed[ROLES_ALLOWED_MAX][ROLE_SIZE];
	unsigned n;
};

/* One more, if it is not among them. */
void role_rules_allow(struct role_rules *rules, const char *role);
/* NULL: a role that there may be; else the sentence that says what is wrong. */
const char *role_complaint(const char *role);

/* A DOCUMENT without role gets that of RULES (NULL: "*"). */
void role_fill(json_t *document, const struct role_rules *rules, struct problems *problems);
/* Of the canonical form of an app or a pod; without RULES (NULL) every role will do. */
void role_check(const json_t *definition, const struct role_rules *rules, struct problems *problems);
/* Of an app: acceptedResourceRoles are within its role and "*". */
void role_check_accepted(const json_t *app, struct problems *problems);

#endif
