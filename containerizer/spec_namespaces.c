#include "containerizer/spec_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "containerizer/spec_parts.h"
#include "isolators/namespaces.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_ID_ROWS = 340 };	/* of the kernel */

struct namespace_item {
	char *type, *path;
};

static const struct json_field namespace_fields[] = {
	FIELD_STR(struct namespace_item, type, "type", true, 1, 32),
	FIELD_STR(struct namespace_item, path, "path", false, 0, PATH_MAX - 1),
};

static int add_namespace(struct namespace_item *item, const char *where, struct spec *spec,
			 struct err *e)
{
	const struct namespace_kind *kind = namespace_kind_find(item->type);

	size_t i = kind ? (size_t)(kind - namespace_kinds) : 0;

	if (!kind)
		return err_set(e, EINVAL, "%s.type: '%s' is not supported", where, item->type);
	if (spec_has_namespace(spec, (enum spec_namespace)i))
		return err_set(e, EINVAL, "%s.type: '%s' is there twice", where, item->type);
	if (item->path && item->path[0])
		spec->namespace_paths[i] = TAKE_PTR(item->path);
	else
		spec->namespaces |= kind->flag;
	return 0;
}

static int read_namespace(const json_t *object, const char *where, size_t i, struct spec *spec,
			  struct err *e)
{
	struct namespace_item item = { 0 };
	int r = json_read_fields(object, where, namespace_fields, ARRAY_SIZE(namespace_fields),
				 &item, e);

	(void)i;
	if (r < 0)
		return r;
	r = add_namespace(&item, where, spec, e);
	json_free_fields(namespace_fields, ARRAY_SIZE(namespace_fields), &item);
	return r;
}

int spec_read_namespaces(const json_t *array, struct spec *spec, struct err *e)
{
	return spec_each(array, "linux.namespaces", read_namespace, spec, e);
}

struct time_item {
	int64_t secs;
	uint64_t nanosecs;
};

static const struct json_field time_fields[] = {
	/* The kernel's own bounds: nanoseconds since then have to fit into 63 bits. */
	FIELD_I64(struct time_item, secs, "secs", -INT64_C(9223372036), INT64_C(9223372036)),
	FIELD_U64(struct time_item, nanosecs, "nanosecs", false, 0, 999999999),
};

int spec_read_time_offsets(const json_t *object, struct spec *spec, struct err *e)
{
	static const char *const clocks[] = { "monotonic", "boottime" };
	struct { json_t *offsets[ARRAY_SIZE(clocks)]; } items = { 0 };
	static const struct json_field fields[] = {
		{ .key = "monotonic", .kind = JSON_F_JSON, .off = 0 },
		{ .key = "boottime", .kind = JSON_F_JSON, .off = sizeof(json_t *) },
	};
	int r = object ? json_read_fields(object, "linux.timeOffsets", fields, ARRAY_SIZE(fields),
					  &items, e) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(clocks) && r >= 0; i++) {
		struct spec_time_offset *row = &spec->time_offsets[spec->n_time_offsets];
		struct time_item item = { 0 };
		char where[SPEC_WHERE_SIZE];

		if (!items.offsets[i])
			continue;
		(void)snprintf(where, sizeof(where), "linux.timeOffsets.%s", clocks[i]);
		r = json_read_fields(items.offsets[i], where, time_fields, ARRAY_SIZE(time_fields),
				     &item, e);
		*row = (struct spec_time_offset){ clocks[i], item.secs, (uint32_t)item.nanosecs };
		spec->n_time_offsets++;
	}
	json_free_fields(fields, ARRAY_SIZE(fields), &items);
	return r;
}

struct id_row {
	uint64_t inside, outside, count;
};

static const struct json_field id_row_fields[] = {
	FIELD_U64(struct id_row, inside, "containerID", true, 0, UINT32_MAX - 1),
	FIELD_U64(struct id_row, outside, "hostID", true, 0, UINT32_MAX - 1),
	FIELD_U64(struct id_row, count, "size", true, 1, UINT32_MAX),
};

int spec_read_id_map(const json_t *array, const char *where, struct spec_id_map **ret,
		     size_t *ret_n, struct err *e)
{
	size_t n = json_array_size(array);
	struct spec_id_map *rows;

	if (!array)
		return 0;
	if (!json_is_array(array))
		return err_set(e, EINVAL, "%s: not a list", where);
	if (n > MAX_ID_ROWS)
		return err_set(e, ERANGE, "%s: more than %d entries", where, MAX_ID_ROWS);
	rows = spec_alloc(n, sizeof(*rows), where, e);
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char item_where[SPEC_WHERE_SIZE];
		struct id_row row = { 0 };
		int r;

		(void)snprintf(item_where, sizeof(item_where), "%s[%zu]", where, i);
		r = json_read_fields(json_array_get(array, i), item_where, id_row_fields,
				     ARRAY_SIZE(id_row_fields), &row, e);
		if (r < 0) {
			free(rows);
			return r;
		}
		rows[i] = (struct spec_id_map){
			.inside = (uint32_t)row.inside, .outside = (uint32_t)row.outside,
			.count = (uint32_t)row.count,
		};
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}
