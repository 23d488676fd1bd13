#include "isolators/spec.h"

#include <jansson.h>
#include <stdlib.h>

#include "isolators/namespaces.h"

static void free_list(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

static void free_id_maps(struct spec_id_maps *maps)
{
	free(maps->uids);
	free(maps->gids);
}

static void free_mounts(struct spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		free(spec->mounts[i].destination);
		free(spec->mounts[i].type);
		free(spec->mounts[i].source);
		free_list(spec->mounts[i].layers);
		free_list(spec->mounts[i].options);
		free_id_maps(&spec->mounts[i].id_maps);
	}
	free(spec->mounts);
}

bool spec_has_namespace(const struct spec *spec, enum spec_namespace kind)
{
	return spec->namespace_paths[kind] || (spec->namespaces & namespace_kinds[kind].flag);
}

bool spec_has_user_namespace(const struct spec *spec)
{
	return spec_has_namespace(spec, SPEC_NS_USER);
}

static void free_networks(struct spec *spec)
{
	for (size_t i = 0; i < spec->n_networks; i++) {
		struct spec_network *network = &spec->networks[i];

		free(network->network);
		free(network->interface);
		free(network->link);
		free(network->bridge);
		free_list(network->addresses);
		free_list(network->gateways);
		json_decref(network->cni);
	}
	free(spec->networks);
	free(spec->cni.dirs);
	free(spec->cni.directory);
}

static void free_resources(struct spec *spec)
{
	for (size_t i = 0; i < spec->n_hugepages; i++)
		free(spec->hugepages[i].page_size);
	for (size_t i = 0; i < spec->n_rdma; i++)
		free(spec->rdma[i].device);
	free(spec->hugepages);
	free(spec->rdma);
	free(spec->io_devices);
	free(spec->device_rules);
}

const char *const spec_hook_names[SPEC_N_HOOKS] = {
	[SPEC_HOOK_PRESTART] = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER] = "startContainer",
	[SPEC_HOOK_POSTSTART] = "poststart",
	[SPEC_HOOK_POSTSTOP] = "poststop",
};

bool spec_has_hooks(const struct spec *spec)
{
	for (size_t i = 0; i < SPEC_N_HOOKS; i++) {
		if (spec->n_hooks[i] > 0)
			return true;
	}
	return false;
}

static void free_hooks(struct spec *spec)
{
	for (size_t kind = 0; kind < SPEC_N_HOOKS; kind++) {
		for (size_t i = 0; i < spec->n_hooks[kind]; i++) {
			free(spec->hooks[kind][i].path);
			free_list(spec->hooks[kind][i].args);
			free_list(spec->hooks[kind][i].env);
		}
		free(spec->hooks[kind]);
	}
}

void spec_done(struct spec *spec)
{
	char **const strings[] = {
		&spec->id, &spec->cwd, &spec->root_path, &spec->hostname, &spec->domainname,
		&spec->apparmor_profile, &spec->exec_cpus_initial, &spec->exec_cpus_final, &spec->cpuset_cpus,
		&spec->cpuset_mems, &spec->cgroup_layout, &spec->sandbox,
		&spec->sandbox_destination, &spec->root_upper, &spec->cgroup_name,
		&spec->cgroups_path,
	};
	char ***const lists[] = {
		&spec->args, &spec->env, &spec->masked_paths, &spec->readonly_paths,
		&spec->unified, &spec->sysctls, &spec->hidden_paths, &spec->volume_roots,
		&spec->root_layers, &spec->root_directories,
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(*strings[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		free_list(*lists[i]);
	free_mounts(spec);
	free_hooks(spec);
	free_networks(spec);
	for (size_t i = 0; i < spec->n_devices; i++)
		free(spec->devices[i].path);
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++)
		free(spec->namespace_paths[i]);
	free_id_maps(&spec->id_maps);
	free(spec->devices);
	free_resources(spec);
	free(spec->additional_gids);
	free(spec->rlimits);
	json_decref(spec->seccomp);
	*spec = (struct spec){ 0 };
}
