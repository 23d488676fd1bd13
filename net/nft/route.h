/* The route by which this node's own processes reach service addresses. */
#ifndef NET_NFT_ROUTE_H
#define NET_NFT_ROUTE_H

struct err;

/* ROUTES_FD is a file of one struct nft_routes. */
int route_replace(int routes_fd, struct err *e);

#endif
