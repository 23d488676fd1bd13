/* The TaskInfo that the master is asked to launch for an instance. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_TASK_INFO_H
#define MASTER_STUB_MARATHON_INSTANCE_TASK_INFO_H

#include "proto/mesos.pb-c.h"

struct app;
struct instance_task;
struct resources;

/* The resources that an instance of APP takes, PORTS apart; to be freed with resources_done(). */
int task_resources(const struct app *app, struct resources *ret);

/* Owned; freed with mesos__v1__task_info__free_unpacked(*ret, NULL).  -ENOMEM. */
int task_info_new(const struct instance_task *task, const struct resources *resources,
		  Mesos__V1__TaskInfo **ret);

/* "/a/b" as "b.a": the name of a task, and of its service. */
void task_name(const char *app_id, char *ret, unsigned long size);

#endif
