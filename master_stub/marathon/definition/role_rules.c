#include "master_stub/marathon/definition/role_rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/reservations.h"
#include "master_stub/marathon/definition/refusal.h"

static bool is_allowed(const struct role_rules *rules, const char *role)
{
	for (unsigned i = 0; i < rules->n; i++) {
		if (strcmp(rules->allowed[i], role) == 0)
			return true;
	}
	return false;
}

void role_rules_allow(struct role_rules *rules, const char *role)
{
	if (is_allowed(rules, role))
		return;
	assert(rules->n < ROLES_ALLOWED_MAX);
	(void)snprintf(rules->allowed[rules->n++], ROLE_SIZE, "%s", role);
}

const char *role_complaint(const char *role)
{
	return strcmp(role, "*") == 0 || resource_role_is_valid(role) ? NULL
		: "must be '*' or a role without empty parts, white space or a leading dash";
}

void role_fill(json_t *document, const struct role_rules *rules, struct problems *problems)
{
	const json_t *role = json_object_get(document, "role");

	if (!json_is_object(document) || (role && !json_is_null(role)))
		return;
	if (json_object_set_new(document, "role", json_string(rules ? rules->allowed[0] : "*")) < 0)
		problems->out_of_memory = true;
}

void role_check(const json_t *definition, const struct role_rules *rules, struct problems *problems)
{
	const char *role = json_string_value(json_object_get(definition, "role"));
	char list[ROLES_ALLOWED_MAX * (ROLE_SIZE + 2)] = "";
	size_t used = 0;

	if (!rules || is_allowed(rules, role))
		return;
	for (unsigned i = 0; i < rules->n; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 rules->allowed[i]);
	problems_add(problems, "/role", "got %s, expected one of: [%s]", role, list);
}

void role_check_accepted(const json_t *app, struct problems *problems)
{
	const json_t *accepted = json_object_get(app, "acceptedResourceRoles");
	const char *role = json_string_value(json_object_get(app, "role"));

	/* What is reserved for others is offered to none but them. */
	for (size_t i = 0; i < json_array_size(accepted); i++) {
		const char *other = json_string_value(json_array_get(accepted, i));

		if (strcmp(other, "*") != 0 && strcmp(other, role) != 0)
			problems_add(problems, "/acceptedResourceRoles",
				     "acceptedResourceRoles can only contain *%s%s",
				     strcmp(role, "*") == 0 ? "" : " and ",
				     strcmp(role, "*") == 0 ? "" : role);
	}
}
