/* What definitions may ask for and the nodes of this version cannot do: said when it is asked. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_parts.h"

static bool is_given(const json_t *value)
{
	if (json_is_array(value))
		return json_array_size(value) > 0;
	if (json_is_object(value))
		return json_object_size(value) > 0;
	if (json_is_integer(value))
		return json_integer_value(value) != 0;
	return value && !json_is_false(value);
}

#define FEATURE(name) "Feature " name " is not enabled: "

static const struct {
	const char *path, *sentence;
} unsupported[] = {
	{ "/fetch", "the nodes fetch nothing in this version: put what the task needs into its "
		    "image, or let its command fetch it" },
	{ "/check", "the nodes run no checks that only inform: use healthChecks" },
	{ "/secrets", FEATURE("secrets") "there is no store that they could come from" },
	{ "/gpus", FEATURE("gpu_resources") "the nodes give out no gpus in this version" },
	{ "/executorResources", "only custom executors have them, which this version does not run" },
	{ "/container/docker/privileged", "nothing runs privileged here" },
	{ "/container/docker/parameters",
	  "they are options of the Docker engine, and images run without it" },
	{ "/container/docker/forcePullImage", "an image that a node has is not pulled again: name "
					      "another tag, or its digest" },
	{ "/container/docker/pullConfig",
	  FEATURE("secrets") "there is no store that they could come from" },
	{ "/container/linuxInfo/ipcInfo/shmSize",
	  "the size of /dev/shm cannot be set in this version" },
};

/* What PATH leads to below APP; NULL: nothing. */
static const json_t *find(const json_t *app, const char *path)
{
	while (app && *path) {
		size_t size = strcspn(path + 1, "/");

		app = json_object_getn(app, path + 1, size);
		path += 1 + size;
	}
	return app;
}

static void check_disk(const json_t *disk, const char *volume, struct problems *problems)
{
	const char *type = json_string_value(json_object_get(disk, "type"));
	char path[SHAPE_PATH_SIZE];

	if (type && strcmp(type, "root") != 0) {
		(void)snprintf(path, sizeof(path), "%s/persistent/type", volume);
		problems_add(problems, path, "the nodes offer no disks of type %s in this version: "
					     "use root", type);
	}
	if (json_object_get(disk, "profileName")) {
		(void)snprintf(path, sizeof(path), "%s/persistent/profileName", volume);
		problems_add(problems, path, "the disks of the nodes have no profiles");
	}
}

static void check_volumes(const json_t *volumes, struct problems *problems)
{
	static const struct {
		const char *kind, *sentence;
	} kinds[] = {
		{ "external", FEATURE("external_volumes") "the nodes know no provider of them" },
		{ "secret", FEATURE("secrets") "there is no store that they could come from" },
	};

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/container/volumes(%zu)", i);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			if (json_object_get(json_array_get(volumes, i), kinds[k].kind))
				problems_add(problems, path, "%s", kinds[k].sentence);
		}
		check_disk(json_object_get(json_array_get(volumes, i), "persistent"), path,
			   problems);
	}
}

/* Which roles there are is the operator's to say. */
static void check_residency(const json_t *app, struct problems *problems)
{
	const char *role = json_string_value(json_object_get(app, "role"));

	if (json_object_get(app, "residency") && strcmp(role, "*") == 0)
		problems_add(problems, "/role", "persistent volumes are on what is reserved for a "
						"role, and nothing can be reserved for role *: start "
						"the master with --mesos_role=ROLE, or give the app "
						"the role of its top-level group");
}

void app_check_support(const json_t *app, struct problems *problems)
{
	const char *executor = json_string_value(json_object_get(app, "executor"));
	const char *ipc = json_string_value(find(app, "/container/linuxInfo/ipcInfo/mode"));

	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++) {
		if (is_given(find(app, unsupported[i].path)))
			problems_add(problems, unsupported[i].path, "%s", unsupported[i].sentence);
	}
	if (*executor && strcmp(executor, "//cmd") != 0)
		problems_add(problems, "/executor", "custom executors are not supported by this "
						    "version");
	if (ipc && strcmp(ipc, "SHARE_PARENT") == 0)
		problems_add(problems, "/container/linuxInfo/ipcInfo/mode",
			     "a task has no parent to share with but the node");
	check_volumes(find(app, "/container/volumes"), problems);
	check_residency(app, problems);
}
