#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/http_conn.h"

/* Segments between slashes; empty ones (from repeated slashes) are left out. */
static int split(const char *path, struct http_text *segments, size_t max)
{
	size_t n = 0;

	while (*path) {
		size_t size = strcspn(path, "/");

		if (size > 0) {
			if (n == max)
				return -E2BIG;
			segments[n].data = path;
			segments[n++].size = size;
		}
		path += size + (path[size] == '/');
	}
	return (int)n;
}

static bool is_dots(struct http_text segment)
{
	return (segment.size == 1 && segment.data[0] == '.') ||
	       (segment.size == 2 && memcmp(segment.data, "..", 2) == 0);
}

static void collapse_slashes(char *path)
{
	char *dst = path;

	for (const char *src = path; *src; src++)
		if (src[0] != '/' || src[1] != '/')
			*dst++ = *src;
	*dst = '\0';
}

int request_read_target(struct http_request *req)
{
	struct http_text target = req->head.target, segments[HTTP_MAX_SEGMENTS];
	const char *mark = memchr(target.data, '?', target.size);
	size_t size = mark ? (size_t)(mark - target.data) : target.size;
	int n, r = 0;

	req->path = malloc(size + 1);
	if (!req->path)
		return -503;
	if (http_decode(target.data, size, HTTP_CODE_PATH, req->path) < 0) {
		req->path[0] = '\0';
		return -400;
	}
	n = split(req->path, segments, HTTP_MAX_SEGMENTS);
	if (n < 0)
		return -414;
	for (int i = 0; i < n; i++)
		if (is_dots(segments[i]))
			return -400;
	collapse_slashes(req->path);
	if (mark && size + 1 < target.size)
		r = http_params_read(mark + 1, target.size - size - 1, HTTP_CODE_QUERY,
				     &req->query);
	return r == 0 ? 0 : r == -ENOMEM ? -503 : -400;
}

static bool segment_equals(struct http_text a, struct http_text b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Match SEGMENTS; the views in ARGS are filled on success.  The number of them, or -1. */
static int match(const char *pattern, const struct http_text *segments, size_t n,
		 struct http_text *args)
{
	struct http_text parts[HTTP_MAX_SEGMENTS];
	int n_parts = split(pattern, parts, HTTP_MAX_SEGMENTS);
	size_t at = 0;
	int n_args = 0;

	for (int i = 0; i < n_parts; i++) {
		bool is_star = parts[i].data[0] == '*' && parts[i].size == 1;
		bool is_name = parts[i].data[0] == ':';
		size_t after = (size_t)(n_parts - i - 1), take = 1;

		if (at + after >= n)
			return -1;
		if (is_star)
			take = n - at - after;
		else if (!is_name && !segment_equals(parts[i], segments[at]))
			return -1;
		if (is_star || is_name) {
			const struct http_text *last = &segments[at + take - 1];

			if (n_args == HTTP_MAX_ARGS)
				return -1;
			args[n_args].data = segments[at].data;
			args[n_args++].size = (size_t)(last->data + last->size - segments[at].data);
		}
		at += take;
	}
	return at == n ? n_args : -1;
}

static int keep_args(struct http_request *req, const struct http_text *args, size_t n)
{
	char *dst;

	req->args_data = malloc(strlen(req->path) + HTTP_MAX_ARGS + 1);
	if (!req->args_data)
		return -503;
	dst = req->args_data;
	for (size_t i = 0; i < n; i++) {
		memcpy(dst, args[i].data, args[i].size);
		dst[args[i].size] = '\0';
		req->args[i] = dst;
		dst += args[i].size + 1;
	}
	req->n_args = n;
	return 0;
}

/* A GET route also answers HEAD: only the body is left out, by the reply. */
static bool serves(const struct route *route, enum http_method method)
{
	return route->method == method || (method == HTTP_HEAD && route->method == HTTP_GET);
}

void request_add_allow(struct http_request *req, unsigned methods, char ret_text[HTTP_ALLOW_SIZE])
{
	char *allow = ret_text;

	allow[0] = '\0';
	if (methods & 1u << HTTP_GET)
		methods |= 1u << HTTP_HEAD;
	for (int i = 0; i < N_HTTP_METHODS; i++) {
		if (!(methods & 1u << i))
			continue;
		if (allow[0])
			strcat(allow, ", ");
		strcat(allow, http_method_name((enum http_method)i));
	}
	http_reply_header(req, "Allow", allow);
}

int request_find_route(struct http_request *req, unsigned *ret_methods)
{
	struct http_text segments[HTTP_MAX_SEGMENTS], args[HTTP_MAX_ARGS];
	int n = split(req->path, segments, HTTP_MAX_SEGMENTS);
	const struct http_mount *mount, *known = NULL;
	unsigned methods = 0;

	if (n < 0)
		return -404;
	TAILQ_FOREACH(mount, &req->server->mounts, link) {
		for (size_t i = 0; i < mount->n_routes; i++) {
			const struct route *route = &mount->routes[i];
			int n_args = match(route->pattern, segments, (size_t)n, args);

			if (n_args < 0)
				continue;
			methods |= 1u << route->method;
			if (!known)
				known = mount;
			if (!serves(route, req->head.method))
				continue;
			req->mount = mount;
			req->route = route;
			return keep_args(req, args, (size_t)n_args);
		}
	}
	if (!known)
		return -404;
	req->mount = known;
	*ret_methods = methods;
	return -405;
}
