#include "containerizer/cdi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/cdi_parts.h"
#include "containerizer/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_NAMES = 64 };

static const char annotation_prefix[] = "cdi.k8s.io/";

/* One injection on its way. */
struct injection {
	json_t *doc;		/* a copy, until all went well */
	const struct cdi_options *options;
	const char *where;	/* the device's name, for messages */
};

/* ---- into the document ---- */

/* The object or list KEY of OBJECT, made if it is missing; borrowed, NULL: out of memory. */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
	json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value))
		return value;
	return json_object_set_new(object, key, make()) < 0 ? NULL : json_object_get(object, key);
}

/* Takes ITEM.  The engine may have put in the same before it called us. */
static int append_once(json_t *list, json_t *item_take, struct err *e)
{
	const json_t *known;
	size_t i;

	json_array_foreach(list, i, known) {
		if (json_equal(known, item_take)) {
			json_decref(item_take);
			return 0;
		}
	}
	return json_array_append_new(list, item_take) < 0 ?
		err_set(e, ENOMEM, "describe devices") : 0;
}

/* Replaces what the document has of the same variable. */
static int set_env(json_t *list, const char *pair, struct err *e)
{
	size_t length = strcspn(pair, "=") + 1, i;
	const json_t *known;

	json_array_foreach(list, i, known) {
		const char *text = json_string_value(known);

		if (text && strncmp(text, pair, length) == 0)
			return json_array_set_new(list, i, json_string(pair)) < 0 ?
				err_set(e, ENOMEM, "describe devices") : 0;
	}
	return append_once(list, json_string(pair), e);
}

/* ---- the edits ---- */

static int edit_env(const struct injection *in, const json_t *item, const char *where, struct err *e)
{
	const char *pair = json_string_value(item);
	json_t *list = member(member(in->doc, "process", json_object), "env", json_array);

	if (!pair || !strchr(pair, '=') || pair[0] == '=')
		return err_set(e, EINVAL, "%s: not NAME=VALUE", where);
	return set_env(list, pair, e);
}

struct node_item {
	char *path, *host_path, *type, *permissions;
	int64_t major, minor, mode, uid, gid;	/* -1: not said */
};

static const struct json_field node_fields[] = {
	FIELD_STR(struct node_item, path, "path", true, 1, PATH_MAX - 1),
	FIELD_STR(struct node_item, host_path, "hostPath", false, 0, PATH_MAX - 1),
	FIELD_STR(struct node_item, type, "type", false, 0, 1),
	FIELD_STR(struct node_item, permissions, "permissions", false, 0, 3),
	FIELD_I64(struct node_item, major, "major", 0, UINT32_MAX),
	FIELD_I64(struct node_item, minor, "minor", 0, UINT32_MAX),
	FIELD_I64(struct node_item, mode, "fileMode", 0, 07777),
	FIELD_I64(struct node_item, uid, "uid", 0, 0xfffffffe),
	FIELD_I64(struct node_item, gid, "gid", 0, 0xfffffffe),
};

/* Type and numbers are of the host's node unless the document has them. */
static int complete_node(const struct injection *in, struct node_item *n, char *ret_type,
			 struct err *e)
{
	unsigned major = 0, minor = 0;
	int r;

	*ret_type = n->type && *n->type ? n->type[0] : '\0';
	if (*ret_type && n->major >= 0 && n->minor >= 0)
		return 0;
	r = in->options->find_node(n->host_path && *n->host_path ? n->host_path : n->path,
				   ret_type, &major, &minor, e);
	n->major = major;
	n->minor = minor;
	return r;
}

static json_int_t user_of(const struct injection *in, const char *key)
{
	const json_t *user = json_object_get(json_object_get(in->doc, "process"), "user");

	return json_integer_value(json_object_get(user, key));
}

static int add_node(const struct injection *in, const struct node_item *n, char type, struct err *e)
{
	json_t *linux_part = member(in->doc, "linux", json_object);
	json_t *resources = member(linux_part, "resources", json_object);
	const char text[] = { type, '\0' };
	int r;

	/* Whom nobody is named for, it belongs to the container's own user. */
	r = append_once(member(linux_part, "devices", json_array), json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", n->path, "type", text,
		"major", (json_int_t)n->major, "minor", (json_int_t)n->minor,
		"fileMode", (json_int_t)(n->mode < 0 ? 0660 : n->mode & 0777),
		"uid", n->uid < 0 ? user_of(in, "uid") : (json_int_t)n->uid,
		"gid", n->gid < 0 ? user_of(in, "gid") : (json_int_t)n->gid), e);
	if (r < 0)
		return r;
	return append_once(member(resources, "devices", json_array), json_pack(
		"{s:b, s:s, s:I, s:I, s:s}", "allow", 1, "type", text,
		"major", (json_int_t)n->major, "minor", (json_int_t)n->minor,
		"access", n->permissions && *n->permissions ? n->permissions : "rwm"), e);
}

static int edit_node(const struct injection *in, const json_t *item, const char *where,
		     struct err *e)
{
	struct node_item n = { .major = -1, .minor = -1, .mode = -1, .uid = -1, .gid = -1 };
	int r = json_read_fields(item, where, node_fields, ARRAY_SIZE(node_fields), &n, e);
	char type;

	if (r < 0)
		return r;
	r = complete_node(in, &n, &type, e);
	if (r == 0)
		r = add_node(in, &n, type, e);
	json_free_fields(node_fields, ARRAY_SIZE(node_fields), &n);
	return r;
}

struct mount_item {
	char *host_path, *container_path, *type;
	json_t *options;
};

static const struct json_field mount_fields[] = {
	FIELD_STR(struct mount_item, host_path, "hostPath", true, 1, PATH_MAX - 1),
	FIELD_STR(struct mount_item, container_path, "containerPath", true, 1, PATH_MAX - 1),
	FIELD_STR(struct mount_item, type, "type", false, 0, 32),
	FIELD_JSON(struct mount_item, options, "options", false),
};

static int edit_mount(const struct injection *in, const json_t *item, const char *where,
		      struct err *e)
{
	struct mount_item m = { 0 };
	int r = json_read_fields(item, where, mount_fields, ARRAY_SIZE(mount_fields), &m, e);

	if (r < 0)
		return r;
	r = append_once(member(in->doc, "mounts", json_array), json_pack(
		"{s:s, s:s, s:s, s:o}", "destination", m.container_path, "source", m.host_path,
		"type", m.type && *m.type ? m.type : "bind",
		"options", m.options ? json_incref(m.options) : json_array()), e);
	json_free_fields(mount_fields, ARRAY_SIZE(mount_fields), &m);
	return r;
}

static int edit_hook(const struct injection *in, const json_t *item, const char *where,
		     struct err *e)
{
	const char *name = json_string_value(json_object_get(item, "hookName"));
	json_t *hook;

	if (!in->options->allow_hooks)
		return err_set(e, ENOTSUP, "%s: programs on the host are not run for a device",
			       where);
	if (!name || !json_is_string(json_object_get(item, "path")))
		return err_set(e, EINVAL, "%s: no hookName or no path", where);
	hook = json_deep_copy(item);
	if (!hook || json_object_del(hook, "hookName") < 0) {
		json_decref(hook);
		return err_set(e, ENOMEM, "describe devices");
	}
	return append_once(member(member(in->doc, "hooks", json_object), name, json_array), hook, e);
}

static int edit_gid(const struct injection *in, const json_t *item, const char *where, struct err *e)
{
	json_t *user = member(member(in->doc, "process", json_object), "user", json_object);
	json_int_t gid = json_integer_value(item);

	if (!json_is_integer(item) || gid < 0 || gid > UINT32_MAX)
		return err_set(e, EINVAL, "%s: not a group id", where);
	/* Zero is how documents write "none". */
	if (gid == 0)
		return 0;
	return append_once(member(user, "additionalGids", json_array), json_integer(gid), e);
}

static int edit_nothing(const struct injection *in, const json_t *item, const char *where,
			struct err *e)
{
	(void)in;
	(void)item;
	return err_set(e, ENOTSUP, "%s: not supported", where);
}

static const struct edit {
	const char *key;
	int (*apply)(const struct injection *in, const json_t *item, const char *where,
		     struct err *e);
} edits[] = {
	{ "env", edit_env },
	{ "deviceNodes", edit_node },
	{ "mounts", edit_mount },
	{ "hooks", edit_hook },
	{ "additionalGids", edit_gid },
	{ "netDevices", edit_nothing },
};

static int apply_list(const struct injection *in, const struct edit *edit, const json_t *list,
		      struct err *e)
{
	char where[128];

	if (!json_is_array(list) || json_array_size(list) > SPEC_MAX_ENTRIES)
		return err_set(e, EINVAL, "containerEdits.%s: not a list of at most %d", edit->key,
			       SPEC_MAX_ENTRIES);
	for (size_t i = 0; i < json_array_size(list); i++) {
		int r;

		(void)snprintf(where, sizeof(where), "containerEdits.%s[%zu]", edit->key, i);
		r = edit->apply(in, json_array_get(list, i), where, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct edit *find_edit(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		if (strcmp(edits[i].key, key) == 0)
			return &edits[i];
	}
	return NULL;
}

static int apply(const struct injection *in, json_t *object, struct err *e)
{
	const char *key;
	json_t *list;
	int r = 0;

	if (!object)
		return 0;
	if (!json_is_object(object))
		return err_set(e, EINVAL, "%s: containerEdits: not an object", in->where);
	json_object_foreach(object, key, list) {
		const struct edit *edit = find_edit(key);

		if (r < 0)
			break;
		if (!edit)
			r = err_set(e, EINVAL, "containerEdits.%.64s: unknown field", key);
		else
			r = apply_list(in, edit, list, e);
	}
	return r < 0 ? err_wrap(e, "%s", in->where) : 0;
}

/* ---- devices by name ---- */

static const struct cdi_device *find_device(const struct cdi *cdi, const char *name, struct err *e)
{
	const struct cdi_device *found = NULL, *rival = NULL;

	for (size_t i = 0; i < cdi->n_devices; i++) {
		const struct cdi_device *device = &cdi->devices[i];

		if (strcmp(device->name, name) != 0 || (found && device->dir < found->dir))
			continue;
		rival = found && found->dir == device->dir ? found : NULL;
		found = device;
	}
	if (rival) {
		(void)err_set(e, EINVAL, "find device '%s': both '%s' and '%s' have it", name,
			      rival->file, found->file);
		return NULL;
	}
	if (!found && cdi->n_broken)
		(void)err_set(e, ENODEV, "find device '%s' (and could not read %s)", name,
			      cdi->broken);
	else if (!found)
		(void)err_set(e, ENODEV, "find device '%s'", name);
	return found;
}

/* What all devices of a document have in common goes in once, before the first of them. */
static int inject_one(const struct cdi *cdi, const char *name, struct injection *in, struct err *e)
{
	const struct cdi_device *device;
	int r;

	if (!cdi_is_name(name))
		return err_set(e, EINVAL, "find device '%.64s': not VENDOR/CLASS=NAME", name);
	device = find_device(cdi, name, e);
	if (!device)
		return -e->code;
	in->where = device->name;
	r = apply(in, device->common, e);
	return r < 0 ? r : apply(in, device->edits, e);
}

int cdi_inject(const struct cdi *cdi, const char *names, const struct cdi_options *options,
	       json_t *doc, struct err *e)
{
	AUTO_FREE char *copy = strdup(names);
	json_auto_t *changed = json_deep_copy(doc);
	struct injection in = { .doc = changed, .options = options };
	char *rest = copy, *name;
	int n = 0, r = 0;

	if (!copy || !changed)
		return err_set(e, ENOMEM, "describe devices");
	while (r == 0 && (name = strsep(&rest, ","))) {
		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		if (n++ == MAX_NAMES)
			r = err_set(e, ERANGE, "find devices: more than %d names", MAX_NAMES);
		else
			r = inject_one(cdi, name, &in, e);
	}
	if (r == 0 && json_object_update(doc, changed) < 0)
		r = err_set(e, ENOMEM, "describe devices");
	return r;
}

int cdi_annotated(const json_t *doc, char **ret, struct err *e)
{
	json_t *annotations = json_object_get(doc, "annotations");
	AUTO_FREE char *names = NULL;
	const char *key;
	json_t *value;

	json_object_foreach(annotations, key, value) {
		char *more;

		if (strncmp(key, annotation_prefix, strlen(annotation_prefix)) != 0)
			continue;
		if (!json_is_string(value))
			return err_set(e, EINVAL, "annotations.%s: not a string", key);
		if (asprintf(&more, "%s%s%s", names ? names : "", names ? "," : "",
			     json_string_value(value)) < 0)
			return err_set(e, ENOMEM, "annotations.%s: copy string", key);
		free(names);
		names = more;
	}
	*ret = TAKE_PTR(names);
	return 0;
}
