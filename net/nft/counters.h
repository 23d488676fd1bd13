/* Reading the counters of our table (agent/ruleset_text.c makes it). */
#ifndef NET_NFT_COUNTERS_H
#define NET_NFT_COUNTERS_H

struct err;

/* *ret_fd is an owned file of struct nft_count, in no order.  Without a table there are none. */
int counters_read(int *ret_fd, struct err *e);

#endif
