#include "containerizer/spec_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define MAX_BYTES (INT64_C(1) << 60)

struct rule_item {
	bool allow;
	char *type, *access;
	int64_t major, minor;
};

static const struct json_field rule_fields[] = {
	FIELD(struct rule_item, allow, "allow", JSON_F_BOOL, true, 0, 0),
	FIELD_STR(struct rule_item, type, "type", false, 1, 1),
	FIELD_STR(struct rule_item, access, "access", false, 0, 3),
	FIELD_I64(struct rule_item, major, "major", -1, UINT32_MAX),
	FIELD_I64(struct rule_item, minor, "minor", -1, UINT32_MAX),
};

static int set_rule(const struct rule_item *item, const char *where, struct spec_device_rule *rule,
		    struct err *e)
{
	const char *access = item->access && item->access[0] ? item->access : "rwm";
	char type = item->type ? item->type[0] : 'a';

	if (type != 'a' && type != 'b' && type != 'c')
		return err_set(e, EINVAL, "%s.type: '%c' is none of 'a', 'b', 'c'", where, type);
	if (strspn(access, "rwm") != strlen(access))
		return err_set(e, EINVAL, "%s.access: '%s' is more than 'r', 'w', 'm'", where,
			       access);
	*rule = (struct spec_device_rule){
		.allow = item->allow,
		.type = type,
		.major = item->major,
		.minor = item->minor,
		.can_read = strchr(access, 'r'),
		.can_write = strchr(access, 'w'),
		.can_mknod = strchr(access, 'm'),
	};
	return 0;
}

static int read_rule(const json_t *object, const char *where, size_t i, struct spec *spec,
		     struct err *e)
{
	struct rule_item item = { .major = -1, .minor = -1 };
	int r = json_read_fields(object, where, rule_fields, ARRAY_SIZE(rule_fields), &item, e);

	if (r < 0)
		return r;
	r = set_rule(&item, where, &spec->device_rules[i], e);
	json_free_fields(rule_fields, ARRAY_SIZE(rule_fields), &item);
	return r;
}

static int read_rules(const json_t *array, struct spec *spec, struct err *e)
{
	size_t n = json_array_size(array);

	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "linux.resources.devices: more than %d entries",
			       SPEC_MAX_ENTRIES);
	spec->device_rules = spec_alloc(n, sizeof(*spec->device_rules),
					"linux.resources.devices", e);
	if (!spec->device_rules)
		return -ENOMEM;
	spec->n_device_rules = n;
	return spec_each(array, "linux.resources.devices", read_rule, spec, e);
}

static const struct json_field memory_fields[] = {
	FIELD_I64(struct spec, memory_limit_bytes, "limit", -1, MAX_BYTES),
	FIELD_I64(struct spec, memory_reservation_bytes, "reservation", -1, MAX_BYTES),
	FIELD_I64(struct spec, memory_swap_bytes, "swap", -1, MAX_BYTES),
};

static const struct json_field cpu_fields[] = {
	FIELD_U64(struct spec, cpu_shares, "shares", false, 2, 262144),
	FIELD_I64(struct spec, cpu_quota_usec, "quota", -1, INT64_C(1) << 50),
	FIELD_U64(struct spec, cpu_period_usec, "period", false, 1000, 1000000),
	FIELD_STR(struct spec, cpuset_cpus, "cpus", false, 0, 4096),
	FIELD_STR(struct spec, cpuset_mems, "mems", false, 0, 4096),
};

static const struct json_field pids_fields[] = {
	FIELD_I64(struct spec, pids_limit, "limit", -1, 1 << 22),
};

/* Lists of struct spec that grow while they are read: one more slot stays NULL. */
static int append(char ***list, size_t used, char *item_take, struct err *e)
{
	char **grown = item_take ? realloc(*list, (used + 2) * sizeof(*grown)) : NULL;

	if (!grown) {
		free(item_take);
		return err_set(e, ENOMEM, "linux.resources: read list");
	}
	grown[used] = item_take;
	grown[used + 1] = NULL;
	*list = grown;
	return 0;
}

static size_t list_length(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

struct throttle_item {
	uint64_t major, minor, rate;
};

static const struct json_field throttle_fields[] = {
	FIELD_U64(struct throttle_item, major, "major", true, 0, UINT32_MAX),
	FIELD_U64(struct throttle_item, minor, "minor", true, 0, UINT32_MAX),
	FIELD_U64(struct throttle_item, rate, "rate", true, 1, INT64_MAX),
};

static int read_throttles(const json_t *array, const char *where, const char *key,
			  struct spec *spec, struct err *e)
{
	if (array && (!json_is_array(array) || json_array_size(array) > SPEC_MAX_ENTRIES))
		return err_set(e, EINVAL, "%s: not a list of at most %d entries", where,
			       SPEC_MAX_ENTRIES);
	for (size_t i = 0; i < json_array_size(array); i++) {
		char item_where[SPEC_WHERE_SIZE];
		struct throttle_item item;
		char *line;
		int r;

		(void)snprintf(item_where, sizeof(item_where), "%s[%zu]", where, i);
		r = json_read_fields(json_array_get(array, i), item_where, throttle_fields,
				     ARRAY_SIZE(throttle_fields), &item, e);
		if (r < 0)
			return r;
		if (asprintf(&line, "%" PRIu64 ":%" PRIu64 " %s=%" PRIu64, item.major, item.minor,
			     key, item.rate) < 0)
			line = NULL;
		r = append(&spec->io_max, list_length(spec->io_max), line, e);
		if (r < 0)
			return r;
	}
	return 0;
}

struct io_item {
	uint64_t weight;
	json_t *throttles[4];
};

static const struct json_field io_fields[] = {
	FIELD_U64(struct io_item, weight, "weight", false, 10, 1000),
	FIELD_JSON(struct io_item, throttles[0], "throttleReadBpsDevice", false),
	FIELD_JSON(struct io_item, throttles[1], "throttleWriteBpsDevice", false),
	FIELD_JSON(struct io_item, throttles[2], "throttleReadIOPSDevice", false),
	FIELD_JSON(struct io_item, throttles[3], "throttleWriteIOPSDevice", false),
};

static const struct {
	const char *where, *key;
} throttles[] = {
	{ "linux.resources.blockIO.throttleReadBpsDevice", "rbps" },
	{ "linux.resources.blockIO.throttleWriteBpsDevice", "wbps" },
	{ "linux.resources.blockIO.throttleReadIOPSDevice", "riops" },
	{ "linux.resources.blockIO.throttleWriteIOPSDevice", "wiops" },
};

static int read_io(const json_t *object, struct spec *spec, struct err *e)
{
	struct io_item io = { 0 };
	int r = json_read_fields(object, "linux.resources.blockIO", io_fields,
				 ARRAY_SIZE(io_fields), &io, e);

	if (r < 0)
		return r;
	spec->io_weight = io.weight;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(throttles); i++)
		r = read_throttles(io.throttles[i], throttles[i].where, throttles[i].key, spec, e);
	json_free_fields(io_fields, ARRAY_SIZE(io_fields), &io);
	return r;
}

/* A key is a file's name in the container's cgroup: nothing that could be a path. */
static int read_unified(const json_t *object, struct spec *spec, struct err *e)
{
	json_t *walk;
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return err_set(e, EINVAL, "linux.resources.unified: not an object");
	memcpy(&walk, &object, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		char *pair;
		int r;

		if (!json_is_string(value))
			return err_set(e, EINVAL, "linux.resources.unified.%s: not a string", key);
		if (!*key || strpbrk(key, "/=") || !strchr(key, '.') || key[0] == '.' ||
		    strncmp(key, "cgroup.", 7) == 0)
			return err_set(e, EINVAL,
				       "linux.resources.unified.%s: not a controller's file", key);
		if (asprintf(&pair, "%s=%s", key, json_string_value(value)) < 0)
			pair = NULL;
		r = append(&spec->unified, list_length(spec->unified), pair, e);
		if (r < 0)
			return r;
	}
	return 0;
}

struct resources_item {
	json_t *devices, *memory, *cpu, *pids, *io, *unified;
};

static const struct json_field resources_fields[] = {
	FIELD_JSON(struct resources_item, devices, "devices", false),
	FIELD_JSON(struct resources_item, memory, "memory", false),
	FIELD_JSON(struct resources_item, cpu, "cpu", false),
	FIELD_JSON(struct resources_item, pids, "pids", false),
	FIELD_JSON(struct resources_item, io, "blockIO", false),
	FIELD_JSON(struct resources_item, unified, "unified", false),
};

static int take_resources(const struct resources_item *res, struct spec *spec, struct err *e)
{
	int r = read_rules(res->devices, spec, e);

	if (r == 0 && res->memory)
		r = json_read_fields(res->memory, "linux.resources.memory", memory_fields,
				     ARRAY_SIZE(memory_fields), spec, e);
	if (r == 0 && res->cpu)
		r = json_read_fields(res->cpu, "linux.resources.cpu", cpu_fields,
				     ARRAY_SIZE(cpu_fields), spec, e);
	if (r == 0 && res->pids)
		r = json_read_fields(res->pids, "linux.resources.pids", pids_fields,
				     ARRAY_SIZE(pids_fields), spec, e);
	if (r == 0 && res->io)
		r = read_io(res->io, spec, e);
	if (r == 0 && res->unified)
		r = read_unified(res->unified, spec, e);
	return r;
}

int spec_read_resources(const json_t *object, struct spec *spec, struct err *e)
{
	struct resources_item res = { 0 };
	int r = json_read_fields(object, "linux.resources", resources_fields,
				 ARRAY_SIZE(resources_fields), &res, e);

	if (r < 0)
		return r;
	r = take_resources(&res, spec, e);
	json_free_fields(resources_fields, ARRAY_SIZE(resources_fields), &res);
	return r;
}
