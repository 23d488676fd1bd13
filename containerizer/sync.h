/* What a supervisor and its container's init say to each other, one SEQPACKET message each. */
#ifndef CONTAINERIZER_SYNC_H
#define CONTAINERIZER_SYNC_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct packet_fds;

enum sync_type {
	/* Launch, in this order: the numbers stand at the steps of launch.c and init.c. */
	SYNC_GO = 1,		/* to init: cgroups joined, ids mapped */
	SYNC_HOOKS,		/* direct mode: all is mounted, the root is the old one; waits for GO */
	SYNC_READY,		/* from init: entered, old root gone; a terminal's master with it */
	SYNC_WAITING,		/* direct mode: sealed, waits for a connection to go on */
	SYNC_STARTED,		/* from init: execve(2) succeeded; the terminal's master with it */
	SYNC_FAILED,		/* from init: struct err; init ends */

	/* While running. */
	SYNC_SIGNAL,		/* to init: VALUE to all processes of the container */
	SYNC_SIGNAL_MAIN,	/* to init: VALUE to the main process alone */
	SYNC_EXEC,		/* to init: struct sync_command, strings, and descriptors */
	SYNC_EXEC_SIGNAL,	/* to init: VALUE to the command's process group */
	SYNC_EXEC_STARTED,	/* from init: execve(2) succeeded; its terminal's master with it */
	SYNC_EXEC_FAILED,	/* from init: struct err */
	SYNC_EXEC_DONE,		/* from init: VALUE as of waitid(2) */
	SYNC_EXITED,		/* from init: VALUE of the main process; init ends */
};

enum { SYNC_MAX_DATA = 96 << 10 };	/* below the default bound of a unix socket's message */

struct sync_head {
	uint32_t type;		/* enum sync_type */
	uint32_t id;		/* of a command */
	int32_t value;
};

/*
 * The data of SYNC_EXEC begins with this; N_ARGS strings follow, and those of the environment.
 * Three descriptors come along for stdin, stdout and stderr, or none: /dev/null.
 */
struct sync_command {
	uint32_t n_args;
	uint16_t has_terminal;	/* a new one instead of descriptors */
	uint16_t rows, columns;	/* its size; 0: unknown */
	uint16_t has_cgroup;	/* another descriptor, the last: cgroup.procs of its cgroup */
};

/* A connected pair, both ends close-on-exec. */
int sync_pair(int ret_fds[2], struct err *e);

/* One write(2), which every seccomp profile has to allow.  -EPIPE: the other side is gone. */
int sync_send(int fd, const struct sync_head *head, const void *data, size_t size, struct err *e);

/* The same with copies of FDS (borrowed) along; by sendmsg(2). */
int sync_send_fds(int fd, const struct sync_head *head, const void *data, size_t size,
		  const struct packet_fds *fds, struct err *e);

/*
 * Receive one message: its head, and up to CAP bytes of data.  FLAGS: MSG_DONTWAIT or 0.
 * Returns 1, 0 at the end, -EAGAIN when nothing is there (E untouched), -EPROTO when it is too
 * short or too long.
 */
int sync_recv(int fd, int flags, struct sync_head *ret, void *data, size_t cap, size_t *ret_size,
	      struct err *e);
/* The same with what came along, owned; without room for it, it is closed. */
int sync_recv_fds(int fd, int flags, struct sync_head *ret, void *data, size_t cap,
		  size_t *ret_size, struct packet_fds *ret_fds, struct err *e);

/* SYNC_FAILED and SYNC_EXEC_FAILED; what cannot be sent is lost. */
void sync_send_err(int fd, enum sync_type type, uint32_t id, const struct err *failure);

/* The error in the DATA of such a message, made safe to print. */
void sync_get_err(const void *data, size_t size, struct err *ret);

#endif
