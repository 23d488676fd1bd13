/*
 * The one worker process (tepui-nft) that changes nftables for a daemon: started when it is first needed,
 * and again when it has died, asked one thing after the other.
 */
#ifndef NET_NFT_CLIENT_H
#define NET_NFT_CLIENT_H

#include <stdint.h>
#include <sys/types.h>

#include "net/nft/protocol.h"

struct err;
struct loop;
struct nft_client;

enum { NFT_CLIENT_MAX_QUEUE = 16 };

/*
 * Once for each request, from the loop.  R < 0: E says why; -ECHILD: the worker died or hung at it, and
 * it may have been carried out all the same.  FILE_FD is what came with the answer, borrowed, or -EBADF.
 */
struct nft_result {
	int r;
	int file_fd;
	uint32_t generation;	/* as in struct nft_answer */
};
typedef void nft_done_fn(void *arg, const struct nft_result *result, struct err *e);
/* A worker is there, PID, and has not been asked anything. */
typedef void nft_started_fn(void *arg, pid_t pid);

/* PROGRAM_FD_TAKE is the program, also on failure; STARTED may be NULL. */
int nft_client_new(struct loop *loop, int program_fd_take, nft_started_fn *started, void *arg,
		   struct nft_client **ret, struct err *e);
/* The worker ends by itself; what it was not asked yet is dropped, without DONE. */
void nft_client_free(struct nft_client *client);

/* FILE_FD_TAKE as protocol.h says, or -EBADF; taken also on failure.  -EBUSY: the queue is full. */
int nft_client_ask(struct nft_client *client, enum nft_request_kind kind, int file_fd_take,
		   nft_done_fn *done, void *arg, struct err *e);

#endif
