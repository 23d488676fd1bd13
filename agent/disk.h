/* Disk of sandboxes counted and limited by the file system: a project of its own for each. */
#ifndef AGENT_DISK_H
#define AGENT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct container;

/* Read --disk_projects and look whether the file system of the work directory can; once. */
int disk_init(struct agent *agent, struct err *e);

/*
 * Give the new sandbox SANDBOX_FD of C to a project that nothing belongs to, and limit it with
 * --enforce_container_disk_quota.  Without --disk_projects nothing happens.  There is no list of
 * what is given away: a project is free when the file system has no file of it, so that an agent
 * that was restarted knows as much, and the removal of a sandbox is what gives its number back.
 */
int disk_assign(const struct container *c, int sandbox_fd, struct err *e);

/* The same for the directory DIR_FD of a persistent volume of BYTES. */
int disk_assign_volume(struct agent *agent, int dir_fd, uint64_t bytes, struct err *e);

/* What C asked for its sandbox, volumes apart, in thousandths of MiB; 0: nothing. */
int64_t disk_asked(const struct container *c);

/* Give DIR_FD, another directory of C that is empty, to the project of its sandbox. */
int disk_share(const struct container *c, int dir_fd, struct err *e);

/* The project of C's sandbox; 0: it has none of ours, and is to be measured. */
uint32_t disk_project(const struct container *c);
/* The same for any directory. */
uint32_t disk_project_of(const struct agent *agent, int dir_fd);

/* What PROJECT uses; false if that cannot be told. */
bool disk_used(const struct agent *agent, uint32_t project, uint64_t *ret_bytes);

/* If C failed with its disk full, STATUS, its end, says so. */
void disk_explain(const struct container *c, Mesos__V1__TaskStatus *status);

#endif
