/*
 * What tepui-nft is asked, and answers: messages on a SOCK_SEQPACKET socket, its standard input, each
 * with at most one descriptor beside it, of a sealed or anonymous file that holds what is large.  Both
 * ends are of one build.
 */
#ifndef NET_NFT_PROTOCOL_H
#define NET_NFT_PROTOCOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	NFT_MAX_TEXT = 256 << 20,	/* bytes of a transaction */
	NFT_LARGE_TEXT = 1 << 20,	/* beyond it the worker's memory is not worth keeping */
	NFT_MAX_FLOWS = 1 << 16,	/* of one request */
};

/* All tables of ours have this name, each in its family. */
#define NFT_TABLE "tepui"

enum nft_request_kind {
	NFT_APPLY,	/* one transaction: the file is nft(8) text with a NUL behind it */
	NFT_COUNT,	/* no file; the answer's is an array of struct nft_count */
	NFT_FORGET,	/* the file is an array of struct nft_flow: connections to be forgotten */
	NFT_ROUTE,	/* the file is one struct nft_routes */
};

struct nft_request {
	uint32_t kind;
};

struct nft_answer {
	int32_t r;
	bool is_leaving;	/* the worker has ended by its own will: the next request needs another */
	uint32_t generation;	/* of the kernel's nftables, as it was before a large transaction */
	struct err error;
};

/* Addresses and ports are in the order of the network, everywhere in these. */

/* Which of the sets of counters that agent/ruleset_text.c makes. */
enum nft_counter { NFT_CONNECTIONS, NFT_SENT, NFT_RECEIVED };

/* What went by service ADDRESS to a backend of it; SENT is by clients. */
struct nft_count {
	in_addr_t address, backend;
	in_port_t port, backend_port;
	uint8_t protocol;
	uint8_t counter;
	uint64_t packets, bytes;
};

/* Connections that are answered from there; what is 0 is any. */
struct nft_flow {
	in_addr_t address;
	in_port_t port;
	uint8_t protocol;
};

/* A network whose packets of this node's processes are made, so that the rules see them. */
struct nft_route {
	in_addr_t address;
	in_addr_t source;	/* what they have for an address; 0: any of the node's */
	uint8_t length;		/* 0: there is none */
};

/* One route in the place of another: there is always one of the two. */
struct nft_routes {
	struct nft_route before, after;
};

#endif
