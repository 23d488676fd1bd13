/* The lists of linux.resources: rules, weights and limits by device or by size. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

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

int spec_read_device_rules(const json_t *array, struct spec *spec, struct err *e)
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

/* ---- block devices ---- */

struct io_device_item {
	uint64_t major, minor, value;
};

static const struct json_field throttle_fields[] = {
	FIELD_U64(struct io_device_item, major, "major", true, 0, UINT32_MAX),
	FIELD_U64(struct io_device_item, minor, "minor", true, 0, UINT32_MAX),
	FIELD_U64(struct io_device_item, value, "rate", true, 0, INT64_MAX),
};

static const struct json_field weight_fields[] = {
	FIELD_U64(struct io_device_item, major, "major", true, 0, UINT32_MAX),
	FIELD_U64(struct io_device_item, minor, "minor", true, 0, UINT32_MAX),
	FIELD_U64(struct io_device_item, value, "weight", true, 10, 1000),
	/* No process is in an inner group of v2, which is what it weighed. */
	FIELD_U64(struct io_device_item, value, "leafWeight", false, 0, 0),
};

static const struct io_list {
	const char *where;
	const char *name;		/* of struct spec_io_device */
	const struct json_field *fields;
	size_t n_fields;
} io_lists[] = {
	{ "linux.resources.blockIO.throttleReadBpsDevice", "rbps", throttle_fields,
	  ARRAY_SIZE(throttle_fields) },
	{ "linux.resources.blockIO.throttleWriteBpsDevice", "wbps", throttle_fields,
	  ARRAY_SIZE(throttle_fields) },
	{ "linux.resources.blockIO.throttleReadIOPSDevice", "riops", throttle_fields,
	  ARRAY_SIZE(throttle_fields) },
	{ "linux.resources.blockIO.throttleWriteIOPSDevice", "wiops", throttle_fields,
	  ARRAY_SIZE(throttle_fields) },
	{ "linux.resources.blockIO.weightDevice", "weight", weight_fields,
	  ARRAY_SIZE(weight_fields) },
};

static int read_io_list(const struct io_list *list, const json_t *array, struct spec *spec,
			struct err *e)
{
	size_t n = json_array_size(array);
	struct spec_io_device *grown;

	if (array && (!json_is_array(array) || n > SPEC_MAX_ENTRIES))
		return err_set(e, EINVAL, "%s: not a list of at most %d entries", list->where,
			       SPEC_MAX_ENTRIES);
	grown = realloc(spec->io_devices, (spec->n_io_devices + n + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, ENOMEM, "%s: read list", list->where);
	spec->io_devices = grown;
	for (size_t i = 0; i < n; i++) {
		char where[SPEC_WHERE_SIZE];
		struct io_device_item item;
		int r;

		(void)snprintf(where, sizeof(where), "%s[%zu]", list->where, i);
		r = json_read_fields(json_array_get(array, i), where, list->fields,
				     list->n_fields, &item, e);
		if (r < 0)
			return r;
		grown[spec->n_io_devices++] = (struct spec_io_device){
			.major = (uint32_t)item.major, .minor = (uint32_t)item.minor,
			.name = list->name, .value = item.value,
		};
	}
	return 0;
}

struct io_item {
	json_t *lists[ARRAY_SIZE(io_lists)];
	uint64_t weight;
};

static const struct json_field io_fields[] = {
	FIELD_JSON(struct io_item, lists[0], "throttleReadBpsDevice", false),
	FIELD_JSON(struct io_item, lists[1], "throttleWriteBpsDevice", false),
	FIELD_JSON(struct io_item, lists[2], "throttleReadIOPSDevice", false),
	FIELD_JSON(struct io_item, lists[3], "throttleWriteIOPSDevice", false),
	FIELD_JSON(struct io_item, lists[4], "weightDevice", false),
	FIELD_U64(struct io_item, weight, "weight", false, 10, 1000),
	FIELD_IGNORED("leafWeight"),	/* refused before, unless it is zero */
};

int spec_read_block_io(const json_t *object, struct spec *spec, struct err *e)
{
	struct io_item io = { 0 };
	int r = json_read_fields(object, "linux.resources.blockIO", io_fields,
				 ARRAY_SIZE(io_fields), &io, e);

	if (r < 0)
		return r;
	spec->io_weight = io.weight;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(io_lists); i++)
		r = read_io_list(&io_lists[i], io.lists[i], spec, e);
	json_free_fields(io_fields, ARRAY_SIZE(io_fields), &io);
	return r;
}

/* ---- huge pages ---- */

static int read_hugepages(const json_t *item, const char *where, size_t i, struct spec *spec,
			  struct err *e)
{
	static const struct json_field fields[] = {
		FIELD_STR(struct spec_hugepages, page_size, "pageSize", true, 3, 16),
		FIELD_U64(struct spec_hugepages, limit_bytes, "limit", true, 0, INT64_MAX),
	};

	return json_read_fields(item, where, fields, ARRAY_SIZE(fields), &spec->hugepages[i], e);
}

int spec_read_hugepages(const json_t *array, struct spec *spec, struct err *e)
{
	static const char where[] = "linux.resources.hugepageLimits";
	size_t n = json_array_size(array);

	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "%s: more than %d entries", where, SPEC_MAX_ENTRIES);
	spec->hugepages = spec_alloc(n, sizeof(*spec->hugepages), where, e);
	if (!spec->hugepages)
		return -ENOMEM;
	spec->n_hugepages = n;
	return spec_each(array, where, read_hugepages, spec, e);
}

/* ---- rdma ---- */

static int read_rdma_device(const char *device, const json_t *object, struct spec_rdma *rdma,
			    struct err *e)
{
	static const struct json_field fields[] = {
		FIELD_I64(struct spec_rdma, handles, "hcaHandles", 0, UINT32_MAX),
		FIELD_I64(struct spec_rdma, objects, "hcaObjects", 0, UINT32_MAX),
	};
	char where[SPEC_WHERE_SIZE];

	(void)snprintf(where, sizeof(where), "linux.resources.rdma.%.64s", device);
	*rdma = (struct spec_rdma){ .device = strdup(device), .handles = -1, .objects = -1 };
	if (!rdma->device)
		return err_set(e, ENOMEM, "%s: copy string", where);
	return json_read_fields(object, where, fields, ARRAY_SIZE(fields), rdma, e);
}

int spec_read_rdma(const json_t *object, struct spec *spec, struct err *e)
{
	static const char where[] = "linux.resources.rdma";
	size_t n = json_object_size(object);
	const char *device;
	json_t *walk, *value;
	int r;

	if (!json_is_object(object) || n > SPEC_MAX_ENTRIES)
		return err_set(e, EINVAL, "%s: not an object of at most %d devices", where,
			       SPEC_MAX_ENTRIES);
	spec->rdma = spec_alloc(n, sizeof(*spec->rdma), where, e);
	if (!spec->rdma)
		return -ENOMEM;
	memcpy(&walk, &object, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, device, value) {
		r = read_rdma_device(device, value, &spec->rdma[spec->n_rdma++], e);
		if (r < 0)
			return r;
	}
	return 0;
}
