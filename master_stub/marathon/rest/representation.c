#include "master_stub/marathon/rest/representation.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/rest/api.h"

enum { MAX_LIMIT = 100000, TAG_SIZE = 64, DIGEST_SHOWN = 8 };

/* ---- Pages ---- */

int app_page_read(const struct http_request *req, struct app_page *ret, struct refusal *refusal)
{
	const char *limit = http_request_query(req, "limit");
	char *end = NULL;

	*ret = (struct app_page){ .cursor = http_request_query(req, "cursor") };
	if (!limit)
		return 0;
	errno = 0;
	ret->limit = strtoul(limit, &end, 10);
	if (*limit < '0' || *limit > '9' || *end || errno || ret->limit == 0 || ret->limit > MAX_LIMIT)
		return refuse(refusal, 422, "limit '%.32s' is not a number from 1 to %d", limit,
			      MAX_LIMIT);
	return 0;
}

bool app_page_takes(struct app_page *page, const char *id)
{
	if (page->cursor && strcmp(id, page->cursor) <= 0)
		return false;
	if (page->limit != 0 && page->n == page->limit) {
		page->has_more = true;
		return false;
	}
	page->n++;
	(void)snprintf(page->last, sizeof(page->last), "%s", id);
	return true;
}

/* ---- Fields ---- */

json_t *app_fields(const char *fields, json_t *app_take)
{
	const char *at = fields;
	json_t *some;

	if (!at || !app_take)
		return app_take;
	some = json_object();
	while (*at) {
		size_t size = strcspn(at, ",");
		AUTO_FREE char *name = strndup(at, size);
		json_t *value = name ? json_object_get(app_take, name) : NULL;

		if (value)
			(void)json_object_set(some, name, value);
		at += size + (at[size] == ',');
	}
	json_decref(app_take);
	return some;
}

/* ---- Tags ---- */

static void make_tag(const char *text, size_t size, const char *version, char ret_tag[TAG_SIZE])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t n;

	(void)SHA256((const unsigned char *)text, size, digest);
	n = (size_t)snprintf(ret_tag, TAG_SIZE, "\"%s%s", version ? version : "", version ? "-" : "");
	for (int i = 0; i < DIGEST_SHOWN; i++)
		n += (size_t)snprintf(ret_tag + n, TAG_SIZE - n, "%02x", digest[i]);
	(void)snprintf(ret_tag + n, TAG_SIZE - n, "\"");
}

int api_reply_tagged(struct http_request *req, json_t *body_take, const char *version)
{
	AUTO_FREE char *text = body_take ? json_dumps(body_take, PB_JSON_DUMP) : NULL;
	const char *known = http_request_header(req, "If-None-Match");
	char tag[TAG_SIZE];

	if (!text)
		return marathon_reply(req, 503, body_take);
	json_decref(body_take);
	make_tag(text, strlen(text), version, tag);
	api_set_headers(req);
	http_reply_header(req, "ETag", tag);
	if (known && (strstr(known, tag) || strcmp(known, "*") == 0))
		http_reply(req, 304, NULL, NULL, 0);
	else
		http_reply(req, 200, "application/json", text, strlen(text));
	return 0;
}

/* In the list KNOWN, does a tag begin with VERSION, or consist of it? */
static bool names_version(const char *known, const char *version)
{
	size_t size = strlen(version);

	for (const char *at = strchr(known, '"'); at; at = strchr(at, '"')) {
		at++;
		if (strncmp(at, version, size) == 0 && (at[size] == '"' || at[size] == '-'))
			return true;
	}
	return false;
}

int api_check_match(const struct http_request *req, const char *noun, const char *id,
		    const struct app *target, struct refusal *refusal)
{
	const char *match = http_request_header(req, "If-Match");
	const char *none = http_request_header(req, "If-None-Match");

	if (none && strcmp(none, "*") == 0 && target)
		return refuse(refusal, 412, "%s '%s' exists already, in version %s", noun, id,
			      target->version);
	if (!match || (target && strcmp(match, "*") == 0))
		return 0;
	if (!target)
		return refuse(refusal, 412, "%s '%s' does not exist", noun, id);
	if (names_version(match, target->version))
		return 0;
	return refuse(refusal, 412, "%s '%s' has been changed: its version is %s", noun, id,
		      target->version);
}
