#include "master_stub/quota.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/role_list.h"

typedef Mesos__V1__Quota__QuotaConfig QuotaConfig;

static const char KIND[] = "quota";

enum { TEXT_SIZE = 256 };

struct quota {
	char *role;
	struct allocator_quota amounts;
	UT_hash_handle hh;
};

static struct quota *find(const struct master *master, const char *role)
{
	struct quota *quota = NULL;

	HASH_FIND_STR(master->quotas, role, quota);
	return quota;
}

/* ---- reading what is asked for (reference/mesos.md 3.4) ---- */

/* "cpus:4; mem:1024"; kinds with FALLBACK are left out. */
static const char *format(const struct quantities *q, int64_t fallback, char text[TEXT_SIZE])
{
	size_t length = 0;

	text[0] = '\0';
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (q->of[i] != fallback)
			length += (size_t)snprintf(text + length, TEXT_SIZE - length, "%s%s:%g",
						   length > 0 ? "; " : "", resource_names[i],
						   resources_scalar_to_double(q->of[i]));
	}
	return text;
}

static const char *why_not_a_scalar(double value)
{
	if (isnan(value))
		return "NaN not supported";
	if (isinf(value))
		return "Infinite values not supported";
	if (value != 0 && !isnormal(value))
		return "Subnormal values not supported";
	return value < 0 ? "Negative values not supported" : NULL;
}

/* WHAT is "guarantee" or "limit". */
static int read_amount(const char *what, const char *name, const Mesos__V1__Value__Scalar *scalar,
		       struct quantities *amounts, struct err *e)
{
	const double exabyte_in_mb = 1024.0 * 1024 * 1024 * 1024, trillion = 1e12;
	int kind = name ? resource_kind_find(name) : -ENOENT;
	double value = scalar ? scalar->value : 0;
	const char *why = why_not_a_scalar(value);
	bool is_bytes = kind == RESOURCE_MEM || kind == RESOURCE_DISK;

	if (kind < 0)
		return err_set(e, EINVAL, "Invalid QuotaConfig: Invalid 'QuotaConfig.%ss':"
			       " '%.100s' is not a resource that this master knows", what,
			       name ? name : "");
	if (why)
		return err_set(e, EINVAL, "Invalid QuotaConfig: Invalid %s configuration {'%s': %g}:"
			       " %s", what, name, value, why);
	if (value > (is_bytes ? exabyte_in_mb : trillion))
		return err_set(e, EINVAL, "Invalid QuotaConfig: Invalid 'QuotaConfig.%ss': {'%s': %g}"
			       " is invalid: values greater than %s are not supported", what, name,
			       value, is_bytes ? "1 exabyte (1099511627776)" :
						 "1 trillion (1000000000000)");
	amounts->of[kind] = llround(value * 1000);
	return 0;
}

static int check_role(const char *role, struct err *e)
{
	if (strchr(role, '/'))
		return err_set(e, EINVAL, "Updating quota on nested role '%.255s' is not supported"
			       " yet", role);
	if (strcmp(role, "*") != 0 && !resource_role_is_valid(role))
		return err_set(e, EINVAL, "Invalid QuotaConfig: Invalid 'QuotaConfig.role': role"
			       " '%.255s' is not valid", role);
	return 0;
}

static int read_config(const QuotaConfig *config, struct allocator_quota *ret, struct err *e)
{
	char guarantees[TEXT_SIZE], limits[TEXT_SIZE];
	int r = check_role(config->role, e);

	*ret = allocator_no_quota;
	for (size_t i = 0; i < config->n_guarantees && r == 0; i++)
		r = read_amount("guarantee", config->guarantees[i]->key,
				config->guarantees[i]->value, &ret->guarantee, e);
	for (size_t i = 0; i < config->n_limits && r == 0; i++)
		r = read_amount("limit", config->limits[i]->key, config->limits[i]->value,
				&ret->limit, e);
	if (r == 0 && !quantities_contain(&ret->limit, &ret->guarantee))
		return err_set(e, EINVAL, "Invalid QuotaConfig: 'QuotaConfig.guarantees' {%s} is not"
			       " contained within the 'QuotaConfig.limits' {%s}",
			       format(&ret->guarantee, 0, guarantees),
			       format(&ret->limit, INT64_MAX, limits));
	return r;
}

/* ---- what the cluster has ---- */

/* The last of several for one role is what holds. */
static bool is_last(QuotaConfig *const *configs, size_t i, size_t n)
{
	for (size_t k = i + 1; k < n; k++) {
		if (strcmp(configs[i]->role, configs[k]->role) == 0)
			return false;
	}
	return true;
}

/* Those that stay as they are, and what AMOUNTS, of CONFIGS, would make of the others. */
static struct quantities sum_guarantees(const struct master *master, QuotaConfig *const *configs,
					const struct allocator_quota *amounts, size_t n)
{
	struct quantities sum = { { 0 } };
	const struct quota *quota;

	for (quota = master->quotas; quota; quota = quota->hh.next)
		quantities_add(&sum, &quota->amounts.guarantee, 1);
	for (size_t i = 0; i < n; i++) {
		if (!is_last(configs, i, n))
			continue;
		quota = find(master, configs[i]->role);
		if (quota)
			quantities_add(&sum, &quota->amounts.guarantee, -1);
		quantities_add(&sum, &amounts[i].guarantee, 1);
	}
	return sum;
}

/* Agents that are not connected just now count: they come back. */
static int check_capacity(const struct master *master, QuotaConfig *const *configs,
			  const struct allocator_quota *amounts, size_t n, struct err *e)
{
	const struct quantities sum = sum_guarantees(master, configs, amounts, n);
	const struct quantities *capacity = allocator_total(master->allocator);
	char guaranteed[TEXT_SIZE], all[TEXT_SIZE];

	if (quantities_contain(capacity, &sum))
		return 0;
	return err_set(e, EINVAL, "Invalid QuotaConfig: total quota guarantees '%s' exceed cluster"
		       " capacity '%s' (use 'force' flag to bypass this check)",
		       format(&sum, 0, guaranteed), format(capacity, 0, all));
}

/* ---- offers that were made by other quotas ---- */

static struct quota *find_top(const struct master *master, const char *role)
{
	struct quota *quota = NULL;

	HASH_FIND(hh, master->quotas, role, strcspn(role, "/"), quota);
	return quota;
}

static struct quantities consumed(const struct master *master, const struct quota *quota)
{
	return allocator_consumed(master->allocator, quota->role);
}

static void rescind_beyond_limits(struct master *master)
{
	struct offer *offer, *next;

	HASH_ITER(hh, master->offers, offer, next) {
		const struct quota *quota = find_top(master, offer->role->name);
		struct quantities has;

		if (!quota)
			continue;
		has = consumed(master, quota);
		if (!quantities_contain(&quota->amounts.limit, &has))
			offer_rescind(offer);
	}
}

static bool lacks_guarantee(const struct master *master, QuotaConfig *const *configs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct quota *quota = find(master, configs[i]->role);
		struct quantities has;

		if (!quota)
			continue;
		has = consumed(master, quota);
		if (!quantities_contain(&has, &quota->amounts.guarantee))
			return true;
	}
	return false;
}

/* Would something of LACK be free, and not be owed to the same role again? */
static bool is_spare(const struct master *master, const struct offer *offer,
		     const struct quantities *lack)
{
	const struct quota *quota = find_top(master, offer->role->name);
	struct quantities has = { { 0 } }, owed = { { 0 } };

	if (quota) {
		has = consumed(master, quota);
		owed = quota->amounts.guarantee;
	}
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (lack->of[i] > 0 && offer->resources.scalar[i] > 0 &&
		    (!quota || has.of[i] > owed.of[i]))
			return true;
	}
	return false;
}

/* Until there is as much free as guarantees lack, or nothing more is offered that could be. */
static void rescind_for_guarantees(struct master *master)
{
	struct offer *offer, *next;

	HASH_ITER(hh, master->offers, offer, next) {
		const struct quantities lack = allocator_lack(master->allocator);

		if (quantities_are_zero(&lack))
			return;
		if (is_spare(master, offer, &lack))
			offer_rescind(offer);
	}
}

/* ---- setting ---- */

static void forget(struct master *master, struct quota *quota)
{
	HASH_DEL(master->quotas, quota);
	free(quota->role);
	free(quota);
}

static int get_or_make(struct master *master, const char *role, struct quota **ret)
{
	struct quota *quota = find(master, role);

	if (!quota) {
		quota = calloc(1, sizeof(*quota));
		if (!quota)
			return -ENOMEM;
		quota->role = strdup(role);
		if (quota->role)
			HASH_ADD_KEYPTR(hh, master->quotas, quota->role, strlen(role), quota);
		if (!quota->hh.tbl) {
			free(quota->role);
			free(quota);
			return -ENOMEM;
		}
	}
	*ret = quota;
	return 0;
}

static int set(struct master *master, const char *role, const struct allocator_quota *amounts)
{
	struct quota *quota;

	if (get_or_make(master, role, &quota) < 0 ||
	    allocator_set_quota(master->allocator, role, amounts) < 0)
		return -ENOMEM;
	quota->amounts = *amounts;
	if (memcmp(amounts, &allocator_no_quota, sizeof(*amounts)) == 0)
		forget(master, quota);
	return 0;
}

static int record(struct master *master, const QuotaConfig *config,
		  const struct allocator_quota *amounts, struct err *e)
{
	Tepui__QuotaRecord record = TEPUI__QUOTA_RECORD__INIT;

	if (memcmp(amounts, &allocator_no_quota, sizeof(*amounts)) == 0)
		return store_delete(master->store, KIND, config->role, e);
	/* Packed, not changed. */
	record.config = (QuotaConfig *)(uintptr_t)config;
	return master_put(master, KIND, config->role, &record.base, e);
}

static int check_number(const struct master *master, QuotaConfig *const *configs, size_t n,
			struct err *e)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++)
		n_new += !find(master, configs[i]->role);
	if (n_new == 0 || HASH_COUNT(master->quotas) + n_new <= MAX_ROLES_KEPT)
		return 0;
	return err_set(e, EINVAL, "Invalid QuotaConfig: more than %d roles would have a quota",
		       MAX_ROLES_KEPT);
}

static int check_listed(const struct master *master, const char *role, struct err *e)
{
	return role_list_has(master->options.roles, role) ? 0 :
		err_set(e, EINVAL, "Invalid QuotaConfig: '%.255s' is not on the roles whitelist",
			role);
}

int master_update_quota(struct master *master, QuotaConfig *const *configs, size_t n, bool force,
			struct err *e)
{
	AUTO_FREE struct allocator_quota *amounts = NULL;
	int r = 0;

	if (n > MAX_ROLES_IN_CALL)
		return err_set(e, EINVAL, "Invalid QuotaConfig: %zu quotas are set at once, at most"
			       " %d can be", n, MAX_ROLES_IN_CALL);
	amounts = calloc(n + 1, sizeof(*amounts));
	if (!amounts)
		return err_set(e, ENOMEM, "update quotas");
	for (size_t i = 0; i < n && r == 0; i++)
		r = check_listed(master, configs[i]->role, e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_config(configs[i], &amounts[i], e);
	if (r == 0)
		r = check_number(master, configs, n, e);
	if (r == 0 && !force)
		r = check_capacity(master, configs, amounts, n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = record(master, configs[i], &amounts[i], e);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (set(master, configs[i]->role, &amounts[i]) < 0)
			r = err_set(e, ENOMEM, "set the quota of role '%s'", configs[i]->role);
	}
	rescind_beyond_limits(master);
	if (lacks_guarantee(master, configs, n))
		rescind_for_guarantees(master);
	return r;
}

/* ---- the older form: a guarantee that is the limit, too ---- */

enum { MAX_GUARANTEES = 16 };

static int check_guarantee(const Mesos__V1__Resource *resource, struct err *e)
{
	const char *why = NULL;

	if (resource->n_reservations > 0 || resource->reservation)
		why = "QuotaInfo must not contain any ReservationInfo";
	else if (resource->disk)
		why = "QuotaInfo must not contain DiskInfo";
	else if (resource->revocable)
		why = "QuotaInfo must not contain RevocableInfo";
	else if (resource->type != MESOS__V1__VALUE__TYPE__SCALAR || !resource->scalar)
		why = "QuotaInfo must not include non-scalar resources";
	return why ? err_set(e, EINVAL, "Failed to validate set quota request: %s", why) : 0;
}

static int check_request(const struct master *master,
			 const Mesos__V1__Quota__QuotaRequest *request, struct err *e)
{
	int r = 0;

	if (!request->role)
		return err_set(e, EINVAL, "Failed to validate set quota request: QuotaInfo must"
			       " specify a role");
	if (strchr(request->role, '/'))
		return err_set(e, EINVAL, "Setting quota on nested role '%.255s' is not supported"
			       " yet", request->role);
	if (request->n_guarantee == 0 || request->n_guarantee > MAX_GUARANTEES)
		return err_set(e, EINVAL, "Failed to validate set quota request: QuotaInfo with %s"
			       " 'guarantee'", request->n_guarantee == 0 ? "empty" : "too long a");
	for (size_t i = 0; i < request->n_guarantee && r == 0; i++) {
		r = check_guarantee(request->guarantee[i], e);
		for (size_t j = 0; j < i && r == 0; j++) {
			if (strcmp(request->guarantee[i]->name, request->guarantee[j]->name) == 0)
				r = err_set(e, EINVAL, "Failed to validate set quota request:"
					    " QuotaInfo contains duplicate resource name '%.100s'",
					    request->guarantee[i]->name);
		}
	}
	if (r == 0 && !role_list_has(master->options.roles, request->role))
		return err_set(e, EINVAL, "Failed to validate set quota request: Unknown role"
			       " '%.255s'", request->role);
	if (r == 0 && find(master, request->role))
		return err_set(e, EINVAL, "Failed to validate set quota request: Cannot set quota for"
			       " role '%s' which already has quota", request->role);
	return r;
}

int master_set_quota(struct master *master, const Mesos__V1__Quota__QuotaRequest *request,
		     struct err *e)
{
	Mesos__V1__Quota__QuotaConfig__GuaranteesEntry guarantees[MAX_GUARANTEES],
		*guarantee_list[MAX_GUARANTEES];
	Mesos__V1__Quota__QuotaConfig__LimitsEntry limits[MAX_GUARANTEES],
		*limit_list[MAX_GUARANTEES];
	QuotaConfig config = MESOS__V1__QUOTA__QUOTA_CONFIG__INIT, *configs[] = { &config };
	struct allocator_quota amounts;
	struct err why = { 0 };
	int r = check_request(master, request, e);

	if (r < 0)
		return r;
	config.role = request->role;
	config.n_guarantees = config.n_limits = request->n_guarantee;
	config.guarantees = guarantee_list;
	config.limits = limit_list;
	for (size_t i = 0; i < request->n_guarantee; i++) {
		mesos__v1__quota__quota_config__guarantees_entry__init(&guarantees[i]);
		mesos__v1__quota__quota_config__limits_entry__init(&limits[i]);
		guarantees[i].key = limits[i].key = request->guarantee[i]->name;
		guarantees[i].value = limits[i].value = request->guarantee[i]->scalar;
		guarantee_list[i] = &guarantees[i];
		limit_list[i] = &limits[i];
	}
	r = read_config(&config, &amounts, e);
	if (r == 0 && !request->force && check_capacity(master, configs, &amounts, 1, &why) < 0)
		return err_set(e, EEXIST, "Quota guarantees overcommit the cluster (use 'force' to"
			       " bypass this check): %.200s", why.msg);
	return r < 0 ? r : master_update_quota(master, configs, 1, true, e);
}

int master_remove_quota(struct master *master, const char *role, struct err *e)
{
	QuotaConfig config = MESOS__V1__QUOTA__QUOTA_CONFIG__INIT, *configs[] = { &config };

	if (!find(master, role))
		return err_set(e, EINVAL, "Failed to remove quota: Role '%.255s' has no quota set",
			       role);
	/* Read, not changed. */
	config.role = (char *)(uintptr_t)role;
	return master_update_quota(master, configs, 1, true, e);
}

/* ---- telling ---- */

/* By name, those with FALLBACK left out. */
static json_t *amounts_json(const struct quantities *q, int64_t fallback)
{
	json_t *json = json_object();

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (q->of[i] != fallback)
			json_object_set_new(json, resource_names[i],
					    json_pack("{s:f}", "value",
						      resources_scalar_to_double(q->of[i])));
	}
	return json;
}

static json_t *info_json(const struct quota *quota)
{
	json_t *list = json_array();

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		double value = resources_scalar_to_double(quota->amounts.guarantee.of[i]);

		if (value > 0)
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:{s:f}}",
							      "name", resource_names[i],
							      "type", "SCALAR", "role", "*",
							      "scalar", "value", value));
	}
	return json_pack("{s:s, s:o}", "role", quota->role, "guarantee", list);
}

static json_t *config_json(const struct quota *quota)
{
	return json_pack("{s:s, s:o, s:o}", "role", quota->role,
			 "guarantees", amounts_json(&quota->amounts.guarantee, 0),
			 "limits", amounts_json(&quota->amounts.limit, INT64_MAX));
}

static int by_role(struct quota *a, struct quota *b)
{
	return strcmp(a->role, b->role);
}

json_t *master_quota_json(struct master *master)
{
	json_t *infos = json_array(), *configs = json_array();
	const struct quota *quota;

	HASH_SORT(master->quotas, by_role);
	for (quota = master->quotas; quota; quota = quota->hh.next) {
		json_array_append_new(infos, info_json(quota));
		json_array_append_new(configs, config_json(quota));
	}
	return json_pack("{s:o, s:o}", "infos", infos, "configs", configs);
}

/* ---- records ---- */

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__QuotaRecord *record = tepui__quota_record__unpack(NULL, size, data);
	struct allocator_quota amounts;
	struct err why = { 0 };
	int r = 0;

	if (!record || read_config(record->config, &amounts, &why) < 0)
		master_explain(master, "the quota of role '%s' cannot be read and is ignored: %s",
			       key, record ? why.msg : "not a record");
	else if (set(master, record->config->role, &amounts) < 0)
		r = err_set(e, ENOMEM, "load the quota of role '%s'", key);
	if (record)
		tepui__quota_record__free_unpacked(record, NULL);
	return r;
}

int quotas_load(struct master *master, struct err *e)
{
	return store_each(master->store, KIND, load, master, e);
}

void quotas_free(struct master *master)
{
	struct quota *quota, *next;

	HASH_ITER(hh, master->quotas, quota, next)
		forget(master, quota);
}
