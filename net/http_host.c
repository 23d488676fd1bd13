/* How many connections each host has: counted, since there may be a host with one for every agent. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/hash.h"
#include "net/http_conn.h"

/* Compared as bytes: all of them are set. */
struct host_key {
	uint32_t family;
	uint8_t address[16];
};

struct http_host {
	struct host_key key;
	size_t n_conns;
	UT_hash_handle hh;
};

static void make_key(const struct address *peer, struct host_key *key)
{
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&peer->storage;
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&peer->storage;
	const struct sockaddr_un *local = (const struct sockaddr_un *)&peer->storage;

	memset(key, 0, sizeof(*key));
	key->family = peer->storage.ss_family;
	if (peer->storage.ss_family == AF_INET)
		memcpy(key->address, &ip4->sin_addr, sizeof(ip4->sin_addr));
	else if (peer->storage.ss_family == AF_INET6)
		memcpy(key->address, &ip6->sin6_addr, sizeof(ip6->sin6_addr));
	else
		memcpy(key->address, local->sun_path, sizeof(key->address));
}

static struct http_host *find(const struct http_server *server, const struct host_key *key)
{
	struct http_host *host = NULL;

	HASH_FIND(hh, server->hosts, key, sizeof(*key), host);
	return host;
}

struct http_host *http_host_enter(struct http_server *server, const struct address *peer)
{
	struct host_key key;
	struct http_host *host;

	make_key(peer, &key);
	host = find(server, &key);
	if (!host) {
		host = calloc(1, sizeof(*host));
		if (!host)
			return NULL;
		host->key = key;
		HASH_ADD(hh, server->hosts, key, sizeof(host->key), host);
		if (!host->hh.tbl) {
			free(host);
			return NULL;
		}
	}
	host->n_conns++;
	return host;
}

void http_host_leave(struct http_server *server, struct http_host *host)
{
	if (--host->n_conns > 0)
		return;
	HASH_DEL(server->hosts, host);
	free(host);
}

struct http_host *http_host_find(const struct http_server *server, const struct address *peer)
{
	struct host_key key;

	make_key(peer, &key);
	return find(server, &key);
}

size_t http_host_count(const struct http_host *host)
{
	return host->n_conns;
}
