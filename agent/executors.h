/* The supervisors: spawned, watched, adopted after a restart, and cleaned up after. */
#ifndef AGENT_EXECUTORS_H
#define AGENT_EXECUTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct http_stream;
struct task;
struct verdict;

/* Copy PATH (NULL: beside our program, then in /usr/libexec/tepui) into a sealed memfd; owned. */
int executors_load(const char *path, struct err *e);

/* Sandbox, launch document, process.  On failure nothing runs and nothing is left. */
int executor_spawn(struct task *task, struct err *e);

/*
 * After a restart: take the process of the record if it still lives (pid, start time and boot are
 * the same), or start cleaning up after it.
 */
int executor_adopt(struct task *task, struct err *e);

/* It subscribed; WITH_TASK: it says that it has the task. */
void executor_subscribed(struct task *task, struct http_stream *stream, bool with_task);
void executor_disconnected(struct task *task);

/* Remember to acknowledge UUID to it once that is on disk. */
int executor_confirm(struct task *task, const uint8_t uuid[16], struct err *e);

/* After a commit: LAUNCH, KILL and ACKNOWLEDGED that are due.  IS_SAFE as in task_proceed(). */
void executor_flush(struct task *task, bool is_safe);

/* Kill it and what it supervises; the end is seen by its pidfd. */
void executor_destroy(struct task *task, const struct verdict *verdict);

/* The time the task has between the request to end and its end by force. */
int64_t executor_grace_ms(const struct task *task);

/* The task has ended: it may take a moment to leave. */
void executor_expect_exit(struct task *task);

/* Closes descriptors and timers; the process goes on. */
void executor_release(struct task *task);

/* End supervisors in our leaf that no record knows; at start only. */
void executors_kill_strangers(struct agent *agent);

#endif
