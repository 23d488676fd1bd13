/* The TaskInfo that the master is asked to launch for an instance. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_TASK_INFO_H
#define MASTER_STUB_MARATHON_INSTANCE_TASK_INFO_H

#include <jansson.h>

#include "proto/mesos.pb-c.h"

struct app;
struct build;
struct controller;
struct instance_task;
struct pod;
struct resources;

/*
 * What an instance of APP takes, its persistent volumes among it, and what of that a task whose own spec
 * APP is and the executor of a POD take, ports apart; to be freed with resources_done().
 */
int instance_resources(const struct app *app, struct resources *ret);
int task_resources(const struct app *app, struct resources *ret);
int executor_resources(const struct pod *pod, struct resources *ret);

/* NULL: LABELS has none, or B has failed. */
Mesos__V1__Labels *labels_message(struct build *b, const json_t *labels);

/* Owned; freed with mesos__v1__task_info__free_unpacked(*ret, NULL).  -ENOMEM. */
int task_info_new(const struct controller *c, const struct instance_task *task,
		  const struct resources *resources, Mesos__V1__TaskInfo **ret);

/* "/a/b" as "b.a": the name of a task, and of its service. */
void task_name(const char *app_id, char *ret, unsigned long size);

#endif
