/* The supervised container, from its launch document to nothing left of it. */
#ifndef EXECUTOR_RUN_H
#define EXECUTOR_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "proto/mesos.pb-c.h"

struct container_command;
struct ending;
struct loop;
struct output;
struct run;
struct spec;

struct run_ops {
	void (*started)(void *arg);
	/* Command ID was executed; TERMINAL_FD (borrowed) is its terminal's master, or -EBADF. */
	void (*command_started)(void *arg, uint32_t id, int terminal_fd);
	/* WAIT_STATUS of command ID, or FAILURE: it was not executed. */
	void (*command_done)(void *arg, uint32_t id, int wait_status, const struct err *failure);
	/* Once, in a later turn than run_start(): no process, cgroup or mount is left. */
	void (*ended)(void *arg, const struct ending *ending);
};

/* Where things are, all borrowed. */
struct run_place {
	int runtime_fd;			/* with HANDOVER_CONFIG */
	const char *container_id;
	int seccomp_fd;			/* or -EBADF */
};

/*
 * Load the launch document and launch it.  Whatever fails is told by ended(), like every other
 * end; only lack of memory for RUN itself is returned.
 */
int run_start(struct loop *loop, const struct run_place *place, const struct run_ops *ops,
	      void *arg, struct run **ret, struct err *e);
void run_free(struct run *run);

/* Has the main process ended, or never begun?  Looks for news first. */
bool run_is_over(struct run *run);
/* The launch document; NULL if it could not be read. */
const struct spec *run_spec(const struct run *run);

/* To every process of the container; SIGKILL goes through the cgroup and takes init along. */
void run_signal(struct run *run, int signo);

/* To the main process alone.  -ESRCH: it has ended. */
int run_signal_main(struct run *run, int signo, struct err *e);

/* Stop every process, or let them go on; what is killed goes on first.  -EBUSY: it does not stop. */
int run_pause(struct run *run, bool is_paused, struct err *e);

/* Borrowed; NULL: it was never opened. */
struct output *run_output(const struct run *run);

/* COMMAND, whose environment is the task's own with VARIABLES (may be NULL) over it. */
int run_command(struct run *run, uint32_t id, const struct container_command *command,
		const Mesos__V1__Environment *variables, struct err *e);
/* SIGKILL to whatever comes from commands with this PART, wherever it is in the container. */
void run_kill_part(struct run *run, const char *part);
void run_command_signal(struct run *run, uint32_t id, int signo);

/* As of container_socket(). */
int run_socket(const struct run *run, int family, struct err *e);

#endif
