#include "agent/launch_spec.h"

#include <errno.h>
#include <linux/capability.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/images.h"
#include "agent/launch_logs.h"
#include "agent/launch_parts.h"
#include "agent/profiles.h"
#include "agent/users.h"
#include "agent/volumes.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"

enum {
	CPU_PERIOD_USEC = 100000,
	CPU_MIN_QUOTA_USEC = 1000,
	CPU_SHARES_PER_CPU = 1024,
	CPU_MIN_SHARES = 2,
	CPU_MAX_SHARES = 262144,
	MEMORY_WITHOUT_REQUEST_MIB = 32,
	MAX_HOSTNAME = 64,
	FIRST_CAPABILITY = MESOS__V1__CAPABILITY_INFO__CAPABILITY__CHOWN,	/* kernel's 0 */
};

/* Docker's fourteen without NET_RAW, MKNOD and AUDIT_WRITE (DESIGN.md section 6). */
#define CAP_BIT(name) (UINT64_C(1) << CAP_##name)
static const uint64_t root_capabilities = CAP_BIT(CHOWN) | CAP_BIT(DAC_OVERRIDE) |
	CAP_BIT(FOWNER) | CAP_BIT(FSETID) | CAP_BIT(SETGID) | CAP_BIT(SETUID) |
	CAP_BIT(SETFCAP) | CAP_BIT(SETPCAP) | CAP_BIT(NET_BIND_SERVICE) |
	CAP_BIT(SYS_CHROOT) | CAP_BIT(KILL);

/* ---- what cannot be honoured ---- */

/* It becomes a line of files by which programs find hosts. */
static bool is_hostname(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t size = strlen(text);

	return size > 0 && size <= MAX_HOSTNAME && strspn(text, allowed) == size;
}

static int check_container(const Mesos__V1__ContainerInfo *c, struct err *e)
{
	if (c->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER || c->docker)
		return err_set(e, ENOTSUP, "container.type: DOCKER is not supported, MESOS is");
	if (c->hostname && !is_hostname(c->hostname))
		return err_set(e, EINVAL, "container.hostname: not 1 to %d letters, digits, '-', '_' "
			       "and '.'", MAX_HOSTNAME);
	return 0;
}

static int check_linux_info(const Mesos__V1__LinuxInfo *info, bool has_parent, bool has_image,
			    struct err *e)
{
	if (info->capability_info)
		return err_set(e, ENOTSUP, "container.linux_info.capability_info: replaced by "
			       "effective_capabilities");
	if (!has_parent && info->share_pid_namespace)
		return err_set(e, ENOTSUP, "container.linux_info.share_pid_namespace: it has no "
			       "parent to share with but the host");
	/* In a user namespace there is no mounting of /proc for pids of another one. */
	if (has_image && info->share_pid_namespace)
		return err_set(e, ENOTSUP, "container.linux_info.share_pid_namespace: not with an "
			       "image, whose users are its own");
	if (!has_parent && info->has_ipc_mode &&
	    info->ipc_mode == MESOS__V1__LINUX_INFO__IPC_MODE__SHARE_PARENT)
		return err_set(e, ENOTSUP, "container.linux_info.ipc_mode: it has no parent to "
			       "share with but the host");
	if (info->shm_size)
		return err_set(e, ENOTSUP, "container.linux_info.shm_size: not supported");
	return 0;
}

static int check_task(const Mesos__V1__TaskInfo *task, bool has_parent, struct err *e)
{
	int r;

	/* That of a member of a group is the group's. */
	if (task->executor && !has_parent)
		return err_set(e, ENOTSUP, "executor: custom executors are not supported");
	if (!task->command)
		return err_set(e, EINVAL, "command: missing");
	if ((!task->command->value || !*task->command->value) &&
	    (task->command->shell || !images_asked(task)))
		return err_set(e, EINVAL, "command.value: missing");
	if (task->command->n_uris)
		return err_set(e, ENOTSUP, "command.uris: fetching is not supported");
	if (task->command->shell && task->command->n_arguments)
		return err_set(e, EINVAL, "command.arguments: given although command.shell is "
			       "true");
	if (!task->container)
		return 0;
	r = check_container(task->container, e);
	if (r >= 0 && task->container->linux_info)
		r = check_linux_info(task->container->linux_info, has_parent, images_asked(task), e);
	return r;
}

/* ---- limits ---- */

/* The limit on NAME in thousandths; 1 if there is one, 0 if not, *RET is -1 for infinity. */
static int find_limit(const Mesos__V1__TaskInfo *task, const char *name, int64_t request,
		      int64_t *ret, struct err *e)
{
	for (size_t i = 0; i < task->n_limits; i++) {
		const Mesos__V1__TaskInfo__LimitsEntry *limit = task->limits[i];

		if (!limit->key || !limit->value || strcmp(limit->key, name) != 0)
			continue;
		*ret = -1;
		if (isinf(limit->value->value) && limit->value->value > 0)
			return 1;
		if (resources_scalar_from_double(limit->value->value, ret) < 0)
			return err_set(e, EINVAL, "limits.%s: not a size", name);
		if (*ret < request)
			return err_set(e, EINVAL, "limits.%s: below the request", name);
		return 1;
	}
	return 0;
}

/* A misspelt limit would otherwise be no limit. */
static int check_limit_names(const Mesos__V1__TaskInfo *task, struct err *e)
{
	for (size_t i = 0; i < task->n_limits; i++) {
		const char *key = task->limits[i]->key;

		if (!key || (strcmp(key, "cpus") != 0 && strcmp(key, "mem") != 0))
			return err_set(e, EINVAL, "limits.%s: only cpus and mem can be limited",
				       key ? key : "");
	}
	return 0;
}

/* cpu.weight follows the request; cpu.max the limit, or the request with --cfs_quota. */
static int build_cpu(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		     int64_t request, json_t *cpu, struct err *e)
{
	int64_t shares = request * CPU_SHARES_PER_CPU / 1000, limit = -1, quota;
	int r = find_limit(task, "cpus", request, &limit, e);

	if (r < 0)
		return r;
	if (r == 0 && settings->cfs_quota)
		limit = request;
	if (shares < CPU_MIN_SHARES)
		shares = CPU_MIN_SHARES;
	if (shares > CPU_MAX_SHARES)
		shares = CPU_MAX_SHARES;
	r = json_object_set_new(cpu, "shares", json_integer(shares));
	if (r == 0 && limit >= 0) {
		quota = limit * CPU_PERIOD_USEC / 1000;
		if (quota < CPU_MIN_QUOTA_USEC)
			quota = CPU_MIN_QUOTA_USEC;
		r = json_object_set_new(cpu, "quota", json_integer(quota)) |
		    json_object_set_new(cpu, "period", json_integer(CPU_PERIOD_USEC));
	}
	return r ? err_set(e, ENOMEM, "describe cpu limits") : 0;
}

/* memory.max is the request unless there is a limit; never any swap. */
static int build_memory(const Mesos__V1__TaskInfo *task, int64_t request, json_t *memory,
			struct err *e)
{
	int64_t limit = request ? request : MEMORY_WITHOUT_REQUEST_MIB * 1000, bytes;
	int r = find_limit(task, "mem", request, &limit, e);

	if (r < 0)
		return r;
	if (limit > INT64_MAX / (1 << 20))
		return err_set(e, EINVAL, "limits.mem: not a size");
	bytes = limit < 0 ? -1 : limit * (1 << 20) / 1000;
	r = json_object_set_new(memory, "limit", json_integer(bytes));
	if (r == 0 && bytes >= 0)	/* limit and swap together */
		r = json_object_set_new(memory, "swap", json_integer(bytes));
	if (r == 0 && bytes != request * (1 << 20) / 1000 && request)
		r = json_object_set_new(memory, "reservation",
					json_integer(request * (1 << 20) / 1000));
	return r ? err_set(e, ENOMEM, "describe memory limits") : 0;
}

int launch_limits(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		  json_t **ret, struct err *e)
{
	struct resources request = { 0 };
	json_t *resources, *cpu = json_object(), *memory = json_object();
	int r;

	resources = json_pack("{s:o, s:o}", "cpu", cpu, "memory", memory);
	if (!resources)
		return err_set(e, ENOMEM, "describe limits");
	r = resources_from_messages(task->resources, task->n_resources, &request, e);
	if (r >= 0)
		r = check_limit_names(task, e);
	if (r >= 0)
		r = build_cpu(settings, task, resources_quantity(&request, RESOURCE_CPUS), cpu, e);
	if (r >= 0)
		r = build_memory(task, resources_quantity(&request, RESOURCE_MEM), memory, e);
	resources_done(&request);
	if (r < 0)
		json_decref(resources);
	else
		*ret = resources;
	return r;
}

/* Without limits of its own there is nothing to write: v2 may have no files for them. */
static int build_resources(const struct launch_settings *settings,
			   const struct launch_place *place, const Mesos__V1__TaskInfo *task,
			   json_t *linux_part, struct err *e)
{
	json_t *pids, *resources;
	int r;

	if (place->has_no_limits)
		return 0;
	pids = json_pack("{s:I}", "limit", (json_int_t)settings->pids_limit);
	r = launch_limits(settings, task, &resources, e);
	if (r < 0) {
		json_decref(pids);
		return r;
	}
	if (json_object_set_new(linux_part, "resources", resources) < 0 ||
	    json_object_set_new(resources, "pids", pids) < 0)
		return err_set(e, ENOMEM, "describe limits");
	return 0;
}

/* ---- rights ---- */

/* The framework's own user does not count: it is often root for no reason that a task has. */
static int find_user(const struct launch_settings *settings, const struct launch_place *place,
		     const Mesos__V1__TaskInfo *task, struct launch_result *ret, struct err *e)
{
	const char *name = task->command->user ? task->command->user : settings->default_user;
	const struct user *user;

	/* Of an image's users none is root outside of its namespace. */
	if (place->image) {
		ret->uid = place->image->user.uid;
		ret->gid = place->image->user.gid;
		return 0;
	}
	user = users_find(settings->users, name);
	if (!user)
		return err_set(e, EINVAL, "command.user: the node has no user '%s'", name);
	if (user->uid == 0 && !settings->allow_root)
		return err_set(e, EPERM, "command.user: this agent runs no task as '%s' "
			       "without --allow_root_tasks", name);
	ret->uid = user->uid;
	ret->gid = user->gid;
	return 0;
}

/* Nobody is given more than root has by default: that is this agent's ceiling. */
static int read_capabilities(const Mesos__V1__CapabilityInfo *info, const char *where,
			     uint64_t *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < info->n_capabilities; i++) {
		int cap = (int)info->capabilities[i] - FIRST_CAPABILITY;

		if (cap < 0 || cap > 63 || !(root_capabilities & (UINT64_C(1) << cap)))
			return err_set(e, EPERM, "container.linux_info.%s: capability %d is above "
				       "what this agent grants", where, cap);
		*ret |= UINT64_C(1) << cap;
	}
	return 0;
}

/* EFFECTIVE is what the task starts with, RET->capabilities the bound of what it can get. */
static int find_capabilities(const Mesos__V1__TaskInfo *task, uint64_t *ret_effective,
			     struct launch_result *ret, struct err *e)
{
	const Mesos__V1__LinuxInfo *info = task->container ? task->container->linux_info : NULL;
	uint64_t effective = ret->uid == 0 ? root_capabilities : 0, bounding;
	int r = 0;

	if (info && info->effective_capabilities)
		r = read_capabilities(info->effective_capabilities, "effective_capabilities",
				      &effective, e);
	bounding = effective;
	if (r >= 0 && info && info->bounding_capabilities) {
		r = read_capabilities(info->bounding_capabilities, "bounding_capabilities",
				      &bounding, e);
		if (r >= 0 && !info->effective_capabilities)
			effective &= bounding;
	}
	if (r >= 0 && (effective & ~bounding))
		r = err_set(e, EINVAL, "container.linux_info.effective_capabilities: not within "
			    "bounding_capabilities");
	*ret_effective = effective;
	ret->capabilities = bounding;
	return r;
}

static int find_profile(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
			struct launch_result *ret, struct err *e)
{
	const Mesos__V1__LinuxInfo *info = task->container ? task->container->linux_info : NULL;
	const Mesos__V1__SeccompInfo *seccomp = info ? info->seccomp : NULL;
	const char *name = settings->default_profile;

	if (seccomp && seccomp->unconfined && seccomp->profile_name)
		return err_set(e, EINVAL, "container.linux_info.seccomp: both a profile and "
			       "unconfined");
	if (seccomp && seccomp->unconfined && !settings->allow_unconfined)
		return err_set(e, EPERM, "container.linux_info.seccomp.unconfined: this agent "
			       "confines every task");
	ret->is_unconfined = seccomp && seccomp->unconfined;
	if (seccomp && seccomp->profile_name)
		name = seccomp->profile_name;
	ret->profile = name ? profiles_find(settings->profiles, name) : NULL;
	if (name && !ret->profile)
		return err_set(e, EINVAL, "container.linux_info.seccomp.profile_name: this agent "
			       "has no profile '%.64s'", name);
	return 0;
}

static json_t *capability_names(uint64_t set)
{
	json_t *names = json_array();
	char name[64];

	for (unsigned cap = 0; names && cap < 64; cap++) {
		const ProtobufCEnumValue *value;

		if (!(set & (UINT64_C(1) << cap)))
			continue;
		value = protobuf_c_enum_descriptor_get_value(
			&mesos__v1__capability_info__capability__descriptor,
			FIRST_CAPABILITY + (int)cap);
		(void)snprintf(name, sizeof(name), "CAP_%s", value ? value->name : "");
		json_array_append_new(names, json_string(name));
	}
	return names;
}

/*
 * Inheritable and ambient sets stay empty, except that a user who is not root keeps what was asked
 * for by name only through the ambient set.
 */
static json_t *describe_capabilities(const struct launch_result *result, uint64_t effective)
{
	uint64_t ambient = result->uid == 0 ? 0 : effective;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "bounding", capability_names(result->capabilities),
			 "effective", capability_names(effective),
			 "permitted", capability_names(effective),
			 "inheritable", capability_names(ambient),
			 "ambient", capability_names(ambient));
}

/* ---- the document ---- */

/* One range for users and for groups. */
static int add_user_namespace(const struct task_image *image, json_t *part, struct err *e)
{
	json_t *map = json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID",
				(json_int_t)image->first_id, "size", IMAGES_IDS);
	int r = json_array_append_new(json_object_get(part, "namespaces"),
				      json_pack("{s:s}", "type", "user"));

	r |= json_object_set(part, "uidMappings", map);
	r |= json_object_set(part, "gidMappings", map);
	json_decref(map);
	return r ? err_set(e, ENOMEM, "describe namespaces") : 0;
}

static json_t *build_namespaces(const Mesos__V1__TaskInfo *task, const struct launch_place *place)
{
	const Mesos__V1__LinuxInfo *info = task->container ? task->container->linux_info : NULL;
	bool shares_ipc = info && info->has_ipc_mode &&
			  info->ipc_mode == MESOS__V1__LINUX_INFO__IPC_MODE__SHARE_PARENT;
	char pid[48], ipc[48], net[48];
	json_t *list;

	if (place->parent) {
		(void)snprintf(pid, sizeof(pid), "/proc/%d/ns/pid", (int)place->parent->pid);
		(void)snprintf(ipc, sizeof(ipc), "/proc/%d/ns/ipc", (int)place->parent->pid);
		(void)snprintf(net, sizeof(net), "/proc/%d/ns/net", (int)place->parent->pid);
	}
	list = json_pack("[{s:s, s:s*}, {s:s}, {s:s, s:s*}, {s:s}, {s:s}]",
			 "type", "pid", "path", info && info->share_pid_namespace ? pid : NULL,
			 "type", "mount", "type", "ipc", "path", shares_ipc ? ipc : NULL,
			 "type", "uts", "type", "cgroup");
	if (place->network || place->joins_network)
		(void)json_array_append_new(list, json_pack("{s:s, s:s*}", "type", "network", "path",
							    place->joins_network ? net : NULL));
	return list;
}

/* In a network of its own every port is its own, and so is an echo: nobody has to be root for them. */
static int add_network_sysctls(const struct launch_place *place, json_t *part, struct err *e)
{
	json_t *sysctls;

	if (!place->network)
		return 0;
	/* Of groups, those that are known inside. */
	sysctls = json_pack("{s:s, s:s}", "net.ipv4.ip_unprivileged_port_start", "0",
			    "net.ipv4.ping_group_range",
			    place->image ? "0 65535" : "0 2147483647");
	return json_object_set_new(part, "sysctl", sysctls) < 0 ?
		       err_set(e, ENOMEM, "describe kernel parameters") : 0;
}

/* Masked and read-only paths are not listed: the supervisor adds them to every container. */
static json_t *build_linux(const Mesos__V1__TaskInfo *task, const struct launch_settings *settings,
			   const struct launch_place *place, struct err *e)
{
	json_t *part = json_pack("{s:o}", "namespaces", build_namespaces(task, place));

	if (!part) {
		(void)err_set(e, ENOMEM, "describe namespaces");
		return NULL;
	}
	if ((place->image && add_user_namespace(place->image, part, e) < 0) ||
	    add_network_sysctls(place, part, e) < 0 ||
	    build_resources(settings, place, task, part, e) < 0) {
		json_decref(part);
		return NULL;
	}
	return part;
}

static json_t *build_process(const struct launch_place *place, const Mesos__V1__TaskInfo *task,
			     const struct launch_result *result, uint64_t effective,
			     struct err *e)
{
	json_t *args = NULL, *env = NULL, *rlimits = NULL, *process;
	int r;

	/* The image has a say in them. */
	r = place->image ? (args = json_array()) ? 0 : -ENOMEM :
			   launch_args(task->command, &args, e);
	if (r >= 0)
		r = launch_env(place, task, &env, e);
	if (r >= 0)
		r = launch_rlimits(task, &rlimits, e);
	if (r < 0) {
		json_decref(args);
		json_decref(env);
		return NULL;
	}
	process = json_pack("{s:o, s:o, s:o, s:s, s:{s:I, s:I}, s:o, s:b, s:i}",
			    "args", args, "env", env, "rlimits", rlimits,
			    "cwd", HANDOVER_SANDBOX,
			    "user", "uid", (json_int_t)result->uid, "gid", (json_int_t)result->gid,
			    "capabilities", describe_capabilities(result, effective),
			    "noNewPrivileges", 1, "oomScoreAdj", 0);
	if (!process)
		(void)err_set(e, ENOMEM, "describe the process");
	return process;
}

/* The size is told by whoever attaches; what is asked for is the one until then. */
static int add_terminal(const Mesos__V1__ContainerInfo *container, json_t *process, struct err *e)
{
	const Mesos__V1__TTYInfo__WindowSize *size;
	json_t *console;

	if (!container || !container->tty_info)
		return 0;
	if (json_object_set_new(process, "terminal", json_true()) < 0)
		return err_set(e, ENOMEM, "describe the terminal");
	size = container->tty_info->window_size;
	if (!size)
		return 0;
	console = json_pack("{s:I, s:I}", "height", (json_int_t)size->rows, "width",
			    (json_int_t)size->columns);
	if (json_object_set_new(process, "consoleSize", console) < 0)
		return err_set(e, ENOMEM, "describe the terminal");
	return 0;
}

static json_t *build_annotations(const struct launch_settings *settings,
				 const struct launch_place *place, const char *logs,
				 const struct volumes *volumes)
{
	return json_pack("{s:s*, s:s*, s:s*, s:s, s:s, s:s, s:s, s:s, s:s}",
			 HANDOVER_ANNOTATION_NETWORK, place->network,
			 HANDOVER_ANNOTATION_VOLUME_ROOTS, volumes->roots,
			 HANDOVER_ANNOTATION_MOUNT_LAYERS, volumes->layers,
			 HANDOVER_ANNOTATION_LOGS, logs,
			 HANDOVER_ANNOTATION_CGROUPS, settings->cgroup_layout,
			 HANDOVER_ANNOTATION_SANDBOX, place->sandbox,
			 HANDOVER_ANNOTATION_SANDBOX_DESTINATION, HANDOVER_SANDBOX,
			 HANDOVER_ANNOTATION_HOST_ROOT, place->image ? "false" : "true",
			 HANDOVER_ANNOTATION_HIDDEN, settings->hidden);
}

const char *launch_hostname(const Mesos__V1__TaskInfo *task, const char *id)
{
	return task->container && task->container->hostname ? task->container->hostname : id;
}

int launch_spec_build(const struct launch_settings *settings, const struct launch_place *place,
		      const Mesos__V1__TaskInfo *task, struct launch_result *ret, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = task->container;
	const char *hostname = launch_hostname(task, place->container_id);
	struct launch_result result = { 0 };
	AUTO_FREE char *logs = NULL;
	struct volumes volumes;
	json_t *process, *linux_part;
	uint64_t effective;
	int r;

	r = check_task(task, place->parent, e);
	if (r >= 0)
		r = launch_logs(settings, task, &logs, e);
	if (r >= 0)
		r = find_user(settings, place, task, &result, e);
	if (r >= 0)
		r = find_capabilities(task, &effective, &result, e);
	if (r >= 0)
		r = find_profile(settings, task, &result, e);
	if (r < 0)
		return r;
	process = build_process(place, task, &result, effective, e);
	if (!process)
		return -e->code;
	if (add_terminal(container, process, e) < 0) {
		json_decref(process);
		return -e->code;
	}
	linux_part = build_linux(task, settings, place, e);
	if (!linux_part) {
		json_decref(process);
		return -e->code;
	}
	r = volumes_build(settings, place, task, &volumes, e);
	if (r >= 0 && (place->image || place->files)) {
		r = volumes_add_names(&volumes, place, e);
		if (r < 0)
			volumes_done(&volumes);
	}
	if (r < 0) {
		json_decref(process);
		json_decref(linux_part);
		return r;
	}
	result.directories = json_incref(volumes.directories);
	result.parent_directories = json_incref(volumes.parent_directories);
	result.config = json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:b}, s:O, s:o}",
				  "ociVersion", "1.2.0", "hostname", hostname,
				  "process", process, "linux", linux_part,
				  "root", "path", place->image ? place->root : "/", "readonly",
				  !place->image, "mounts", volumes.mounts,
				  "annotations",
				  build_annotations(settings, place, logs, &volumes));
	volumes_done(&volumes);
	if (!result.config) {
		launch_result_done(&result);
		return err_set(e, ENOMEM, "describe the container");
	}
	if (place->image && images_fill(place->image, task->command, result.config, e) < 0) {
		launch_result_done(&result);
		return -e->code;
	}
	*ret = result;
	return 0;
}

void launch_result_done(struct launch_result *result)
{
	json_decref(result->config);
	json_decref(result->directories);
	json_decref(result->parent_directories);
	*result = (struct launch_result){ 0 };
}
