#include "net/http_auth.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/credentials.h"
#include "net/http_server.h"

enum { REALM_SIZE = 64 };

static const char *const area_names[] = {
	[HTTP_AREA_READONLY] = "readonly",
	[HTTP_AREA_READWRITE] = "readwrite",
	[HTTP_AREA_SCHEDULER] = "scheduler",
	[HTTP_AREA_AGENT] = "agent",
};

int http_auth_check_flag(const char *flag, const char *value, struct err *e)
{
	return strcmp(value, "basic") == 0 ? 0 :
		err_set(e, EINVAL, "use '--%s=%s': only basic is known", flag, value);
}

/* By the route's pattern, not the path: there is one way to write it. */
static enum http_area area_of(const struct http_auth *auth, const struct http_request *req)
{
	const char *pattern = http_request_pattern(req);
	size_t prefix = strlen(auth->prefix);
	enum http_method method = http_request_method(req);

	if (strncmp(pattern, auth->prefix, prefix) == 0 && pattern[prefix] == '/')
		pattern += prefix;
	for (size_t i = 0; i < auth->n_rules; i++) {
		if (strcmp(pattern, auth->rules[i].pattern) == 0)
			return auth->rules[i].area;
	}
	return method == HTTP_GET || method == HTTP_HEAD ? HTTP_AREA_READONLY : HTTP_AREA_READWRITE;
}

/* "Basic cDpz": 0 with the principal noted, -ENOENT if it is nobody's, -ENOMEM. */
static int admit(const struct credentials *credentials, struct http_request *req)
{
	static const char scheme[] = "Basic ";
	const char *code = http_request_header(req, "Authorization");
	const uint8_t *colon;
	uint8_t *pair = NULL;
	size_t size = 0;
	int r;

	if (!code || strncasecmp(code, scheme, strlen(scheme)) != 0)
		return -ENOENT;
	code += strlen(scheme);
	code += strspn(code, " ");
	r = base64_decode(code, strlen(code), &pair, &size);
	if (r < 0 || size == 0)
		return r == -ENOMEM ? r : -ENOENT;
	colon = memchr(pair, ':', size);
	if (colon && credentials_have(credentials, (const char *)pair, size))
		r = http_request_set_principal(req, (const char *)pair, (size_t)(colon - pair));
	else
		r = -ENOENT;
	explicit_bzero(pair, size);
	free(pair);
	return r;
}

int http_auth_check(const struct http_auth *auth, struct http_request *req, struct err *e)
{
	enum http_area area = area_of(auth, req);
	char realm[REALM_SIZE], challenge[REALM_SIZE + sizeof("Basic realm=\"\"")];
	int r;

	if (area == HTTP_AREA_OPEN || !auth->is_closed[area])
		return 0;
	r = admit(auth->credentials, req);
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	(void)snprintf(realm, sizeof(realm), "%s-%s", auth->name, area_names[area]);
	(void)snprintf(challenge, sizeof(challenge), "Basic realm=\"%s\"", realm);
	http_reply_header(req, "WWW-Authenticate", challenge);
	return err_set(e, EACCES, "use '%s': a credential for '%s' is needed",
		       http_request_path(req), realm);
}
