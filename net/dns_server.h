/* A DNS server on the loop: UDP, and TCP as RFC 7766 has it.  What is asked is for its owner to answer. */
#ifndef NET_DNS_SERVER_H
#define NET_DNS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/dns_message.h"

struct dns_request;
struct dns_server;
struct err;
struct loop;

enum { DNS_SERVER_RCODES = 16 };

struct dns_server_counters {
	uint64_t udp_queries, tcp_queries;	/* messages, sound or not */
	uint64_t dropped;			/* of them, without an answer */
	uint64_t truncated;			/* answers told to come again by TCP */
	uint64_t answers[DNS_SERVER_RCODES];	/* by rcode */
};

/*
 * Answers REQUEST at once with dns_request_answer() or dns_request_drop(), or keeps it.  What is no
 * question never gets here.
 */
typedef void dns_request_fn(void *arg, struct dns_request *request);

int dns_server_new(struct loop *loop, dns_request_fn *fn, void *arg, struct dns_server **ret,
		   struct err *e);
/* Requests that were kept have to be answered or dropped before. */
void dns_server_free(struct dns_server *server);

/* UDP and TCP at ADDRESS, or none of both.  -EADDRINUSE. */
int dns_server_listen(struct dns_server *server, const struct address *address, struct err *e);
/* Is ADDRESS one of ours? */
bool dns_server_is_at(const struct dns_server *server, const struct address *address);
const struct dns_server_counters *dns_server_counters(const struct dns_server *server);

/* Borrowed from the request. */
const struct dns_query *dns_request_query(const struct dns_request *request);
const struct address *dns_request_peer(const struct dns_request *request);
/* Ours, that it came to; -errno: it cannot be found out. */
int dns_request_local(const struct dns_request *request, struct address *ret);
/* Octets that an answer may have. */
size_t dns_request_max(const struct dns_request *request);

/*
 * For an answer later: the request, to be answered or dropped once.  NULL: too many are kept, or
 * memory is out; REQUEST is still to be answered.
 */
struct dns_request *dns_request_keep(struct dns_request *request);

/* One larger than dns_request_max() goes as a truncated one without records. */
void dns_request_answer(struct dns_request *request, const void *data, size_t size);
void dns_request_fail(struct dns_request *request, enum dns_rcode rcode, unsigned flags);
void dns_request_drop(struct dns_request *request);

#endif
