#include "containerizer/spec_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct mount_item {
	char *destination, *type, *source;
	char **options;
	json_t *uid_map, *gid_map;
};

static const struct json_field mount_fields[] = {
	FIELD_STR(struct mount_item, destination, "destination", true, 1, PATH_MAX - 1),
	FIELD_STR(struct mount_item, type, "type", false, 1, 32),
	FIELD_STR(struct mount_item, source, "source", false, 1, PATH_MAX - 1),
	FIELD_LIST(struct mount_item, options, "options", 64),
	FIELD_JSON(struct mount_item, uid_map, "uidMappings", false),
	FIELD_JSON(struct mount_item, gid_map, "gidMappings", false),
};

/* With "bind" among the options the type says nothing, and without a type it is one. */
static int set_type(struct mount_item *item, struct spec_mount *m)
{
	bool is_bind = !item->type;

	for (char **option = m->options; *option; option++)
		is_bind |= strcmp(*option, "bind") == 0 || strcmp(*option, "rbind") == 0;
	m->type = is_bind ? strdup("bind") : TAKE_PTR(item->type);
	return m->type ? 0 : -ENOMEM;
}

static int set_id_maps(const struct mount_item *item, const char *where, struct spec_mount *m,
		       struct err *e)
{
	char field[SPEC_WHERE_SIZE];
	int r;

	(void)snprintf(field, sizeof(field), "%s.uidMappings", where);
	r = spec_read_id_map(item->uid_map, field, &m->id_maps.uids, &m->id_maps.n_uids, e);
	if (r < 0)
		return r;
	(void)snprintf(field, sizeof(field), "%s.gidMappings", where);
	return spec_read_id_map(item->gid_map, field, &m->id_maps.gids, &m->id_maps.n_gids, e);
}

static int set_mount(struct mount_item *item, const char *where, struct spec_mount *m,
		     struct err *e)
{
	if (item->destination[0] != '/')
		return err_set(e, EINVAL, "%s.destination: '%s' is not absolute", where,
			       item->destination);
	m->destination = TAKE_PTR(item->destination);
	m->source = TAKE_PTR(item->source);
	m->options = TAKE_PTR(item->options);
	spec_clean_path(m->destination);
	/* NULL would make every reader check for it. */
	if (!m->options)
		m->options = calloc(1, sizeof(*m->options));
	if (!m->options || set_type(item, m) < 0)
		return err_set(e, ENOMEM, "%s: read mount", where);
	return set_id_maps(item, where, m, e);
}

static int read_mount(const json_t *object, const char *where, size_t i, struct spec *spec,
		      struct err *e)
{
	struct mount_item item = { 0 };
	int r = json_read_known_fields(object, where, mount_fields, ARRAY_SIZE(mount_fields), &item, e);

	if (r < 0)
		return r;
	r = set_mount(&item, where, &spec->mounts[i], e);
	json_free_fields(mount_fields, ARRAY_SIZE(mount_fields), &item);
	return r;
}

int spec_read_mounts(const json_t *array, struct spec *spec, struct err *e)
{
	size_t n = json_array_size(array);

	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "mounts: more than %d entries", SPEC_MAX_ENTRIES);
	spec->mounts = spec_alloc(n, sizeof(*spec->mounts), "mounts", e);
	if (!spec->mounts)
		return -ENOMEM;
	spec->n_mounts = n;
	return spec_each(array, "mounts", read_mount, spec, e);
}
