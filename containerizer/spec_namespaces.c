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

static int add_namespace(const struct namespace_item *item, const char *where, struct spec *spec,
			 struct err *e)
{
	const struct namespace_kind *kind = namespace_kind_find(item->type);

	if (item->path && item->path[0])
		return err_set(e, EINVAL, "%s.path: joining a namespace is not supported", where);
	if (!kind)
		return err_set(e, EINVAL, "%s.type: '%s' is not supported", where, item->type);
	if (spec->namespaces & kind->flag)
		return err_set(e, EINVAL, "%s.type: '%s' is there twice", where, item->type);
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
