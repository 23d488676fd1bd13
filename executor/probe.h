/* One attempt to reach a task over TCP, or to get an HTTP status from it, over TLS or not. */
#ifndef EXECUTOR_PROBE_H
#define EXECUTOR_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;
struct probe;

struct probe_target {
	bool is_http, is_ipv6;
	bool is_tls;		/* HTTP only */
	uint16_t port;		/* of loopback, as Mesos has it */
	int fd_take;		/* the socket to use, not blocking */
	const char *path;	/* HTTP: begins with '/', borrowed for the call */
};

/*
 * Once, in a later turn; the probe may be freed in it.  STATUS is that of HTTP, or 0; DETAIL says what
 * came: "status 503".
 */
typedef void probe_fn(void *arg, bool is_ok, int status, const char *detail);

/* Begin; there is no time limit in here: the owner frees the probe. */
int probe_start(struct loop *loop, const struct probe_target *target, probe_fn *fn, void *arg,
		struct probe **ret, struct err *e);
void probe_free(struct probe *probe);

/*
 * After the call of its function: read what is left of an HTTP answer, and discard it, for
 * LIMIT_MS and 64 KiB at most.  Closing with bytes unread would make the kernel reset the
 * connection, which servers complain of.  False: there is nothing to wait for.  The probe closes
 * its connection by itself, tells nothing any more, and is still the owner's to free.
 */
bool probe_drain(struct probe *probe, int64_t limit_ms);

/*
 * The status in the first line of an HTTP/1 answer: 0 when more bytes are needed, -EPROTO when it
 * is not one.  Headers are the task's own business.
 */
int probe_parse_status(const char *data, size_t size);

#endif
