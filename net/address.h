/* Addresses of sockets: numeric TCP ones and unix paths, as text and back. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct err;

enum { ADDRESS_TEXT_SIZE = 128, ADDRESS_HOST_SIZE = 256 };

struct address {
	struct sockaddr_storage storage;
	socklen_t size;
};

/*
 * "127.0.0.1:5050", "[::1]:5050" or "unix:/path".  Never a look-up: names are -EINVAL, for they
 * would load NSS into a static program (net/resolve.h has them).
 */
int address_parse(const char *text, struct address *ret, struct err *e);

/*
 * HOST and the port of "HOST:PORT", whatever HOST is: a name, or an address that address_parse()
 * reads too.  -EINVAL for anything else, such as a URL.
 */
int address_split(const char *text, char ret_host[ADDRESS_HOST_SIZE], uint16_t *ret_port,
		  struct err *e);

/* Does TEXT have the form of an address, whatever a look-up of its host would give? */
int address_check(const char *text, struct err *e);

/* A unix address for PATH; -ENAMETOOLONG beyond 107 bytes. */
int address_from_path(const char *path, struct address *ret, struct err *e);

/* The reverse; a peer of a unix socket has no name and is "unix:". */
void address_format(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE]);

/* Are both TCP or UDP addresses of one host, whatever their ports? */
bool address_is_same_host(const struct address *a, const struct address *b);

/* Of a TCP address; 0 of another. */
uint16_t address_port(const struct address *address);

/*
 * Our own address, without brackets or port, of connections to PEER, as the routes have it now; none is
 * made.  -ENOTSUP: PEER is no TCP address; -errno, such as -ENETUNREACH.
 */
int address_local_host(const struct address *peer, char ret_host[ADDRESS_HOST_SIZE]);

/* No delay, and notice of peers that vanish.  Best effort: connections work without. */
void address_tune(const struct address *address, int fd);

#endif
