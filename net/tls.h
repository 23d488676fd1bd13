/*
 * TLS to a task, whoever it says it is: certificates are not looked at, as in Mesos.  What the task sends
 * is hostile, so it is read by a process of its own, that may nothing but read and write.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <sys/types.h>

struct err;
struct http_wrap;

/*
 * *FD is connected to the task, or about to be; in its place comes our end of a channel, on which what is sent and
 * received is plain.  The channel ends when there is no TLS, or none any more.  *RET is the process,
 * for tls_end(): on failure there is none, and *FD is as it was.
 */
int tls_start(int *fd, pid_t *ret, struct err *e);

/* End and reap it; the channel is the owner's to close. */
void tls_end(pid_t process);

/* Both, for http_client_wrap(). */
extern const struct http_wrap tls_wrap;

#endif
