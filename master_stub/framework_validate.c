#include "master_stub/framework_validate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/id.h"
#include "lib/resources.h"
#include "master_stub/offer_constraints.h"
#include "master_stub/role_list.h"

/* It goes to agents with each of its tasks: a large one would crowd out what others have to say to them. */
enum { MAX_ROLES = 1000, MAX_TEXT = 4096, LISTED_MAX = 200, MAX_INFO_BYTES = 64 << 10 };

static const char no_role[] = "may have no component that is empty, '.', '..' or '*', starts with a"
			      " dash or contains whitespace";

static bool is_role(const char *role)
{
	return strcmp(role, "*") == 0 || resource_role_is_valid(role);
}

static bool is_multi_role(const Mesos__V1__FrameworkInfo *info)
{
	for (size_t i = 0; i < info->n_capabilities; i++) {
		if (info->capabilities[i]->type ==
		    MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE)
			return true;
	}
	return false;
}

static bool contains(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Is it one of the framework's? */
static bool has_role(const Mesos__V1__FrameworkInfo *info, const char *role)
{
	if (!is_multi_role(info))
		return strcmp(role, info->role ? info->role : "*") == 0;
	return contains(info->roles, info->n_roles, role);
}

static int check_role_list(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	if (info->n_roles > MAX_ROLES)
		return err_set(e, EINVAL, "'FrameworkInfo.roles' has more than %d items", MAX_ROLES);
	for (size_t i = 0; i < info->n_roles; i++) {
		if (contains(info->roles, i, info->roles[i]))
			return err_set(e, EINVAL, "'FrameworkInfo.roles' contains duplicate items:"
				       " { %.150s }", info->roles[i]);
	}
	for (size_t i = 0; i < info->n_roles; i++) {
		if (!is_role(info->roles[i]))
			return err_set(e, EINVAL, "'FrameworkInfo.roles' contains invalid role:"
				       " '%.80s' %s", info->roles[i], no_role);
	}
	return 0;
}

static int check_roles(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	/* Clients that write every field write the default of this one. */
	if (is_multi_role(info) && info->role && strcmp(info->role, "*") != 0)
		return err_set(e, EINVAL, "'FrameworkInfo.role' must not be set when the framework"
			       " is MULTI_ROLE capable");
	if (!is_multi_role(info) && info->n_roles > 0)
		return err_set(e, EINVAL, "'FrameworkInfo.roles' must not be set when the framework"
			       " is not MULTI_ROLE capable");
	if (info->role && !is_role(info->role))
		return err_set(e, EINVAL, "'FrameworkInfo.role' is not a valid role: '%.80s' %s",
			       info->role, no_role);
	return check_role_list(info, e);
}

static int check_id(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	if (info->id && !id_is_valid(info->id->value))
		return err_set(e, EINVAL, "'%.200s' is not a valid framework id", info->id->value);
	return 0;
}

static int check_minimum(const char *role, const Mesos__V1__OfferFilters__ResourceQuantities *min,
			 struct err *e)
{
	for (size_t i = 0; i < min->n_quantities; i++) {
		const Mesos__V1__Value__Scalar *value = min->quantities[i]->value;

		if (!value || !isfinite(value->value) || value->value < 0)
			return err_set(e, EINVAL, "'FrameworkInfo.offer_filters' of role '%.80s':"
				       " the quantity of '%.80s' must be a number and not negative",
				       role, min->quantities[i]->key ? min->quantities[i]->key : "");
	}
	return 0;
}

static int check_offer_filters(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < info->n_offer_filters && r == 0; i++) {
		const Mesos__V1__OfferFilters *filters = info->offer_filters[i]->value;
		const char *role = info->offer_filters[i]->key ? info->offer_filters[i]->key : "";

		if (!filters || !filters->min_allocatable_resources)
			continue;
		for (size_t j = 0; r == 0 && j < filters->min_allocatable_resources->n_quantities;
		     j++)
			r = check_minimum(role, filters->min_allocatable_resources->quantities[j],
					  e);
	}
	return r;
}

static int check_failover_timeout(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	const double max_seconds = (double)INT64_MAX / 1e9;

	if (!(info->failover_timeout >= 0 && info->failover_timeout <= max_seconds))
		return err_set(e, EINVAL, "The framework failover_timeout (%g) is invalid",
			       info->failover_timeout);
	return 0;
}

static int check_texts(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	if (!*info->user)
		return err_set(e, EINVAL, "FrameworkInfo.user must be set");
	if (strlen(info->name) > MAX_TEXT || strlen(info->user) > MAX_TEXT)
		return err_set(e, EINVAL, "FrameworkInfo.name and .user may have at most %d bytes",
			       MAX_TEXT);
	return 0;
}

static int check_size(const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	size_t size = mesos__v1__framework_info__get_packed_size(info);

	return size > MAX_INFO_BYTES ?
		err_set(e, EINVAL, "FrameworkInfo of '%.100s' has %zu bytes, and may have at most %d",
			info->name, size, MAX_INFO_BYTES) : 0;
}

static int check_listed(const Mesos__V1__FrameworkInfo *info, const char *list, struct err *e)
{
	char *only = info->role ? info->role : (char []){ "*" };
	bool is_multi = is_multi_role(info);
	char *const *roles = is_multi ? info->roles : &only;
	size_t n = is_multi ? info->n_roles : 1;
	char unlisted[LISTED_MAX] = "";

	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(unlisted);

		if (!role_list_has(list, roles[i]))
			(void)snprintf(unlisted + used, sizeof(unlisted) - used, "%s%s",
				       used ? ", " : "", roles[i]);
	}
	return *unlisted ? err_set(e, EINVAL, "Roles { %s } are not present in the master's --roles",
				   unlisted) : 0;
}

int framework_info_validate(const Mesos__V1__FrameworkInfo *info, const char *roles, struct err *e)
{
	static int (*const rules[])(const Mesos__V1__FrameworkInfo *info, struct err *e) = {
		check_roles, check_id, check_offer_filters, check_failover_timeout, check_texts,
		check_size,
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == 0; i++)
		r = rules[i](info, e);
	return r == 0 ? check_listed(info, roles, e) : r;
}

static int check_constraint_roles(const struct framework_terms *terms, struct err *e)
{
	for (size_t i = 0; i < terms->offer_constraints->n_role_constraints; i++) {
		const char *role = terms->offer_constraints->role_constraints[i]->key;

		if (!has_role(terms->info, role ? role : ""))
			return err_set(e, EINVAL, "Offer constraints specify `role_constraints` for"
				       " a role '%.100s' not contained in the set of roles",
				       role ? role : "");
	}
	return 0;
}

int framework_terms_validate(const struct framework_terms *terms, struct offer_constraints **ret,
			     struct err *e)
{
	int r;

	*ret = NULL;
	for (size_t i = 0; i < terms->n_suppressed_roles; i++) {
		if (!has_role(terms->info, terms->suppressed_roles[i]))
			return err_set(e, EINVAL, "Suppressed roles { %.150s } are not contained in"
				       " the set of roles", terms->suppressed_roles[i]);
	}
	if (!terms->offer_constraints || terms->offer_constraints->n_role_constraints == 0)
		return 0;
	r = check_constraint_roles(terms, e);
	if (r == 0)
		r = offer_constraints_new(terms->offer_constraints, ret, e);
	return r;
}

int framework_info_validate_principal(const Mesos__V1__FrameworkInfo *old,
				      const Mesos__V1__FrameworkInfo *new, struct err *e)
{
	/* Not told what it was: who asks may be somebody else. */
	if (strcmp(old->principal ? old->principal : "", new->principal ? new->principal : "") != 0)
		return err_set(e, EINVAL, "Changing framework's principal is not allowed.");
	return 0;
}

int framework_info_validate_update(const Mesos__V1__FrameworkInfo *old,
				   const Mesos__V1__FrameworkInfo *new, struct err *e)
{
	int r = framework_info_validate_principal(old, new, e);

	if (r < 0)
		return r;
	if (strcmp(old->user, new->user) != 0)
		return err_set(e, EINVAL, "Updating 'FrameworkInfo.user' is unsupported; attempted"
			       " to update from '%.60s' to '%.60s'", old->user, new->user);
	if (old->checkpoint != new->checkpoint)
		return err_set(e, EINVAL, "Updating 'FrameworkInfo.checkpoint' is unsupported;"
			       " attempted to update from '%s' to '%s'",
			       old->checkpoint ? "true" : "false", new->checkpoint ? "true" : "false");
	return 0;
}
