/* Processes by pidfd: the end of one, and who is in a cgroup. */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/process.h"

struct err;

/* SIGKILL; a process that has ended already is no error. */
int process_kill(int pidfd, struct err *e);
void process_reap(int pidfd);

/* "executor (pid 7) ended by signal Killed" of an ended process; reaps it if it is a child. */
void process_describe_end(int pidfd, pid_t pid, char *buf, size_t size);

/* Pids in the cgroup CGROUP_FD; their number, at most MAX. */
int process_list(int cgroup_fd, int *pids, int max);

/*
 * The main process of the container whose cgroup is CGROUP_FD, as this pid namespace numbers it:
 * the one that init, which is SUPERVISOR's child, forked first.  0 if there is none.
 */
pid_t process_main(int cgroup_fd, pid_t supervisor);

/* The first process of the container, its pid 1 as a rule; 0 if there is none. */
pid_t process_first(int cgroup_fd);

/* SIGKILL to PID if it is still in that cgroup once it cannot be replaced by another process. */
void process_kill_listed(int cgroup_fd, pid_t pid);

#endif
