/* From a task as the framework describes it to the OCI document that its supervisor launches. */
#ifndef AGENT_LAUNCH_SPEC_H
#define AGENT_LAUNCH_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/mesos.pb-c.h"

struct err;
struct image;
struct profiles;
struct task_image;
struct users;

/* What the agent adds; all borrowed. */
struct launch_settings {
	const struct users *users;
	const char *default_user;
	const struct profiles *profiles;
	const char *default_profile;	/* one of them, or NULL: the built-in one */
	bool cfs_quota, allow_root, allow_unconfined;
	uint64_t pids_limit;
	uint64_t log_bytes, log_files;	/* of stdout and of stderr each; 0 bytes: no bound */
	const char *host_path_volumes;	/* volumes_check_roots(); "": none */
	const char *cgroup_layout;	/* cgroup_layout_format() */
	const char *hidden;		/* host path that no container may see */
};

/* The container in which another one is. */
struct launch_parent {
	pid_t pid;			/* of a process in its namespaces */
	const char *sandbox;		/* host directory */
};

/* What is known once the task is admitted; borrowed. */
struct launch_place {
	const char *container_id;
	const char *task_id, *executor_id;	/* that it is told to be of; NULL: none */
	const char *network;		/* for annotation io.tepui.network; NULL: not of its own */
	bool joins_network;		/* that of its parent */
	const char *files;		/* host directory of hosts, ...; NULL: it has the host's */
	const char *ip;			/* NULL: not known */
	const struct launch_parent *parent;	/* NULL: none */
	bool has_no_limits;		/* of its own: those of its parent hold */
	const char *sandbox;		/* host directory */
	const char *framework_id, *agent_id;
	const char *role;		/* NULL: none */
	const char *sockets;		/* host directory of the agent's, to speak to it; NULL: none */
	json_t *defaults;		/* names and values below those asked for; NULL: none */
	json_t *variables;		/* names and values over those asked for; NULL: a task's */
	const struct task_image *image;	/* NULL: the host's root */
	const struct image *volume_images;	/* of the volumes that are images, in their order */
	const char *volumes;		/* host directory of the persistent ones */
	const char *root;		/* host directory of the image's writable layer */
};

/* What admission and the sandbox need to know of the result. */
struct launch_result {
	json_t *config;			/* owned */
	struct task_image *image;	/* owned, put here by admission; or NULL */
	struct image *volume_images;	/* likewise */
	size_t n_volume_images;
	json_t *directories, *parent_directories;	/* owned: of volumes_make() */
	uint32_t uid, gid;
	bool is_unconfined;		/* no seccomp program is to be passed */
	/* Not in CONFIG: compiled here, a supervisor has no use for it.  NULL: the built-in one. */
	const json_t *profile;		/* borrowed from the settings */
	uint64_t capabilities;		/* of the bounding set, for the seccomp profile */
};

/*
 * Every default of DESIGN.md section 6.  Pure.  What this version cannot honour is -ENOTSUP and
 * what is wrong is -EINVAL (-E2BIG, -EPERM), each with the field's name: nothing is ignored.
 */
int launch_spec_build(const struct launch_settings *settings, const struct launch_place *place,
		      const Mesos__V1__TaskInfo *task, struct launch_result *ret, struct err *e);

/* What the container ID calls itself. */
const char *launch_hostname(const Mesos__V1__TaskInfo *task, const char *id);

void launch_result_done(struct launch_result *result);

/*
 * What of an OCI resources object follows from the resources and limits of TASK: cpu and memory.
 * Of SETTINGS only cfs_quota is looked at.  An owned object.
 */
int launch_limits(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		  json_t **ret, struct err *e);

#endif
