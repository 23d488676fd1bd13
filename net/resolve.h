/* Clients of servers given by name: the one place where names are looked up. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

struct err;
struct http_client;
struct loop;

/*
 * http_client_new() after looking up the host in "host.example:5050", once; addresses that need no
 * look-up are passed on as they are.  Blocks: for start-up and the command line.
 * Kept apart so that static programs do not link NSS.
 */
int http_client_new_resolved(struct loop *loop, const char *address, struct http_client **ret,
			     struct err *e);

#endif
