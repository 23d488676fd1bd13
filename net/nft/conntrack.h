/* Connections that the kernel keeps track of. */
#ifndef NET_NFT_CONNTRACK_H
#define NET_NFT_CONNTRACK_H

struct err;

/*
 * Forget every connection that is answered from one of FLOWS_FD, a file of struct nft_flow: its next packet
 * is taken for the first of another, which is translated anew.
 */
int conntrack_forget(int flows_fd, struct err *e);

#endif
