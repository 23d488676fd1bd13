/* Containers, their volumes and networks, as definitions write them (reference/marathon.md 2.2). */
#include <string.h>

#include "master_stub/marathon/definition/app_parts.h"

enum { MAX_LIST = 1000, MAX_PORT = 65535, MAX_NAME = 256, MAX_PATH = 1024 };

static const struct shape text = { .kind = SHAPE_STRING, .max = MAX_PATH };
static const struct shape label_text = { .kind = SHAPE_STRING };

/* ---- Ports ---- */

const char *port_name_complaint(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t size = strlen(name);

	if (size == 0 || size > 63 || strspn(name, letters) != size || name[0] == '-' ||
	    name[size - 1] == '-')
		return "error.pattern";
	return NULL;
}

const char *const port_protocols[] = { "tcp", "udp", "udp,tcp", NULL };

static const struct shape mapping_fields[] = {
	{ "containerPort", SHAPE_INTEGER, .max = MAX_PORT, .fallback = "0" },
	{ "hostPort", SHAPE_INTEGER, .max = MAX_PORT },
	{ "servicePort", SHAPE_INTEGER, .max = MAX_PORT, .fallback = "0" },
	{ "protocol", SHAPE_ENUM, .names = port_protocols, .fallback = "\"tcp\"" },
	{ "name", SHAPE_STRING, .check = port_name_complaint },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &label_text, .fallback = "{}" },
	{ "networkNames", SHAPE_LIST, .max = 16, .of = &text, .omit_empty = true },
	{ 0 },
};
static const struct shape mapping = { .kind = SHAPE_OBJECT, .of = mapping_fields };

/* ---- Volumes ---- */

static const char *const volume_modes[] = { "RO", "RW", NULL };
static const char *const disk_types[] = { "root", "path", "mount", NULL };
static const struct shape disk_constraint = { .kind = SHAPE_LIST, .max = 3, .of = &text };

static const struct shape persistent_fields[] = {
	{ "type", SHAPE_ENUM, .names = disk_types, .fallback = "\"root\"" },
	{ "size", SHAPE_INTEGER, .is_required = true, .min = 1, .max = 1e12 },
	{ "maxSize", SHAPE_INTEGER, .min = 1, .max = 1e12 },
	{ "profileName", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ "constraints", SHAPE_LIST, .max = 16, .of = &disk_constraint, .omit_empty = true },
	{ 0 },
};

static const struct shape external_fields[] = {
	{ "name", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ "provider", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ "size", SHAPE_INTEGER, .min = 1, .max = 1e12 },
	{ "shared", SHAPE_BOOL, .fallback = "false" },
	{ "options", SHAPE_MAP, .max = 100, .of = &label_text, .omit_empty = true },
	{ 0 },
};

static const struct shape volume_fields[] = {
	{ "containerPath", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_PATH },
	{ "hostPath", SHAPE_STRING, .min = 1, .max = MAX_PATH },
	{ "mode", SHAPE_ENUM, .names = volume_modes },
	{ "persistent", SHAPE_OBJECT, .is_strict = true, .of = persistent_fields },
	{ "external", SHAPE_OBJECT, .is_strict = true, .of = external_fields },
	{ "secret", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ 0 },
};
static const struct shape volume = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = volume_fields,
};

/* ---- Images and isolation ---- */

const struct shape pull_fields[] = {
	{ "secret", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_NAME },
	{ 0 },
};

static const struct shape credential_fields[] = {
	{ "principal", SHAPE_STRING, .is_required = true },
	{ "secret", SHAPE_STRING, .max = MAX_PATH },
	{ 0 },
};

static const struct shape parameter_fields[] = {
	{ "key", SHAPE_STRING, .is_required = true, .min = 1 },
	{ "value", SHAPE_STRING, .is_required = true },
	{ 0 },
};
static const struct shape parameter = { .kind = SHAPE_OBJECT, .of = parameter_fields };

static const struct shape docker_fields[] = {
	{ "image", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_PATH },
	{ "forcePullImage", SHAPE_BOOL, .fallback = "false" },
	{ "privileged", SHAPE_BOOL, .fallback = "false" },
	{ "parameters", SHAPE_LIST, .max = 100, .of = &parameter, .fallback = "[]" },
	{ "pullConfig", SHAPE_OBJECT, .of = pull_fields },
	{ "credential", SHAPE_OBJECT, .of = credential_fields },
	{ 0 },
};

static const struct shape seccomp_fields[] = {
	{ "profileName", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ "unconfined", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};

static const char *const ipc_modes[] = { "PRIVATE", "SHARE_PARENT", NULL };

static const struct shape ipc_fields[] = {
	{ "mode", SHAPE_ENUM, .names = ipc_modes, .fallback = "\"PRIVATE\"" },
	{ "shmSize", SHAPE_INTEGER, .min = 1, .max = 1e9 },
	{ 0 },
};

/* What limits something is told of when it is misspelt. */
const struct shape linux_fields[] = {
	{ "seccomp", SHAPE_OBJECT, .is_strict = true, .of = seccomp_fields },
	{ "ipcInfo", SHAPE_OBJECT, .is_strict = true, .of = ipc_fields },
	{ 0 },
};

static const char *const container_types[] = { "DOCKER", "MESOS", NULL };

const struct shape container_fields[] = {
	{ "type", SHAPE_ENUM, .names = container_types, .fallback = "\"DOCKER\"" },
	{ "docker", SHAPE_OBJECT, .of = docker_fields },
	{ "linuxInfo", SHAPE_OBJECT, .is_strict = true, .of = linux_fields },
	{ "volumes", SHAPE_LIST, .max = MAX_LIST, .of = &volume, .fallback = "[]" },
	{ "portMappings", SHAPE_LIST, .max = 100, .of = &mapping },
	{ 0 },
};

/* ---- Networks ---- */

static const char *const network_modes[] = { "host", "container", "container/bridge", NULL };

static const struct shape network_fields[] = {
	{ "mode", SHAPE_ENUM, .names = network_modes, .fallback = "\"container\"" },
	{ "name", SHAPE_STRING, .max = MAX_NAME },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &label_text, .omit_empty = true },
	{ 0 },
};
const struct shape network_shape = { .kind = SHAPE_OBJECT, .of = network_fields };
