#include "master_stub/marathon/placement/roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/framework.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/state.h"

/* Operators change what there may be at the master's start only. */
enum { RETRY_MS = 60000 };

/* ---- The table ---- */

struct role *role_find(const struct controller *c, const char *name)
{
	struct role *role;

	HASH_FIND(by_name, c->roles, name, strlen(name), role);
	return role;
}

static int compare_names(const struct role *a, const struct role *b)
{
	return strcmp(a->name, b->name);
}

static void role_free(struct controller *c, struct role *role)
{
	HASH_DELETE(by_name, c->roles, role);
	free(role->name);
	free(role->refusal);
	free(role);
}

int role_take(struct controller *c, const char *name, struct role **ret)
{
	struct role *role = role_find(c, name);

	if (role) {
		*ret = role;
		return 0;
	}
	role = calloc(1, sizeof(*role));
	if (role)
		role->name = strdup(name);
	if (!role || !role->name) {
		free(role);
		return -ENOMEM;
	}
	role->is_suppressed = true;
	HASH_ADD_KEYPTR_INORDER(by_name, c->roles, role->name, strlen(role->name), role, compare_names);
	if (role_find(c, name)) {
		*ret = role;
		return 0;
	}
	free(role->name);
	free(role);
	return -ENOMEM;
}

int role_enter(struct controller *c, const char *name)
{
	struct role *role;
	int r = role_take(c, name, &role);

	if (r == 0)
		role->n_instances++;
	return r;
}

void role_leave(struct controller *c, const char *name)
{
	struct role *role = role_find(c, name);

	if (role)
		role->n_instances--;
}

void roles_free(struct controller *c)
{
	while (c->roles)
		role_free(c, c->roles);
}

bool roles_any_suppressed(const struct controller *c)
{
	const struct role *role, *next;

	HASH_ITER(by_name, c->roles, role, next) {
		if (role->is_ours && role->is_suppressed)
			return true;
	}
	return false;
}

/* ---- In the master ---- */

void roles_subscribed(struct controller *c)
{
	struct role *role, *next;

	if (role_take(c, c->options.mesos_role, &role) < 0)
		c->is_out_of_memory = true;
	HASH_ITER(by_name, c->roles, role, next) {
		role->is_ours = strcmp(role->name, c->options.mesos_role) == 0;
		role->is_suppressed = !role->is_ours;
		role->retry_ms = 0;
		role->was_offered = false;
	}
}

static bool is_due(const struct controller *c, const struct role *role)
{
	return role->is_used && !role->is_ours && c->now_ms >= role->retry_ms;
}

/* The roles that the framework is in and those that are due, of which only ONE if it is not NULL. */
static bool is_to_be_ours(const struct controller *c, const struct role *role,
			  const struct role *one)
{
	return role->is_used && (role->is_ours || role == one || (!one && is_due(c, role)));
}

static int tell(struct controller *c, const struct role *one, struct err *e)
{
	unsigned size = HASH_CNT(by_name, c->roles) + 1, n = 0, n_suppressed = 0;
	AUTO_FREE const char **names = calloc(size, sizeof(*names));
	AUTO_FREE const char **suppressed = calloc(size, sizeof(*suppressed));
	struct role *role, *next;
	int r;

	if (!names || !suppressed)
		return err_set(e, ENOMEM, "change the roles of the framework");
	HASH_ITER(by_name, c->roles, role, next) {
		if (!is_to_be_ours(c, role, one))
			continue;
		names[n++] = role->name;
		if (role->is_suppressed)
			suppressed[n_suppressed++] = role->name;
	}
	r = framework_set_roles(c, names, n, suppressed, n_suppressed, e);
	if (r < 0)
		return r;
	HASH_ITER(by_name, c->roles, role, next) {
		role->is_ours = is_to_be_ours(c, role, one);
		if (role->is_ours && role->refusal)
			(void)instance_set_text(&role->refusal, NULL);
	}
	return 0;
}

/* One bad role must not keep the others out. */
static void tell_each(struct controller *c)
{
	struct role *role, *next;

	HASH_ITER(by_name, c->roles, role, next) {
		struct err e = { 0 };
		char buf[640];

		if (!is_due(c, role) || tell(c, role, &e) == 0)
			continue;
		role->retry_ms = c->now_ms + RETRY_MS;
		if (instance_set_text(&role->refusal, err_text(&e, buf, sizeof(buf))) < 0)
			c->is_out_of_memory = true;
		controller_explain(c, "the master does not let the framework into role '%s': %s",
				   role->name, buf);
	}
}

static void join_and_leave(struct controller *c)
{
	bool is_changed = false;
	struct role *role, *next;
	struct err e = { 0 };

	HASH_ITER(by_name, c->roles, role, next)
		is_changed |= is_due(c, role) || (role->is_ours && !role->is_used);
	if (is_changed && tell(c, NULL, &e) < 0)
		tell_each(c);
	HASH_ITER(by_name, c->roles, role, next) {
		if (role->is_used && !role->is_ours)
			controller_wake_at(c, role->retry_ms);
		else if (!role->is_used && !role->is_ours)
			role_free(c, role);
	}
}

/* What was refused for long, because nothing was wanted, is asked for again. */
static void ask(struct controller *c, struct role *role)
{
	if (role->is_new || (role->is_wanted && role->is_suppressed)) {
		calls_revive(c, role->name);
		role->is_suppressed = false;
	} else if (!role->is_wanted && !role->is_suppressed) {
		calls_suppress(c, role->name);
		role->is_suppressed = true;
	}
}

void roles_begin(struct controller *c)
{
	struct role *role, *next;

	HASH_ITER(by_name, c->roles, role, next) {
		role->is_used = role->n_instances > 0 ||
				strcmp(role->name, c->options.mesos_role) == 0;
		role->is_wanted = role->is_new = false;
	}
}

void roles_settle(struct controller *c)
{
	struct role *role, *next;

	if (!c->is_subscribed)
		return;
	join_and_leave(c);
	HASH_ITER(by_name, c->roles, role, next) {
		if (role->is_ours)
			ask(c, role);
	}
}
