/* Between dns_server.c and dns_stream.c: requests, and the connections that some come on. */
#ifndef NET_DNS_STREAM_H
#define NET_DNS_STREAM_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "net/dns_server.h"

struct dns_stream;
struct evconnlistener;
struct loop_timer;
struct loop_watch;

/* One address. */
struct dns_socket {
	struct dns_server *server;
	struct address address;
	int udp_fd;
	struct loop_watch *watch;
	struct evconnlistener *streams;
	TAILQ_ENTRY(dns_socket) link;
};

/* The address that a datagram came to, as a control message of sendmsg(2). */
union dns_control {
	struct cmsghdr header;
	uint8_t space[64];
};

struct dns_request {
	struct dns_server *server;
	struct dns_socket *socket;	/* of a datagram */
	struct dns_stream *stream;	/* or else; NULL: it is closed */
	bool is_stream;
	struct dns_request *kept;	/* itself, on the heap; NULL: it ends with the call */
	struct address peer;
	union dns_control control;
	size_t control_size;
	struct dns_query query;
	TAILQ_ENTRY(dns_request) link;	/* of a stream's */
};
TAILQ_HEAD(dns_requests, dns_request);

struct dns_server {
	struct loop *loop;
	dns_request_fn *fn;
	void *arg;
	TAILQ_HEAD(, dns_socket) sockets;
	TAILQ_HEAD(, dns_stream) streams;
	size_t n_streams, n_kept;
	struct loop_timer *accept_again;
	struct dns_server_counters counters;
};

/* One message of REQUEST, whose query is read from DATA. */
void dns_server_take(struct dns_request *request, const void *data, size_t size);

int dns_stream_listen(struct dns_socket *socket, struct err *e);
void dns_stream_listen_again(void *server);
int dns_stream_local(const struct dns_stream *stream, struct address *ret);
void dns_stream_send(struct dns_stream *stream, const void *data, size_t size);
void dns_stream_keep(struct dns_stream *stream, struct dns_request *request);
/* One of its requests is done with: what waits behind it may come.  Without an answer it is closed. */
void dns_stream_done(struct dns_stream *stream, struct dns_request *request, bool is_answered);
void dns_stream_free(struct dns_stream *stream);

#endif
