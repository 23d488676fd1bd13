/* Rules for the tasks of an ACCEPT, each with its sentence. */
#ifndef MASTER_STUB_TASK_VALIDATE_H
#define MASTER_STUB_TASK_VALIDATE_H

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct framework;
struct resources;

/*
 * May FRAMEWORK launch TASK on AGENT in ROLE?  *ret_resources is what it asks for, owned by the
 * caller. -EINVAL with the sentence for TASK_ERROR.  Whether the offers hold it is the caller's
 * question.
 */
int master_task_validate(const struct framework *framework, const struct agent *agent,
		  const char *role, const Mesos__V1__TaskInfo *task,
		  struct resources *ret_resources, struct err *e);

/*
 * Those of WHOSE ("Task"): bounded in number, and allocated to ROLE or to none that is told.  *ret is the
 * caller's to end, also on failure.
 */
int allocated_resources_validate(const char *whose, Mesos__V1__Resource *const *resources,
				 size_t n, const char *role, struct resources *ret, struct err *e);

#endif
