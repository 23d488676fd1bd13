/* Persistent volumes: directories of the node that outlive the tasks that use them. */
#ifndef AGENT_PERSISTENT_H
#define AGENT_PERSISTENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/measurer.h"
#include "lib/hash.h"
#include "lib/resources.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct container;

/* Below the work directory; a '/' in a role is a ' ', which no role has, as in Mesos. */
#define PERSISTENT_ROOT "volumes/roles"
/* ROOT/ROLE/ID: owned, NULL when memory is out. */
char *persistent_path(const char *root, const char *role, const char *id);

struct persistent_volume {
	struct agent *agent;
	char *key;			/* "ROLE/ID", also in the store */
	char *path;			/* of its directory, below the work directory */
	Tepui__VolumeRecord *record;	/* owned, as on disk */
	struct resources resources;	/* it alone */
	bool needs_settling, has_failed;	/* its directory is not yet as the record says */
	uint32_t project;		/* counts it; 0: it is measured */
	uint64_t measured_bytes;	/* UINT64_MAX: not yet */
	struct measured disk;		/* the sampler's */
	UT_hash_handle hh;
};

/*
 * At start: what the store has becomes part of the node's resources.  A volume stays although less
 * disk is reserved now than it was made of.
 */
int persistent_load(struct agent *agent, struct err *e);
void persistent_free(struct agent *agent);

/*
 * CREATE or DESTROY: the record is put, and the node's resources are others.  -EINVAL, -EEXIST,
 * -ENOSPC, -ENOENT, -EBUSY: what the master believes of this node is wrong.
 */
int persistent_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation,
		     struct err *e);

/* That of PART; NULL: there is none. */
struct persistent_volume *persistent_find(const struct agent *agent,
					  const struct resource_part *part);
/* Its directory is out of sight: record and memory. */
int persistent_forget(struct agent *agent, struct persistent_volume *volume, struct err *e);

/* After a commit: make directories and take them away, as the records on disk say. */
void persistent_settle(struct agent *agent);

/* Before TASK is spawned: its volumes are there, and their tops are its user's. */
int persistent_prepare(const struct container *c, struct err *e);

/* Its part; its size; and what it holds, or UINT64_MAX. */
const struct resource_part *persistent_part(const struct persistent_volume *volume);
uint64_t persistent_size(const struct agent *agent, const struct persistent_volume *volume);
uint64_t persistent_used(const struct agent *agent, const struct persistent_volume *volume);
/* Does TASK, which has not ended, use it? */
bool persistent_is_used_by(const struct persistent_volume *volume, const struct container *c);

/* "disk_statistics" of TASK's volumes, with Mesos's names; all of the node's for operators. */
json_t *persistent_statistics(const struct container *c);
json_t *persistent_view(const struct agent *agent);

#endif
