/* Volumes of a task, as mounts of its launch document. */
#ifndef AGENT_VOLUMES_H
#define AGENT_VOLUMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct err;
struct launch_place;
struct launch_settings;

struct volumes {
	json_t *mounts;		/* owned: for "mounts" */
	char *layers;		/* owned: for HANDOVER_ANNOTATION_MOUNT_LAYERS, or NULL */
	char *roots;		/* owned: for HANDOVER_ANNOTATION_VOLUME_ROOTS, or NULL */
	json_t *directories;	/* owned: paths to make in the sandbox, as its owner's */
	json_t *parent_directories;	/* owned: and in that of its parent, for whoever shares them */
};

/*
 * Those of TASK's container, and the persistent ones among its resources.  Pure.  -EPERM: a host path
 * that this agent does not give; -EINVAL, -ENOTSUP with the field.
 */
int volumes_build(const struct launch_settings *settings, const struct launch_place *place,
		  const Mesos__V1__TaskInfo *task, struct volumes *ret, struct err *e);
/*
 * Where names are looked up: files of its own where the container has networks, else the host's, for
 * images have nothing useful there.
 */
int volumes_add_names(struct volumes *volumes, const struct launch_place *place,
		      struct err *e);
void volumes_done(struct volumes *volumes);

/* Is LIST a ':'-separated list of absolute paths without "." and ".."?  "" is. */
int volumes_check_roots(const char *list, struct err *e);

/*
 * Make DIRECTORIES in the sandbox SANDBOX_FD, as those of UID and GID.  If they ARE_SHARED, those
 * that are there stay as they are, and new ones are for everybody, as /tmp is.
 */
int volumes_make(int sandbox_fd, const json_t *directories, uint32_t uid, uint32_t gid,
		 bool are_shared, struct err *e);

#endif
