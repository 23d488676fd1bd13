#include "containerizer/spec_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/handover.h"
#include "containerizer/spec_parts.h"
#include "isolators/mount_options.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct device_item {
	char *path, *type;
	uint64_t major, minor, mode, uid, gid;
};

#define NO_NUMBER UINT64_MAX

static const struct json_field device_fields[] = {
	FIELD_STR(struct device_item, path, "path", true, 1, PATH_MAX - 1),
	FIELD_STR(struct device_item, type, "type", true, 1, 1),
	FIELD_U64(struct device_item, major, "major", false, 0, UINT32_MAX),
	FIELD_U64(struct device_item, minor, "minor", false, 0, UINT32_MAX),
	FIELD_U64(struct device_item, mode, "fileMode", false, 0, 0177777),
	FIELD_U64(struct device_item, uid, "uid", false, 0, 0xfffffffe),
	FIELD_U64(struct device_item, gid, "gid", false, 0, 0xfffffffe),
};

static int set_device(struct device_item *item, const char *where, struct spec_device *device,
		      struct err *e)
{
	char type = item->type[0] == 'u' ? 'c' : item->type[0];

	if (!strchr("bcp", type))
		return err_set(e, EINVAL, "%s.type: '%s' is none of 'b', 'c', 'u', 'p'", where,
			       item->type);
	if (type != 'p' && (item->major == NO_NUMBER || item->minor == NO_NUMBER))
		return err_set(e, EINVAL, "%s.%s: missing", where,
			       item->major == NO_NUMBER ? "major" : "minor");
	if (item->path[0] != '/')
		return err_set(e, EINVAL, "%s.path: '%s' is not absolute", where, item->path);
	*device = (struct spec_device){
		.path = TAKE_PTR(item->path),
		.type = type,
		.major = type == 'p' ? 0 : (uint32_t)item->major,
		.minor = type == 'p' ? 0 : (uint32_t)item->minor,
		.mode = (mode_t)(item->mode & 0777),
		.uid = (uid_t)item->uid,
		.gid = (gid_t)item->gid,
	};
	return 0;
}

static int read_device(const json_t *object, const char *where, size_t i, struct spec *spec,
		       struct err *e)
{
	struct device_item item = { .mode = 0666, .major = NO_NUMBER, .minor = NO_NUMBER };
	int r = json_read_fields(object, where, device_fields, ARRAY_SIZE(device_fields), &item, e);

	if (r < 0)
		return r;
	r = set_device(&item, where, &spec->devices[i], e);
	json_free_fields(device_fields, ARRAY_SIZE(device_fields), &item);
	return r;
}

static int read_devices(const json_t *array, struct spec *spec, struct err *e)
{
	size_t n = json_array_size(array);

	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "linux.devices: more than %d entries", SPEC_MAX_ENTRIES);
	spec->devices = spec_alloc(n, sizeof(*spec->devices), "linux.devices", e);
	if (!spec->devices)
		return -ENOMEM;
	spec->n_devices = n;
	return spec_each(array, "linux.devices", read_device, spec, e);
}

struct linux_item {
	char **masked, **readonly;
	char *propagation, *cgroups_path;
	json_t *namespaces, *uid_map, *gid_map, *time_offsets, *devices, *resources, *seccomp, *sysctl,
		*personality, *rdt, *memory_policy, *net_devices;
	char *mount_label;
};

static const struct json_field linux_fields[] = {
	FIELD_LIST(struct linux_item, masked, "maskedPaths", SPEC_MAX_ENTRIES),
	FIELD_LIST(struct linux_item, readonly, "readonlyPaths", SPEC_MAX_ENTRIES),
	FIELD_STR(struct linux_item, propagation, "rootfsPropagation", false, 0, 32),
	FIELD_JSON(struct linux_item, namespaces, "namespaces", false),
	FIELD_JSON(struct linux_item, uid_map, "uidMappings", false),
	FIELD_JSON(struct linux_item, gid_map, "gidMappings", false),
	FIELD_JSON(struct linux_item, time_offsets, "timeOffsets", false),
	FIELD_JSON(struct linux_item, devices, "devices", false),
	FIELD_JSON(struct linux_item, resources, "resources", false),
	FIELD_JSON(struct linux_item, seccomp, "seccomp", false),
	FIELD_JSON(struct linux_item, sysctl, "sysctl", false),
	FIELD_JSON(struct linux_item, personality, "personality", false),
	FIELD_JSON(struct linux_item, rdt, "intelRdt", false),
	FIELD_JSON(struct linux_item, memory_policy, "memoryPolicy", false),
	FIELD_JSON(struct linux_item, net_devices, "netDevices", false),
	FIELD_STR(struct linux_item, mount_label, "mountLabel", false, 0, SPEC_LABEL_SIZE - 1),
	FIELD_STR(struct linux_item, cgroups_path, "cgroupsPath", false, 0, PATH_MAX - 1),
};

static int read_id_maps(const struct linux_item *l, struct spec_id_maps *maps, struct err *e)
{
	int r = spec_read_id_map(l->uid_map, "linux.uidMappings", &maps->uids, &maps->n_uids, e);

	return r < 0 ? r : spec_read_id_map(l->gid_map, "linux.gidMappings", &maps->gids,
					    &maps->n_gids, e);
}

/*
 * A name's first separator is the one that it uses; the other one is then a character of a part, as
 * in "net.ipv4.conf.eth0/1.forwarding" (sysctl(8)).
 */
static void make_sysctl_path(char *name)
{
	if (name[strcspn(name, "./")] != '.')
		return;
	for (; *name && *name != '='; name++)
		*name = *name == '.' ? '/' : *name == '/' ? '.' : *name;
}

static int read_sysctl(const char *name, const json_t *value, char **ret, struct err *e)
{
	const char *text = json_string_value(value);

	if (!text)
		return err_set(e, EINVAL, "linux.sysctl.%.128s: not a string", name);
	if (!*name || strchr(name, '=') || strlen(name) > NAME_MAX)
		return err_set(e, EINVAL, "linux.sysctl.%.128s: not a name", name);
	if (asprintf(ret, "%s=%s", name, text) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "linux.sysctl: copy string");
	}
	make_sysctl_path(*ret);
	return 0;
}

static int read_sysctls(json_t *object, struct spec *spec, struct err *e)
{
	const char *name;
	json_t *value;
	size_t i = 0;

	if (!object)
		return 0;
	if (!json_is_object(object))
		return err_set(e, EINVAL, "linux.sysctl: not an object");
	if (json_object_size(object) > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "linux.sysctl: more than %d entries", SPEC_MAX_ENTRIES);
	spec->sysctls = spec_alloc(json_object_size(object) + 1, sizeof(char *), "linux.sysctl", e);
	if (!spec->sysctls)
		return -ENOMEM;
	json_object_foreach(object, name, value) {
		int r = read_sysctl(name, value, &spec->sysctls[i++], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_linux(struct linux_item *l, struct spec *spec, struct err *e)
{
	int r;

	spec->masked_paths = TAKE_PTR(l->masked);
	spec->readonly_paths = TAKE_PTR(l->readonly);
	spec->seccomp = TAKE_PTR(l->seccomp);
	spec->cgroups_path = TAKE_PTR(l->cgroups_path);
	if (l->propagation && l->propagation[0]) {
		spec->root_propagation = mount_propagation(l->propagation);
		if (!spec->root_propagation)
			return err_set(e, EINVAL, "linux.rootfsPropagation: '%s' is not one",
				       l->propagation);
	}
	if (l->mount_label && l->mount_label[0])
		return err_set(e, ENOTSUP, "linux.mountLabel: SELinux is not supported");
	if (l->rdt)
		return err_set(e, ENOTSUP, "linux.intelRdt: cache allocation is not supported");
	if (l->memory_policy)
		return err_set(e, ENOTSUP, "linux.memoryPolicy: NUMA policies are not supported");
	if (l->net_devices)
		return err_set(e, ENOTSUP, "linux.netDevices: moving of devices is not supported");
	r = read_sysctls(l->sysctl, spec, e);
	if (r < 0)
		return r;
	r = spec_read_personality(l->personality, spec, e);
	if (r < 0)
		return r;
	r = spec_read_namespaces(l->namespaces, spec, e);
	if (r < 0)
		return r;
	r = read_id_maps(l, &spec->id_maps, e);
	if (r < 0)
		return r;
	r = spec_read_time_offsets(l->time_offsets, spec, e);
	if (r < 0)
		return r;
	r = read_devices(l->devices, spec, e);
	if (r < 0)
		return r;
	return l->resources ? spec_read_resources(l->resources, spec, e) : 0;
}

int spec_read_linux(const json_t *object, struct spec *spec, struct err *e)
{
	struct linux_item l = { 0 };
	int r = json_read_known_fields(object, "linux", linux_fields, ARRAY_SIZE(linux_fields), &l, e);

	if (r < 0)
		return r;
	r = take_linux(&l, spec, e);
	json_free_fields(linux_fields, ARRAY_SIZE(linux_fields), &l);
	return r;
}

static int take_string(const char *value, char **ret, struct err *e)
{
	*ret = strdup(value);
	return *ret ? 0 : err_set(e, ENOMEM, "annotations: copy string");
}

static int take_cgroups(const char *value, struct spec *spec, struct err *e)
{
	return take_string(value, &spec->cgroup_layout, e);
}

static int take_sandbox(const char *value, struct spec *spec, struct err *e)
{
	return take_string(value, &spec->sandbox, e);
}

static int take_destination(const char *value, struct spec *spec, struct err *e)
{
	return take_string(value, &spec->sandbox_destination, e);
}

static int take_bool(const char *key, const char *value, bool *ret, struct err *e)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(e, EINVAL, "annotations.%s: neither 'true' nor 'false'", key);
	*ret = value[0] == 't';
	return 0;
}

static int take_host_root(const char *value, struct spec *spec, struct err *e)
{
	return take_bool(HANDOVER_ANNOTATION_HOST_ROOT, value, &spec->host_root, e);
}

static int take_idmapped_root(const char *value, struct spec *spec, struct err *e)
{
	return take_bool(HANDOVER_ANNOTATION_IDMAPPED_ROOT, value, &spec->idmapped_root, e);
}

static int take_paths(const char *value, const char *key, char ***ret, struct err *e)
{
	size_t n = 1, i = 0;

	for (const char *c = value; *c; c++)
		n += *c == ':';
	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "annotations.%s: more than %d entries", key,
			       SPEC_MAX_ENTRIES);
	*ret = spec_alloc(n + 1, sizeof(char *), "annotations", e);
	if (!*ret)
		return -ENOMEM;
	while (*value) {
		size_t size = strcspn(value, ":");

		if (value[0] != '/')
			return err_set(e, EINVAL, "annotations.%s: path %zu is not absolute", key,
				       i);
		(*ret)[i] = strndup(value, size);
		if (!(*ret)[i++])
			return err_set(e, ENOMEM, "annotations: copy string");
		value += size + (value[size] == ':');
	}
	return 0;
}

static int take_hidden(const char *value, struct spec *spec, struct err *e)
{
	return take_paths(value, HANDOVER_ANNOTATION_HIDDEN, &spec->hidden_paths, e);
}

static int take_seccomp(const char *value, struct spec *spec, struct err *e)
{
	if (strcmp(value, "builtin") != 0)
		return err_set(e, EINVAL, "annotations." HANDOVER_ANNOTATION_SECCOMP
			       ": not 'builtin'");
	spec->has_builtin_seccomp = true;
	return 0;
}

static int take_volume_roots(const char *value, struct spec *spec, struct err *e)
{
	return take_paths(value, HANDOVER_ANNOTATION_VOLUME_ROOTS, &spec->volume_roots, e);
}

static int take_layers(const char *value, struct spec *spec, struct err *e)
{
	return take_paths(value, HANDOVER_ANNOTATION_ROOT_LAYERS, &spec->root_layers, e);
}

/* Of the mounts that want some, those from *I on. */
static struct spec_mount *next_of_layers(struct spec *spec, size_t *i)
{
	while (*i < spec->n_mounts) {
		struct spec_mount *m = &spec->mounts[(*i)++];

		if (strcmp(m->type, "layers") == 0)
			return m;
	}
	return NULL;
}

static int take_mount_layers(const char *value, struct spec *spec, struct err *e)
{
	size_t next = 0;

	while (*value) {
		size_t size = strcspn(value, "\n");
		AUTO_FREE char *line = strndup(value, size);
		struct spec_mount *m = next_of_layers(spec, &next);
		int r;

		if (!line)
			return err_set(e, ENOMEM, "annotations: copy string");
		if (!m)
			return err_set(e, EINVAL, "annotations." HANDOVER_ANNOTATION_MOUNT_LAYERS
				       ": more lines than mounts of type 'layers'");
		r = take_paths(line, HANDOVER_ANNOTATION_MOUNT_LAYERS, &m->layers, e);
		if (r < 0)
			return r;
		value += size + (value[size] == '\n');
	}
	return 0;
}

static int take_directories(const char *value, struct spec *spec, struct err *e)
{
	return take_paths(value, HANDOVER_ANNOTATION_ROOT_DIRECTORIES, &spec->root_directories, e);
}

static int take_upper(const char *value, struct spec *spec, struct err *e)
{
	return take_string(value, &spec->root_upper, e);
}

static int take_logs(const char *value, struct spec *spec, struct err *e)
{
	struct spec_log *out = &spec->logs[0], *err = &spec->logs[1];
	int n = 0;

	if (sscanf(value, "%" SCNu64 ":%u %" SCNu64 ":%u%n", &out->max_bytes, &out->files,
		   &err->max_bytes, &err->files, &n) != 4 || value[n] ||
	    out->files > SPEC_MAX_LOG_FILES || err->files > SPEC_MAX_LOG_FILES)
		return err_set(e, EINVAL, "annotations." HANDOVER_ANNOTATION_LOGS
			       ": not BYTES:FILES twice");
	return 0;
}

static const struct {
	const char *key;
	int (*take)(const char *value, struct spec *spec, struct err *e);
} annotations[] = {
	{ HANDOVER_ANNOTATION_CGROUPS, take_cgroups },
	{ HANDOVER_ANNOTATION_SANDBOX, take_sandbox },
	{ HANDOVER_ANNOTATION_SANDBOX_DESTINATION, take_destination },
	{ HANDOVER_ANNOTATION_HOST_ROOT, take_host_root },
	{ HANDOVER_ANNOTATION_IDMAPPED_ROOT, take_idmapped_root },
	{ HANDOVER_ANNOTATION_HIDDEN, take_hidden },
	{ HANDOVER_ANNOTATION_LOGS, take_logs },
	{ HANDOVER_ANNOTATION_NETWORK, spec_read_networks },
	{ HANDOVER_ANNOTATION_SECCOMP, take_seccomp },
	{ HANDOVER_ANNOTATION_VOLUME_ROOTS, take_volume_roots },
	{ HANDOVER_ANNOTATION_ROOT_LAYERS, take_layers },
	{ HANDOVER_ANNOTATION_ROOT_UPPER, take_upper },
	{ HANDOVER_ANNOTATION_MOUNT_LAYERS, take_mount_layers },
	{ HANDOVER_ANNOTATION_ROOT_DIRECTORIES, take_directories },
};

/* Foreign annotations are notes to somebody else; one with our prefix is a request to us. */
static int read_annotation(const char *key, const char *value, struct spec *spec, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++) {
		if (strcmp(annotations[i].key, key) == 0)
			return annotations[i].take(value, spec, e);
	}
	if (strncmp(key, "io.tepui.", 9) == 0)
		return err_set(e, EINVAL, "annotations.%s: unknown field", key);
	return 0;
}

int spec_read_annotations(const json_t *object, struct spec *spec, struct err *e)
{
	json_t *walk;
	const char *key;
	json_t *value;

	if (!object)
		return 0;
	if (!json_is_object(object))
		return err_set(e, EINVAL, "annotations: not an object");
	memcpy(&walk, &object, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		int r;

		if (!json_is_string(value))
			return err_set(e, EINVAL, "annotations.%s: not a string", key);
		r = read_annotation(key, json_string_value(value), spec, e);
		if (r < 0)
			return r;
	}
	return 0;
}
