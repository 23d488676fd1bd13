#include "containerizer/spec_update.h"

#include <errno.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* By what the entries of a list are told apart; a list that is not here replaces the old one. */
static const struct {
	const char *list, *keys[2];
} identities[] = {
	{ "hugepageLimits", { "pageSize" } },
	{ "weightDevice", { "major", "minor" } },
	{ "throttleReadBpsDevice", { "major", "minor" } },
	{ "throttleWriteBpsDevice", { "major", "minor" } },
	{ "throttleReadIOPSDevice", { "major", "minor" } },
	{ "throttleWriteIOPSDevice", { "major", "minor" } },
};

/* Where zero is a value; elsewhere it is how callers write "not set". */
static const char *const zero_counts[] = {
	"burst", "idle", "swappiness", "hcaHandles", "hcaObjects", "rate",
};

static bool is_unset(const char *key, const json_t *value)
{
	if (json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(zero_counts); i++) {
		if (strcmp(zero_counts[i], key) == 0)
			return false;
	}
	return true;
}

static bool is_same_entry(const json_t *a, const json_t *b, const char *const keys[2])
{
	for (size_t i = 0; i < 2 && keys[i]; i++) {
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	}
	return true;
}

static int merge_entry(json_t *list, json_t *entry, const char *const keys[2])
{
	size_t i = 0;

	while (i < json_array_size(list) && !is_same_entry(json_array_get(list, i), entry, keys))
		i++;
	return i < json_array_size(list) ? json_array_set(list, i, entry)
		: json_array_append(list, entry);
}

static int merge_list(json_t *old, json_t *list, const char *const keys[2])
{
	json_t *entry;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, entry) {
		if (r == 0)
			r = merge_entry(old, entry, keys);
	}
	return r;
}

static const char *const *identity_of(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		if (strcmp(identities[i].list, key) == 0)
			return identities[i].keys;
	}
	return NULL;
}

/* As deep as the parser lets a document be (json_in.h). */
static int merge_object(json_t *into, json_t *from)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach(from, key, value) {
		json_t *old = json_object_get(into, key);
		const char *const *keys = identity_of(key);

		if (r < 0)
			break;
		if (is_unset(key, value))
			continue;
		if (keys && json_is_array(old))
			r = merge_list(old, value, keys);
		else if (json_is_object(value) && json_is_object(old))
			r = merge_object(old, value);
		else
			r = json_object_set(into, key, value);
	}
	return r;
}

/* An owned reference to a copy of the document's resources. */
static json_t *copy_resources(const json_t *doc)
{
	const json_t *old = json_object_get(json_object_get(doc, "linux"), "resources");

	return json_is_object(old) ? json_deep_copy(old) : json_object();
}

static json_int_t memory_of(const json_t *resources, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(resources, "memory"), key));
}

/* OCI's swap is the sum of both: with another limit another sum is the same allowance. */
static int keep_swap(json_t *merged, const json_t *resources, json_int_t old_limit)
{
	json_int_t limit = memory_of(resources, "limit"), swap = memory_of(merged, "swap");
	json_t *memory = json_object_get(merged, "memory");

	if (limit == 0 || memory_of(resources, "swap") != 0 || swap <= 0 || old_limit <= 0)
		return 0;
	if (limit < 0)
		return json_object_del(memory, "swap");
	return json_object_set_new(memory, "swap", json_integer(limit + swap - old_limit));
}

static int check(const json_t *resources, struct err *e)
{
	struct spec spec = { 0 };
	int r = spec_read_resources(resources, &spec, e);

	spec_done(&spec);
	return r;
}

int spec_merge_resources(json_t *doc, const json_t *resources, struct err *e)
{
	json_t *linux_part = json_object_get(doc, "linux");
	json_auto_t *merged = copy_resources(doc), *from = NULL;
	json_int_t old_limit;
	int r;

	if (!json_is_object(linux_part))
		return err_set(e, EINVAL, "linux: missing");
	if (!json_is_object(resources))
		return err_set(e, EINVAL, "linux.resources: not an object");
	from = json_deep_copy(resources);
	old_limit = memory_of(merged, "limit");
	if (!merged || !from || merge_object(merged, from) < 0 ||
	    keep_swap(merged, resources, old_limit) < 0)
		return err_set(e, ENOMEM, "linux.resources: merge");
	r = check(merged, e);
	if (r == 0 && json_object_set(linux_part, "resources", merged) < 0)
		r = err_set(e, ENOMEM, "linux.resources: merge");
	return r;
}
