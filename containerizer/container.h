/* One container: from a spec to processes in their cgroup and namespaces, and back to nothing. */
#ifndef CONTAINERIZER_CONTAINER_H
#define CONTAINERIZER_CONTAINER_H

#include <stdbool.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct cgroup;
struct container;
struct spec;

/*
 * Once, first in main(): init is a copy of this process and its command line is for every process
 * of the container to read, so it overwrites its copy of ARGV.
 */
void container_hide_arguments(int argc, char **argv);

/*
 * Make what the container SPEC (borrowed until container_free()) needs on the host side: its
 * cgroup with all limits written, and whatever the isolators prepare.  SECCOMP_FD is the compiled
 * program (borrowed until container_start() has returned), or -EBADF: unconfined was allowed.
 * On failure nothing is left behind.
 */
int container_create(const struct spec *spec, int seccomp_fd, struct container **ret,
		     struct err *e);

/* What becomes 0, 1 and 2 of a process in the container: borrowed; -EBADF is /dev/null. */
struct container_stdio {
	int in_fd, out_fd, err_fd;
};

enum container_mode {
	/* Pid 1 is our init: it forks the main process, reaps, takes commands, dies with us. */
	CONTAINER_MODE_INIT,
	/* Pid 1 becomes the main process itself and outlives us; its wait status is all there is. */
	CONTAINER_MODE_DIRECT,
};

struct container_launch {
	enum container_mode mode;
	struct container_stdio stdio;

	/*
	 * Direct mode.  The main process, ready but for its filter and execve(2), waits for a
	 * connection to the listening socket START_FD (borrowed); the end of that connection says
	 * that it runs, a struct err in it that it will not.  -EBADF: it does not wait.
	 */
	int start_fd;
	unsigned n_preserved;	/* descriptors from 3 on that the main process inherits */
	const json_t *hook_state;	/* what hooks inside read; NULL: there are no hooks */
};

/*
 * Clone pid 1 into the cgroup and let it go; the rest of the launch goes on there and is told by
 * events.  Single-threaded callers only.
 */
int container_start(struct container *c, const struct container_launch *launch, struct err *e);

enum container_event_type {
	CONTAINER_HOOKS,	/* time for hooks outside: then container_continue() */
	CONTAINER_WAITING,	/* for a connection to START_FD, no more is told; TERMINAL_FD */
	CONTAINER_STARTED,	/* the main process's execve(2) succeeded; TERMINAL_FD */
	CONTAINER_FAILED,	/* it will not: ERROR is the step that failed; pid 1 is ending */
	CONTAINER_EXITED,	/* WAIT_STATUS of the main process; init is ending */
	CONTAINER_EXEC_STARTED,	/* command ID's execve(2) succeeded; TERMINAL_FD */
	CONTAINER_EXEC_DONE,	/* WAIT_STATUS of command ID */
	CONTAINER_EXEC_FAILED,	/* command ID was not executed: ERROR; a DONE of it may follow */
	CONTAINER_CLOSED,	/* nothing more to read: watch the pidfd alone */
};

struct container_event {
	enum container_event_type type;
	uint32_t id;
	int wait_status;	/* as of waitpid(2) */
	int terminal_fd;	/* the master of what was asked for, owned by the reader; or -EBADF */
	struct err error;
};

/* Both borrowed: readable when there is an event; readable when pid 1 has ended. */
int container_sync_fd(const struct container *c);
int container_pidfd(const struct container *c);
pid_t container_pid(const struct container *c);
const struct cgroup *container_cgroup(const struct container *c);

/* Take the next event without waiting: 1 and *ret, 0 when there is none now, or -errno. */
int container_read_event(struct container *c, struct container_event *ret, struct err *e);

/* The next event, waited for: 1 and *ret, or -errno. */
int container_await_event(struct container *c, struct container_event *ret, struct err *e);

/* After CONTAINER_HOOKS. */
int container_continue(struct container *c, struct err *e);

/* What to run beside the main process; all borrowed for the call. */
struct container_command {
	char *const *argv, *const *env;		/* NULL-terminated; at most SYNC_MAX_DATA bytes */
	const struct container_stdio *stdio;	/* all three; NULL: /dev/null */
	bool has_terminal;			/* a new one of the container's own instead */
	uint16_t rows, columns;			/* its size; 0: unknown */
	const char *part;			/* what it starts can be killed by this name; or NULL */
};

/*
 * Init mode.  Run COMMAND in the container, with the rights of the main process and in its
 * directory.  ID names it in events.  -E2BIG, -EPIPE.
 */
int container_exec(struct container *c, uint32_t id, const struct container_command *command,
		   struct err *e);
/* To the process group that command ID began as. */
int container_exec_signal(struct container *c, uint32_t id, int signo, struct err *e);
/* SIGKILL to every process that comes from a command with this PART. */
int container_kill_part(struct container *c, const char *part, struct err *e);

/*
 * Init mode.  SIGNO to every process of the container but init; as long as there is none, the
 * launch ends with CONTAINER_FAILED.
 */
int container_signal(struct container *c, int signo, struct err *e);

/* The same, once it has started, to the main process alone. */
int container_signal_main(struct container *c, int signo, struct err *e);

/*
 * A TCP socket of FAMILY, not blocking, in the network of the container, of which it stays a part wherever
 * it is used; owned.  Single-threaded callers only.
 */
int container_socket(const struct container *c, int family, struct err *e);

/* SIGKILL to everything, init included. */
int container_kill(struct container *c, struct err *e);

/* Pid 1's own wait status, once the pidfd is readable.  -EAGAIN before. */
int container_reap(struct container *c, int *ret_wait_status, struct err *e);

/*
 * Kill what is left, remove the cgroup and release what was prepared.  -EBUSY when something will
 * not die within TIMEOUT_MS: call it again.  Idempotent.
 */
int container_destroy(struct container *c, int timeout_ms, struct err *e);

/* Frees C alone: container_destroy() comes first, unless the processes are to live on. */
void container_free(struct container *c);

#endif
