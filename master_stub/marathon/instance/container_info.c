#include "master_stub/marathon/instance/container_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/instance/network_info.h"
#include "master_stub/marathon/state.h"

/* A directory of the pod's sandbox, where its containers find what the others put there. */
static Mesos__V1__Volume__Source *make_shared(struct build *b, const char *name)
{
	Mesos__V1__Volume__Source *source =
		MAKE(b, Mesos__V1__Volume__Source, mesos__v1__volume__source__init);
	char path[512];

	if (!source)
		return NULL;
	(void)snprintf(path, sizeof(path), "volumes/%s", name);
	source->has_type = true;
	source->type = MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH;
	source->sandbox_path = MAKE(b, Mesos__V1__Volume__Source__SandboxPath,
				    mesos__v1__volume__source__sandbox_path__init);
	if (!source->sandbox_path)
		return source;
	source->sandbox_path->has_type = true;
	source->sandbox_path->type = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
	source->sandbox_path->path = build_copy(b, path);
	return source;
}

static Mesos__V1__Volume *make_volume(struct build *b, const json_t *definition)
{
	const char *mode = json_string_value(json_object_get(definition, "mode"));
	const char *shared = json_string_value(json_object_get(definition, "ephemeral"));
	Mesos__V1__Volume *volume = MAKE(b, Mesos__V1__Volume, mesos__v1__volume__init);

	if (!volume)
		return NULL;
	volume->container_path =
		build_copy(b, json_string_value(json_object_get(definition, "containerPath")));
	if (shared)
		volume->source = make_shared(b, shared);
	else
		volume->host_path = build_copy(
			b, json_string_value(json_object_get(definition, "hostPath")));
	volume->mode = mode && strcmp(mode, "RO") == 0 ? MESOS__V1__VOLUME__MODE__RO :
							 MESOS__V1__VOLUME__MODE__RW;
	return volume;
}

static void add_volumes(struct build *b, const json_t *volumes, Mesos__V1__ContainerInfo *info)
{
	size_t n = json_array_size(volumes);

	if (n == 0)
		return;
	info->volumes = build_alloc(b, n, sizeof(Mesos__V1__Volume *));
	for (size_t i = 0; info->volumes && i < n; i++) {
		const json_t *definition = json_array_get(volumes, i);
		Mesos__V1__Volume *volume;

		/* Those that are persistent are among the resources. */
		if (json_object_get(definition, "persistent"))
			continue;
		volume = make_volume(b, definition);
		if (!volume)
			return;
		info->volumes[info->n_volumes++] = volume;
	}
}

static Mesos__V1__ContainerInfo__MesosInfo *make_image(struct build *b, const char *name)
{
	Mesos__V1__ContainerInfo__MesosInfo *info =
		MAKE(b, Mesos__V1__ContainerInfo__MesosInfo,
		     mesos__v1__container_info__mesos_info__init);
	Mesos__V1__Image *image = MAKE(b, Mesos__V1__Image, mesos__v1__image__init);

	if (!info || !image) {
		free(image);
		return info;
	}
	info->image = image;
	image->type = MESOS__V1__IMAGE__TYPE__DOCKER;
	image->docker = MAKE(b, Mesos__V1__Image__Docker, mesos__v1__image__docker__init);
	if (image->docker)
		image->docker->name = build_copy(b, name);
	return info;
}

/* What is not said is as the node has it. */
static Mesos__V1__LinuxInfo *make_linux(struct build *b, const json_t *definition,
					bool has_own_cgroup)
{
	const json_t *seccomp = json_object_get(definition, "seccomp");
	const char *profile = json_string_value(json_object_get(seccomp, "profileName"));
	Mesos__V1__LinuxInfo *info =
		MAKE(b, Mesos__V1__LinuxInfo, mesos__v1__linux_info__init);

	if (!info)
		return NULL;
	info->has_share_cgroups = has_own_cgroup;
	info->share_cgroups = !has_own_cgroup;
	info->has_ipc_mode = json_object_get(definition, "ipcInfo") != NULL;
	info->ipc_mode = MESOS__V1__LINUX_INFO__IPC_MODE__PRIVATE;
	if (!seccomp)
		return info;
	info->seccomp = MAKE(b, Mesos__V1__SeccompInfo, mesos__v1__seccomp_info__init);
	if (!info->seccomp)
		return info;
	info->seccomp->has_unconfined = true;
	info->seccomp->unconfined = json_is_true(json_object_get(seccomp, "unconfined"));
	info->seccomp->profile_name = profile ? build_copy(b, profile) : NULL;
	return info;
}

const char *container_info_image(const json_t *app)
{
	const json_t *docker = json_object_get(json_object_get(app, "container"), "docker");

	return json_string_value(json_object_get(docker, "image"));
}

/* NULL: nothing is asked for that every task has not anyway. */
static Mesos__V1__ContainerInfo *make(struct build *b, const struct instance *networked,
				      const json_t *app, bool has_own_cgroup)
{
	const json_t *container = json_object_get(app, "container");
	const json_t *volumes = json_object_get(container, "volumes");
	const json_t *linux_info = json_object_get(container, "linuxInfo");
	bool has_terminal = json_is_true(json_object_get(app, "tty"));
	const char *image = container_info_image(app);
	Mesos__V1__ContainerInfo *info;

	if (!networked && !has_terminal && !image && !linux_info && !has_own_cgroup &&
	    json_array_size(volumes) == 0)
		return NULL;
	info = MAKE(b, Mesos__V1__ContainerInfo, mesos__v1__container_info__init);
	if (!info)
		return NULL;
	info->type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
	if (has_terminal)
		info->tty_info = MAKE(b, Mesos__V1__TTYInfo, mesos__v1__ttyinfo__init);
	if (image)
		info->mesos = make_image(b, image);
	if (linux_info || has_own_cgroup)
		info->linux_info = make_linux(b, linux_info, has_own_cgroup);
	add_volumes(b, volumes, info);
	if (networked)
		network_infos_add(b, networked, info);
	return info;
}

/* INSTANCE, if it is attached to networks. */
static const struct instance *networked(const struct instance *instance)
{
	return instance->spec->has_own_network ? instance : NULL;
}

Mesos__V1__ContainerInfo *container_info_new(struct build *b, const struct instance_task *task)
{
	const struct pod *pod = task->instance->spec->pod;

	return make(b, pod ? NULL : networked(task->instance), instance_task_spec(task)->json,
		    pod && !pod->shares_cgroups);
}

Mesos__V1__ContainerInfo *container_info_of_pod(struct build *b, const struct instance *instance)
{
	return make(b, networked(instance), NULL, false);
}
