/* Notice of what others do to a table of nftables: the kernel tells of every change that is committed. */
#ifndef NET_NFT_WATCH_H
#define NET_NFT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct loop;
struct nft_watch;

typedef void nft_changed_fn(void *arg);

/*
 * CHANGED is called, soon, after others have changed anything of a table named NAME (static), in any
 * family.
 */
int nft_watch_new(struct loop *loop, const char *name, nft_changed_fn *changed, void *arg,
		  struct nft_watch **ret, struct err *e);
void nft_watch_free(struct nft_watch *watch);

/* From now on what process PID does, by the first netlink socket that it opened, is not told. */
int nft_watch_except(struct nft_watch *watch, pid_t pid, struct err *e);

/*
 * Nothing is told until nft_watch_resume(): the kernel makes a message of each element for whoever
 * listens, which takes it longer than to make the element.  BEFORE, if not NULL, is the generation of
 * nftables from which one transaction was made in the meantime; CHANGED is called if it was not the only
 * one.
 */
int nft_watch_pause(struct nft_watch *watch, struct err *e);
int nft_watch_resume(struct nft_watch *watch, const uint32_t *before, struct err *e);

/* Pure: the generation that DATA, a message to the socket PORT, answers with; false: it is none such. */
bool nft_watch_generation(const void *data, size_t size, uint32_t port, uint32_t *ret);

/*
 * Pure: does DATA, messages of the kernel's group NFNLGRP_NFTABLES, tell of a change to a table named
 * NAME?  What is malformed is no message.
 */
bool nft_watch_concerns(const void *data, size_t size, const char *name);

#endif
