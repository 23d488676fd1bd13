#include "containerizer/image/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/digest.h"
#include "isolators/rootfs.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"

enum { MAX_LIST = 4096, MAX_STRING = 4095 };

#define ROW(type_, key_, member_, kind_, required_, max_) \
	{ .key = (key_), .kind = (kind_), .off = offsetof(type_, member_), \
	  .required = (required_), .max = (max_) }
#define CONFIG(key_, member_, kind_, max_) \
	ROW(struct image_config, key_, member_, kind_, false, max_)

static const struct json_field config_fields[] = {
	CONFIG("User", user, JSON_F_STR, 256),
	CONFIG("Env", env, JSON_F_STR_LIST, MAX_LIST),
	CONFIG("Entrypoint", entrypoint, JSON_F_STR_LIST, MAX_LIST),
	CONFIG("Cmd", cmd, JSON_F_STR_LIST, MAX_LIST),
	CONFIG("WorkingDir", working_dir, JSON_F_STR, MAX_STRING),
	CONFIG("StopSignal", stop_signal, JSON_F_STR, 32),
	CONFIG("Volumes", volumes, JSON_F_JSON, 0),
	CONFIG("ExposedPorts", exposed_ports, JSON_F_JSON, 0),
	CONFIG("Labels", labels, JSON_F_JSON, 0),
};

static const struct json_field top_fields[] = {
	CONFIG("os", os, JSON_F_STR, 64),
	CONFIG("architecture", architecture, JSON_F_STR, 64),
	CONFIG("variant", variant, JSON_F_STR, 64),
};

struct rootfs {
	char *type;
	char **diff_ids;
};

static const struct json_field rootfs_fields[] = {
	ROW(struct rootfs, "type", type, JSON_F_STR, true, 32),
	ROW(struct rootfs, "diff_ids", diff_ids, JSON_F_STR_LIST, true, IMAGE_MAX_LAYERS),
};

static int check_object(const json_t *value, const char *key, struct err *e)
{
	if (value && !json_is_object(value))
		return err_set(e, EINVAL, "config.%s: not an object", key);
	return 0;
}

/* Each becomes a directory of the container's root. */
static int check_volumes(const json_t *volumes, struct err *e)
{
	json_t *walk, *value;
	const char *path;

	memcpy(&walk, &volumes, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, path, value) {
		if (!rootfs_path_is_plain(path) || strchr(path, ':'))
			return err_set(e, EINVAL, "config.Volumes: '%.200s' is not a directory's "
				       "absolute path", path);
	}
	return 0;
}

static int check(const struct image_config *config, struct err *e)
{
	for (size_t i = 0; config->env && config->env[i]; i++) {
		if (strcspn(config->env[i], "=") == 0 || !strchr(config->env[i], '='))
			return err_set(e, EINVAL, "config.Env[%zu]: not NAME=VALUE", i);
	}
	if (config->working_dir && config->working_dir[0] && config->working_dir[0] != '/')
		return err_set(e, EINVAL, "config.WorkingDir: '%.200s' is not absolute",
			       config->working_dir);
	if (check_object(config->volumes, "Volumes", e) < 0 ||
	    check_object(config->exposed_ports, "ExposedPorts", e) < 0 ||
	    check_object(config->labels, "Labels", e) < 0)
		return -e->code;
	return check_volumes(config->volumes, e);
}

int config_read(const json_t *doc, struct image_config *ret, struct err *e)
{
	const json_t *inner = json_object_get(doc, "config");
	struct image_config config = { 0 };
	int r = json_read_known_fields(doc, "image", top_fields, ARRAY_SIZE(top_fields), &config,
				       e);

	if (r == 0 && inner && !json_is_null(inner))
		r = json_read_known_fields(inner, "config", config_fields,
					   ARRAY_SIZE(config_fields), &config, e);
	if (r == 0)
		r = check(&config, e);
	if (r < 0)
		config_done(&config);
	else
		*ret = config;
	return r;
}

void config_done(struct image_config *config)
{
	json_free_fields(top_fields, ARRAY_SIZE(top_fields), config);
	json_free_fields(config_fields, ARRAY_SIZE(config_fields), config);
}

static int check_rootfs(const struct rootfs *rootfs, struct err *e)
{
	if (strcmp(rootfs->type, "layers") != 0)
		return err_set(e, EINVAL, "rootfs.type: '%s' is not 'layers'", rootfs->type);
	for (size_t i = 0; rootfs->diff_ids[i]; i++) {
		if (!digest_is_valid(rootfs->diff_ids[i]))
			return err_set(e, EINVAL, "rootfs.diff_ids[%zu]: '%.100s' is not a digest",
				       i, rootfs->diff_ids[i]);
	}
	return 0;
}

int config_read_diff_ids(const json_t *doc, char ***ret, struct err *e)
{
	struct rootfs rootfs = { 0 };
	int r = json_read_known_fields(json_object_get(doc, "rootfs"), "rootfs", rootfs_fields,
				       ARRAY_SIZE(rootfs_fields), &rootfs, e);

	if (r == 0)
		r = check_rootfs(&rootfs, e);
	if (r == 0)
		*ret = TAKE_PTR(rootfs.diff_ids);
	json_free_fields(rootfs_fields, ARRAY_SIZE(rootfs_fields), &rootfs);
	return r;
}

void config_free_list(char **list)
{
	for (char **item = list; list && *item; item++)
		free(*item);
	free(list);
}
