/* linux.resources of an OCI document. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define MAX_BYTES (INT64_C(1) << 60)

/*
 * What cgroup v2 has no counterpart of.  The value that means what the kernel does anyway is
 * accepted; any other is refused, so that nobody believes in a limit that is not there.
 */
static const struct refused_field {
	const char *object, *key;
	enum { NOTHING, ZERO, MINUS_ONE, FALSE, TRUE, EMPTY } accepted;
	const char *reason;
} refused_fields[] = {
	{ "memory", "kernel", MINUS_ONE, "kernel memory counts for the limit" },
	{ "memory", "kernelTCP", MINUS_ONE, "buffers of sockets count for the limit" },
	{ "memory", "disableOOMKiller", FALSE, "a container without memory would hang" },
	{ "memory", "useHierarchy", TRUE, "limits always hold for the groups below" },
	{ "cpu", "realtimeRuntime", ZERO, "cgroup v2 does not divide real time" },
	{ "cpu", "realtimePeriod", ZERO, "cgroup v2 does not divide real time" },
	{ "blockIO", "leafWeight", ZERO, "no process is beside the groups below it" },
	{ "network", "classID", NOTHING, "cgroup v2 marks no packets" },
	{ "network", "priorities", EMPTY, "cgroup v2 marks no packets" },
};

static bool is_accepted(const struct refused_field *f, const json_t *value)
{
	switch (f->accepted) {
	case ZERO:
		return json_is_integer(value) && json_integer_value(value) == 0;
	case MINUS_ONE:
		return json_is_integer(value) && json_integer_value(value) == -1;
	case FALSE:
		return json_is_false(value);
	case TRUE:
		return json_is_true(value);
	case EMPTY:
		return json_is_array(value) && json_array_size(value) == 0;
	case NOTHING:
		break;
	}
	return false;
}

static int refuse_fields(const json_t *resources, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused_fields); i++) {
		const struct refused_field *f = &refused_fields[i];
		const json_t *object = json_object_get(resources, f->object);
		const json_t *value = json_object_get(object, f->key);

		if (value && !json_is_null(value) && !is_accepted(f, value))
			return err_set(e, ENOTSUP, "linux.resources.%s.%s: not supported: %s",
				       f->object, f->key, f->reason);
	}
	return 0;
}

static const struct json_field memory_fields[] = {
	FIELD_I64(struct spec, memory_limit_bytes, "limit", -1, MAX_BYTES),
	FIELD_I64(struct spec, memory_reservation_bytes, "reservation", -1, MAX_BYTES),
	FIELD_I64(struct spec, memory_swap_bytes, "swap", -1, MAX_BYTES),
	FIELD_U64(struct spec, memory_swappiness, "swappiness", false, 0, 100),
	FIELD_BOOL(struct spec, memory_check_before_update, "checkBeforeUpdate"),
	/* See refused_fields. */
	FIELD_IGNORED("kernel"),
	FIELD_IGNORED("kernelTCP"),
	FIELD_IGNORED("disableOOMKiller"),
	FIELD_IGNORED("useHierarchy"),
};

static const struct json_field cpu_fields[] = {
	FIELD_U64(struct spec, cpu_shares, "shares", false, 2, 262144),
	FIELD_I64(struct spec, cpu_quota_usec, "quota", -1, INT64_C(1) << 50),
	FIELD_U64(struct spec, cpu_period_usec, "period", false, 1000, 1000000),
	FIELD_U64(struct spec, cpu_burst_usec, "burst", false, 0, UINT64_C(1) << 50),
	FIELD_U64(struct spec, cpu_idle, "idle", false, 0, 1),
	FIELD_STR(struct spec, cpuset_cpus, "cpus", false, 0, 4096),
	FIELD_STR(struct spec, cpuset_mems, "mems", false, 0, 4096),
	/* See refused_fields. */
	FIELD_IGNORED("realtimeRuntime"),
	FIELD_IGNORED("realtimePeriod"),
};

static const struct json_field pids_fields[] = {
	FIELD_I64(struct spec, pids_limit, "limit", -1, 1 << 22),
};

static const struct json_field network_fields[] = {
	/* See refused_fields. */
	FIELD_IGNORED("classID"),
	FIELD_IGNORED("priorities"),
};

static bool is_set(const json_t *object, const char *key)
{
	return json_is_integer(json_object_get(object, key));
}

static int read_memory(const json_t *object, struct spec *spec, struct err *e)
{
	spec->has_memory_swappiness = is_set(object, "swappiness");
	return json_read_fields(object, "linux.resources.memory", memory_fields,
				ARRAY_SIZE(memory_fields), spec, e);
}

static int read_cpu(const json_t *object, struct spec *spec, struct err *e)
{
	spec->has_cpu_burst = is_set(object, "burst");
	spec->has_cpu_idle = is_set(object, "idle");
	return json_read_fields(object, "linux.resources.cpu", cpu_fields, ARRAY_SIZE(cpu_fields),
				spec, e);
}

static int read_pids(const json_t *object, struct spec *spec, struct err *e)
{
	return json_read_fields(object, "linux.resources.pids", pids_fields,
				ARRAY_SIZE(pids_fields), spec, e);
}

static int read_network(const json_t *object, struct spec *spec, struct err *e)
{
	return json_read_fields(object, "linux.resources.network", network_fields,
				ARRAY_SIZE(network_fields), spec, e);
}

/* A list of struct spec that grows while it is read: one more slot stays NULL. */
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
	json_t *parts[9];
};

static const struct json_field resources_fields[] = {
	FIELD_JSON(struct resources_item, parts[0], "devices", false),
	FIELD_JSON(struct resources_item, parts[1], "memory", false),
	FIELD_JSON(struct resources_item, parts[2], "cpu", false),
	FIELD_JSON(struct resources_item, parts[3], "pids", false),
	FIELD_JSON(struct resources_item, parts[4], "blockIO", false),
	FIELD_JSON(struct resources_item, parts[5], "hugepageLimits", false),
	FIELD_JSON(struct resources_item, parts[6], "rdma", false),
	FIELD_JSON(struct resources_item, parts[7], "network", false),
	FIELD_JSON(struct resources_item, parts[8], "unified", false),
};

/* In the order of resources_fields. */
static int (*const read_part[])(const json_t *part, struct spec *spec, struct err *e) = {
	spec_read_device_rules, read_memory, read_cpu, read_pids, spec_read_block_io,
	spec_read_hugepages, spec_read_rdma, read_network, read_unified,
};

int spec_read_resources(const json_t *object, struct spec *spec, struct err *e)
{
	struct resources_item res = { 0 };
	int r = json_read_fields(object, "linux.resources", resources_fields,
				 ARRAY_SIZE(resources_fields), &res, e);

	if (r < 0)
		return r;
	r = refuse_fields(object, e);
	for (size_t i = 0; i < ARRAY_SIZE(res.parts) && r == 0; i++) {
		if (res.parts[i])
			r = read_part[i](res.parts[i], spec, e);
	}
	json_free_fields(resources_fields, ARRAY_SIZE(resources_fields), &res);
	return r;
}
