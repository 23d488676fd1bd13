/* Transactions of nft(8) text. */
#ifndef NET_NFT_APPLY_H
#define NET_NFT_APPLY_H

struct err;
struct nft_ctx;

/* *ret is kept from transaction to transaction: what it knows of the kernel's tables stays warm. */
int apply_open(struct nft_ctx **ret, struct err *e);

/*
 * All of the file TEXT_FD, or nothing.  The error is the first line of what libnftables says; -EINVAL
 * also for a file that is none of ours.
 */
int apply_file(struct nft_ctx *nft, int text_fd, struct err *e);

#endif
