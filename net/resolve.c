#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "net/address.h"
#include "net/http_client.h"

static int code_of(int failure)
{
	switch (failure) {
	case EAI_MEMORY:
		return ENOMEM;
	case EAI_AGAIN:
		return EAGAIN;
	case EAI_SYSTEM:
		return errno > 0 ? errno : EIO;
	default:
		return EHOSTUNREACH;
	}
}

int http_client_new_resolved(struct loop *loop, const char *address, struct http_client **ret,
			     struct err *e)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					       .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	char host[ADDRESS_HOST_SIZE], text[ADDRESS_TEXT_SIZE], service[sizeof("65535")];
	struct address numeric = { 0 };
	struct addrinfo *found = NULL;
	struct err ignored = { 0 };
	uint16_t port = 0;
	int failure, r;

	if (strncmp(address, "unix:", 5) == 0 || address_parse(address, &numeric, &ignored) >= 0)
		return http_client_new(loop, address, ret, e);
	r = address_split(address, host, &port, e);
	if (r < 0)
		return r;
	(void)snprintf(service, sizeof(service), "%u", port);
	failure = getaddrinfo(host, service, &hints, &found);
	if (failure != 0)
		return err_set(e, code_of(failure), "look up '%s': %s", address,
			       gai_strerror(failure));
	memcpy(&numeric.storage, found->ai_addr, found->ai_addrlen);
	numeric.size = found->ai_addrlen;
	freeaddrinfo(found);
	address_format(&numeric, text);
	return http_client_new(loop, text, ret, e);
}
