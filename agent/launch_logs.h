/* Bounds of a task's stdout and stderr: the agent's own, or what the task's environment asks for. */
#ifndef AGENT_LAUNCH_LOGS_H
#define AGENT_LAUNCH_LOGS_H

#include "proto/mesos.pb-c.h"

struct err;
struct launch_settings;

/*
 * In the names of Mesos's logrotate logger, CONTAINER_LOGGER_MAX_STDOUT_SIZE ("10MB") and
 * CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS ("rotate 5" and nothing else), and the same of STDERR.
 * *ret: the value of HANDOVER_ANNOTATION_LOGS, owned.
 */
int launch_logs(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		char **ret, struct err *e);

#endif
