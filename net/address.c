#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned long port = 0;

	if (!*text || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

/* Fill RET from "1.2.3.4" or, in brackets, "::1". */
static int parse_host(const char *text, uint16_t port, struct address *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->storage;
	char host[INET6_ADDRSTRLEN + 1];
	size_t size = strlen(text);

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		ret->size = sizeof(*v4);
		return 0;
	}
	if (size < 2 || size - 2 >= sizeof(host) || text[0] != '[' || text[size - 1] != ']')
		return -EINVAL;
	memcpy(host, text + 1, size - 2);
	host[size - 2] = '\0';
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	ret->size = sizeof(*v6);
	return 0;
}

int address_split(const char *text, char ret_host[ADDRESS_HOST_SIZE], uint16_t *ret_port,
		  struct err *e)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;

	if (size == 0 || size >= ADDRESS_HOST_SIZE || memchr(text, '/', size) ||
	    parse_port(colon + 1, ret_port) < 0)
		return err_set(e, EINVAL, "read address '%s': not HOST:PORT or unix:PATH", text);
	memcpy(ret_host, text, size);
	ret_host[size] = '\0';
	return 0;
}

int address_parse(const char *text, struct address *ret, struct err *e)
{
	struct address address = { 0 };
	char host[ADDRESS_HOST_SIZE];
	uint16_t port = 0;
	int r;

	if (strncmp(text, "unix:", 5) == 0)
		return address_from_path(text + 5, ret, e);
	r = address_split(text, host, &port, e);
	if (r < 0)
		return r;
	if (parse_host(host, port, &address) < 0)
		return err_set(e, EINVAL, "read address '%s': '%s' is not numeric", text, host);
	*ret = address;
	return 0;
}

int address_check(const char *text, struct err *e)
{
	char host[ADDRESS_HOST_SIZE];
	struct address address;
	uint16_t port;

	if (strncmp(text, "unix:", 5) == 0)
		return address_from_path(text + 5, &address, e);
	return address_split(text, host, &port, e);
}

int address_from_path(const char *path, struct address *ret, struct err *e)
{
	struct address address = { 0 };
	struct sockaddr_un *un = (struct sockaddr_un *)&address.storage;
	size_t size = strlen(path);

	if (size == 0)
		return err_set(e, EINVAL, "read address: socket path is empty");
	if (size >= sizeof(un->sun_path))
		return err_set(e, ENAMETOOLONG, "use socket '%s'", path);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, size + 1);
	address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
	*ret = address;
	return 0;
}

void address_format(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
	char host[INET6_ADDRSTRLEN] = "";

	switch (address->storage.ss_family) {
	case AF_INET:
		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		(void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
		return;
	case AF_INET6:
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		(void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
		return;
	default:
		(void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "unix:%s",
			       address->size > offsetof(struct sockaddr_un, sun_path) ?
				       un->sun_path : "");
	}
}

bool address_is_same_host(const struct address *a, const struct address *b)
{
	struct sockaddr_in6 a6, b6;
	struct sockaddr_in a4, b4;

	if (a->storage.ss_family != b->storage.ss_family)
		return false;
	memcpy(&a4, &a->storage, sizeof(a4));
	memcpy(&b4, &b->storage, sizeof(b4));
	memcpy(&a6, &a->storage, sizeof(a6));
	memcpy(&b6, &b->storage, sizeof(b6));
	if (a->storage.ss_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a6.sin6_addr, &b6.sin6_addr);
	return a->storage.ss_family == AF_INET && a4.sin_addr.s_addr == b4.sin_addr.s_addr;
}

/* The port stands at the same place in both families. */
uint16_t address_port(const struct address *address)
{
	struct sockaddr_in ip;

	if (address->storage.ss_family != AF_INET && address->storage.ss_family != AF_INET6)
		return 0;
	memcpy(&ip, &address->storage, sizeof(ip));
	return ntohs(ip.sin_port);
}

int address_local_host(const struct address *peer, char ret_host[ADDRESS_HOST_SIZE])
{
	int family = peer->storage.ss_family;
	struct sockaddr_storage own = { 0 };
	socklen_t size = sizeof(own);
	AUTO_CLOSE int fd = -EBADF;
	const void *host = family == AF_INET ? (const void *)&((struct sockaddr_in *)&own)->sin_addr :
					       (const void *)&((struct sockaddr_in6 *)&own)->sin6_addr;

	if (family != AF_INET && family != AF_INET6)
		return -ENOTSUP;
	/* Of a datagram socket this asks the routes and sends nothing. */
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&peer->storage, peer->size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		return -errno;
	return inet_ntop(family, host, ret_host, ADDRESS_HOST_SIZE) ? 0 : -errno;
}

void address_tune(const struct address *address, int fd)
{
	static const int on = 1, unacked_ms = 60000;

	if (address->storage.ss_family == AF_UNIX)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A peer that vanished without a word is noticed on streams that are otherwise silent. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
}
