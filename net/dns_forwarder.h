/*
 * What is for other servers to answer: asked there, told to all who ask the same meanwhile, and kept as long as it
 * holds.  Answers go as they are, whatever types there are in them.
 *
 * Against forged answers (RFC 5452): each query has a random id and a socket of its own, connected to the server,
 * with a port that the kernel picks at random; it is sent once, however many ask.  By that, too, a loop of servers that
 * ask one another comes to an end.
 */
#ifndef NET_DNS_FORWARDER_H
#define NET_DNS_FORWARDER_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct dns_forwarder;
struct dns_request;
struct err;
struct loop;

enum {
	DNS_MAX_UPSTREAMS = 8,
	DNS_MAX_EXCHANGES = 256,	/* queries that wait for others, a descriptor each */
	DNS_MAX_OF_HOST = DNS_MAX_EXCHANGES / 2,	/* of them, for whom one host was the first to ask */
	DNS_MAX_CACHED = 1 << 20,
};

struct dns_forwarder_counters {
	uint64_t asked;			/* queries that others were asked, each once */
	uint64_t cached;		/* answers from memory */
	uint64_t joined;		/* queries that one on its way was the same as */
	uint64_t late;			/* servers that did not answer in time, or could not be asked */
	uint64_t bogus;			/* answers that were none: another id or question, or malformed */
	uint64_t failed;		/* queries without an answer in the end */
	uint64_t refused;		/* because too many wait */
};

/* At most DNS_MAX_UPSTREAMS (copied), asked in turn from the one on that answered last. */
int dns_forwarder_new(struct loop *loop, const struct address *upstreams, size_t n,
		      size_t max_cached, struct dns_forwarder **ret, struct err *e);
/* Requests that wait are dropped. */
void dns_forwarder_free(struct dns_forwarder *forwarder);

/* Answer REQUEST, now or later. */
void dns_forwarder_ask(struct dns_forwarder *forwarder, struct dns_request *request);

const struct dns_forwarder_counters *dns_forwarder_counters(const struct dns_forwarder *forwarder);
size_t dns_forwarder_cached(const struct dns_forwarder *forwarder);

#endif
