#include "net/http_origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_HOST = 256 };

enum host_kind { HOST_NAME, HOST_LOOPBACK, HOST_ADDRESS };

/* Host without brackets and port; -EINVAL if it is none. */
static int read_host(const char *text, char ret_host[MAX_HOST])
{
	bool is_bracketed = text[0] == '[';
	size_t size;

	text += is_bracketed;
	size = strcspn(text, is_bracketed ? "]" : ":");
	if (size == 0 || size >= MAX_HOST || (is_bracketed && !text[size]))
		return -EINVAL;
	memcpy(ret_host, text, size);
	ret_host[size] = '\0';
	text += size + is_bracketed;
	return *text == '\0' || *text == ':' ? 0 : -EINVAL;
}

static enum host_kind kind_of(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 ? HOST_LOOPBACK : HOST_ADDRESS;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) ? HOST_LOOPBACK : HOST_ADDRESS;
	return HOST_NAME;
}

/* An address cannot be rebound; one that is not ours did not reach us on loopback. */
static bool is_ours(const struct http_origin *self, const char *host)
{
	enum host_kind kind = kind_of(host);
	char own[MAX_HOST];

	if (kind == HOST_LOOPBACK || strcasecmp(host, "localhost") == 0)
		return true;
	if (self->hostname && strcasecmp(host, self->hostname) == 0)
		return true;
	if (read_host(self->listen, own) < 0)
		return false;
	return strcasecmp(host, own) == 0 ||
	       (kind == HOST_ADDRESS && kind_of(own) == HOST_ADDRESS);
}

/*
 * The port counts: what runs in a task on this host may serve pages on another.  Both sides leave
 * out the default port of the scheme.
 */
static bool is_same_origin(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");

	return authority && host && strcasecmp(authority + strlen("://"), host) == 0;
}

/* Bytes beyond ASCII would spoil the answer's JSON, and are in no origin that a browser sends. */
static const char *quotable(const char *text)
{
	for (const char *at = text; *at; at++)
		if (*at <= 0x20 || *at >= 0x7f)
			return "?";
	return text;
}

/* "*" is no name: it opens answers to everybody's pages, and nothing else. */
static bool is_trusted(const struct http_origin *self, const char *origin)
{
	const char *list = self->trusted ? self->trusted : "";

	while (*list) {
		size_t size;

		list += strspn(list, ", ");
		size = strcspn(list, ", ");
		if (size > 0 && strlen(origin) == size && strncasecmp(list, origin, size) == 0)
			return strcmp(origin, "*") != 0;
		list += size;
	}
	return false;
}

int http_origin_judge(const struct http_origin *self, enum http_method method,
		      const struct http_origin_headers *headers, struct err *e)
{
	char host[MAX_HOST];

	/* Only HTTP/1.0 may leave it out, which no browser speaks. */
	if (headers->host && (read_host(headers->host, host) < 0 || !is_ours(self, host)))
		return err_set(e, EPERM, "refuse host '%.64s': this is %.64s, name it with"
			       " --hostname", quotable(headers->host), self->listen);
	if (method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS)
		return 0;
	if (headers->origin && is_trusted(self, headers->origin))
		return 0;
	if (headers->site && strcasecmp(headers->site, "same-origin") != 0 &&
	    strcasecmp(headers->site, "none") != 0)
		return err_set(e, EPERM, "refuse request of another site: its Sec-Fetch-Site is"
			       " '%.32s'", quotable(headers->site));
	if (headers->origin && !is_same_origin(headers->origin, headers->host))
		return err_set(e, EPERM, "refuse request of origin '%.64s': this is '%.64s'",
			       quotable(headers->origin),
			       headers->host ? headers->host : self->listen);
	return 0;
}

int http_origin_check(const struct http_origin *self, const struct http_request *req,
		      struct err *e)
{
	struct http_origin_headers headers = {
		.host = http_request_header(req, "Host"),
		.origin = http_request_header(req, "Origin"),
		.site = http_request_header(req, "Sec-Fetch-Site"),
	};

	if (http_request_is_local(req, NULL))
		return 0;
	return http_origin_judge(self, http_request_method(req), &headers, e);
}
