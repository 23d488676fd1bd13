/* The terminal in front of us for the one of the container: bytes both ways, size, raw mode. */
#ifndef CONTAINERIZER_OCI_PROXY_H
#define CONTAINERIZER_OCI_PROXY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

enum { PROXY_BUFFER = 4096, PROXY_N_POLL = 3 };

struct proxy_flow {
	char data[PROXY_BUFFER];
	size_t start, end;
	bool is_over;		/* nothing more comes in */
};

struct proxy {
	int master_fd;		/* owned; -EBADF: there is no terminal, and nothing to do */
	bool is_raw;
	struct termios saved;
	struct proxy_flow in, out;
};
#define PROXY_INIT { .master_fd = -EBADF }

/* Take MASTER_FD; if stdin is a terminal it becomes raw and gives its size, unless HAS_SIZE. */
void proxy_open(struct proxy *p, int master_fd_take, bool has_size);
void proxy_resize(const struct proxy *p);

/* What to wait for, and what to do then. */
void proxy_before_poll(const struct proxy *p, struct pollfd fds[PROXY_N_POLL]);
void proxy_after_poll(struct proxy *p, const struct pollfd fds[PROXY_N_POLL]);

/* What is left of the output once the process has ended, and stdin as it was. */
void proxy_close(struct proxy *p);

#endif
