#include "master_stub/weights.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/role_list.h"

static const char KIND[] = "weight";

struct weight {
	char *role;
	double value;
	bool is_changed;	/* by the last call */
	UT_hash_handle hh;
};

static struct weight *find(const struct master *master, const char *role)
{
	struct weight *weight = NULL;

	HASH_FIND_STR(master->weights, role, weight);
	return weight;
}

static int set(struct master *master, const char *role, double value)
{
	struct weight *weight = find(master, role);

	if (!weight) {
		weight = calloc(1, sizeof(*weight));
		if (!weight)
			return -ENOMEM;
		weight->role = strdup(role);
		if (weight->role)
			HASH_ADD_KEYPTR(hh, master->weights, weight->role, strlen(role), weight);
		if (!weight->hh.tbl) {
			free(weight->role);
			free(weight);
			return -ENOMEM;
		}
	}
	weight->value = value;
	weight->is_changed = true;
	return allocator_set_weight(master->allocator, role, value);
}

double weight_of(const struct master *master, const char *role)
{
	const struct weight *weight = find(master, role);

	return weight ? weight->value : 1;
}

static int check(const Mesos__V1__WeightInfo *info, struct err *e)
{
	const char *role = info->role ? info->role : "";

	if (strcmp(role, "*") != 0 && !resource_role_is_valid(role))
		return err_set(e, EINVAL, "Failed to validate update weights request JSON: Invalid"
			       " role '%.255s'", role);
	if (!isfinite(info->weight) || info->weight <= 0)
		return err_set(e, EINVAL, "Failed to validate update weights request JSON for role"
			       " '%.255s': Invalid weight '%g': Weights must be positive", role,
			       info->weight);
	return 0;
}

/* One that is kept may be of a role that is not listed any more. */
static int check_new(const struct master *master, const Mesos__V1__WeightInfo *info, struct err *e)
{
	int r = check(info, e);

	if (r == 0 && !role_list_has(master->options.roles, info->role))
		return err_set(e, EINVAL, "Failed to validate update weights request JSON: Unknown"
			       " role '%.255s'", info->role);
	return r;
}

static int record(struct master *master, const Mesos__V1__WeightInfo *info, struct err *e)
{
	Tepui__WeightRecord record = TEPUI__WEIGHT_RECORD__INIT;

	/* Packed, not changed. */
	record.weight = (Mesos__V1__WeightInfo *)(uintptr_t)info;
	return master_put(master, KIND, info->role, &record.base, e);
}

/* Of a role of a framework that is there: that may have been offered something. */
static bool has_changed(const struct master *master, const struct framework *framework)
{
	const struct framework_role *role;

	SLIST_FOREACH(role, &framework->roles, next) {
		const struct weight *weight = role->is_left ? NULL : find(master, role->name);

		if (weight && weight->is_changed)
			return true;
	}
	return false;
}

/* There may be very many roles in use: they are gone through once, whatever is set. */
static bool is_used_one_changed(const struct master *master)
{
	const struct framework *framework;

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		if (framework->scheduler && has_changed(master, framework))
			return true;
	}
	return false;
}

/* What was offered by the old weights is offered anew. */
static void rescind_all(struct master *master)
{
	struct offer *offer, *next;

	HASH_ITER(hh, master->offers, offer, next)
		offer_rescind(offer);
}

/* One that is new for each that is not known: who repeats a role is counted for it. */
static int check_number(const struct master *master, Mesos__V1__WeightInfo *const *infos, size_t n,
			struct err *e)
{
	size_t n_new = 0;

	if (n > MAX_ROLES_IN_CALL)
		return err_set(e, EINVAL, "Failed to validate update weights request JSON: %zu"
			       " weights are set at once, at most %d can be", n,
			       MAX_ROLES_IN_CALL);
	for (size_t i = 0; i < n; i++)
		n_new += infos[i]->role && !find(master, infos[i]->role);
	if (n_new == 0 || HASH_COUNT(master->weights) + n_new <= MAX_ROLES_KEPT)
		return 0;
	return err_set(e, EINVAL, "Failed to validate update weights request JSON: more than %d"
		       " roles would have a weight", MAX_ROLES_KEPT);
}

int master_update_weights(struct master *master, Mesos__V1__WeightInfo *const *infos, size_t n,
			  struct err *e)
{
	struct weight *weight;
	int r = check_number(master, infos, n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = check_new(master, infos[i], e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = record(master, infos[i], e);
	for (weight = master->weights; weight; weight = weight->hh.next)
		weight->is_changed = false;
	for (size_t i = 0; i < n && r == 0; i++) {
		if (set(master, infos[i]->role, infos[i]->weight) < 0)
			r = err_set(e, ENOMEM, "set the weight of role '%s'", infos[i]->role);
	}
	if (r == 0 && is_used_one_changed(master))
		rescind_all(master);
	return r;
}

static int by_role(struct weight *a, struct weight *b)
{
	return strcmp(a->role, b->role);
}

json_t *master_weights_json(struct master *master)
{
	const struct weight *weight;
	json_t *list = json_array();

	HASH_SORT(master->weights, by_role);
	for (weight = master->weights; weight; weight = weight->hh.next)
		json_array_append_new(list, json_pack("{s:s, s:f}", "role", weight->role,
						      "weight", weight->value));
	return list;
}

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__WeightRecord *record = tepui__weight_record__unpack(NULL, size, data);
	struct err why = { 0 };
	int r = 0;

	if (!record || !record->weight->role || check(record->weight, &why) < 0)
		master_explain(master, "the weight of role '%s' cannot be read and is ignored", key);
	else if (set(master, record->weight->role, record->weight->weight) < 0)
		r = err_set(e, ENOMEM, "load the weight of role '%s'", key);
	if (record)
		tepui__weight_record__free_unpacked(record, NULL);
	return r;
}

/* "eng=2": of one that is not a weight the value is NaN. */
static int seed(struct master *master, char *text, struct err *e)
{
	Mesos__V1__WeightInfo info = MESOS__V1__WEIGHT_INFO__INIT, *infos[] = { &info };
	char *equals = strchr(text, '='), *end = NULL;

	info.weight = equals ? strtod(equals + 1, &end) : NAN;
	if (equals)
		*equals = '\0';
	if (!end || end == equals + 1 || *end)
		info.weight = NAN;
	info.role = text;
	return master_update_weights(master, infos, 1, e);
}

/* What operators have said since counts more. */
static int seed_all(struct master *master, const char *weights, struct err *e)
{
	AUTO_FREE char *copy = strdup(weights);
	char *rest = copy, *one;
	int r = copy ? 0 : err_set(e, ENOMEM, "read weights");

	if (master->weights) {
		master_explain(master, "the weights '%.200s' are ignored: there are others in the"
			       " master's state", weights);
		return 0;
	}
	while (r == 0 && (one = strsep(&rest, ",")))
		r = *one ? seed(master, one, e) : 0;
	return r < 0 ? err_wrap(e, "use weights '%.100s'", weights) : 0;
}

int weights_load(struct master *master, struct err *e)
{
	int r = store_each(master->store, KIND, load, master, e);

	return r == 0 && master->options.weights ? seed_all(master, master->options.weights, e) : r;
}

void weights_free(struct master *master)
{
	struct weight *weight, *next;

	HASH_ITER(hh, master->weights, weight, next) {
		HASH_DEL(master->weights, weight);
		free(weight->role);
		free(weight);
	}
}
