#include "cli/client.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/http_client.h"
#include "net/http_parser.h"
#include "net/resolve.h"

enum { PATIENCE_MS = 30000, SOON_MS = 2000 };

struct exchange {
	struct loop *loop;
	struct reply *reply;
	bool (*on_piece)(void *arg, const void *data, size_t size);
	void *arg;
	bool is_done;
	bool is_stopped;
	struct err failure;
};

void reply_done(struct reply *reply)
{
	json_decref(reply->json);
	free(reply->text);
	free(reply->deployment_id);
	free(reply->log_next);
	memset(reply, 0, sizeof(*reply));
}

static char *copy_header(const struct http_answer *answer, const char *name)
{
	const struct http_header *header = http_head_find(answer->head, name);

	return header ? strndup(header->value.data, header->value.size) : NULL;
}

static void copy_answer(struct reply *reply, const struct http_answer *answer)
{
	reply->status = answer->status;
	reply->deployment_id = copy_header(answer, "Marathon-Deployment-Id");
	reply->log_next = copy_header(answer, "X-Tepui-Log");
	/* Whatever bytes it has. */
	reply->text = calloc(1, answer->size + 1);
	reply->size = reply->text && answer->body ? answer->size : 0;
	if (reply->size > 0)
		memcpy(reply->text, answer->body, reply->size);
	if (reply->size > 0)
		reply->json = json_loadb(answer->body, answer->size, JSON_DECODE_ANY, NULL);
}

static void exchange_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct exchange *x = arg;

	x->is_done = true;
	if (answer)
		copy_answer(x->reply, answer);
	else
		x->failure = *e;
	loop_stop(x->loop);
}

static void exchange_data(void *arg, const void *data, size_t size)
{
	struct exchange *x = arg;

	if (!x->is_stopped && !x->on_piece(x->arg, data, size)) {
		x->is_stopped = true;
		loop_stop(x->loop);
	}
}

int client_connect(struct cli *cli, const char *address, struct http_client **ret, struct err *e)
{
	int r = http_client_new_resolved(cli->loop, address, ret, e);

	return r < 0 ? r : http_client_authorize(*ret, cli->authorization, e);
}

static int exchange_run(struct cli *cli, const char *address, struct http_call *call,
			struct exchange *x, struct err *e)
{
	struct http_client *client = NULL;
	int r;

	x->loop = cli->loop;
	call->on_done = exchange_done;
	call->arg = x;
	r = client_connect(cli, address, &client, e);
	if (r >= 0)
		r = http_client_call(client, call, e);
	if (r >= 0)
		r = loop_run(cli->loop, e);
	http_client_free(client);
	if (r < 0)
		return r;
	/* A stream that was stopped on purpose ends its call too. */
	if (x->failure.code && !x->is_stopped) {
		err_clear(e);
		return err_set(e, EHOSTUNREACH, "reach '%s': %s (is it running? see --master)",
			       address, strerrordesc_np(x->failure.code));
	}
	return 0;
}

/* "[/instances: error.expected.jsnumber]" of a 422, so that the line says what to mend. */
static void append_details(char *text, size_t size, const json_t *details)
{
	size_t used = strlen(text), i, k;
	json_t *item, *one;

	if (json_is_string(details)) {
		(void)snprintf(text + used, size - used, ": %s", json_string_value(details));
		return;
	}
	json_array_foreach(details, i, item) {
		json_array_foreach(json_object_get(item, "errors"), k, one) {
			const char *path = json_string_value(json_object_get(item, "path"));

			used = strlen(text);
			(void)snprintf(text + used, size - used, "; %s: %s", path ? path : "/",
				       json_string_value(one) ? json_string_value(one) : "");
		}
	}
}

/* What a 409 tells of locks, in terms of this program. */
static bool format_lock(const json_t *deployments, char *text, size_t size)
{
	const char *first = json_string_value(json_object_get(json_array_get(deployments, 0), "id"));
	size_t n = json_array_size(deployments);

	if (!first)
		return false;
	if (n == 1)
		(void)snprintf(text, size, "app is locked by deployment %s: use --force, or "
			       "'tepui deployment cancel %s'", first, first);
	else
		(void)snprintf(text, size, "app is locked by %zu deployments (see 'tepui deployment"
			       " list'): use --force, or 'tepui deployment cancel %s'", n, first);
	return true;
}

static int refusal(const struct reply *reply, struct err *e)
{
	static const struct { int status, code; } codes[] = {
		{ 401, EACCES }, { 403, EPERM }, { 404, ENOENT }, { 409, EBUSY },
	};
	const char *message = json_string_value(json_object_get(reply->json, "message"));
	char text[400];
	int code = reply->status >= 500 ? EIO : EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].status == reply->status)
			code = codes[i].code;
	}
	if (reply->status == 409 && format_lock(json_object_get(reply->json, "deployments"), text,
						sizeof(text)))
		return err_set(e, code, "%s", text);
	if (message)
		(void)snprintf(text, sizeof(text), "%s", message);
	else if (*reply->text)	/* outside /v2 the body is the sentence, on a line */
		(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(reply->text, "\n"), reply->text);
	else
		(void)snprintf(text, sizeof(text), "status %d", reply->status);
	append_details(text, sizeof(text), json_object_get(reply->json, "details"));
	return err_set(e, code, "%s%s", text, code == EACCES ? " (see --credential)" : "");
}

static int call_within(struct cli *cli, int64_t timeout_ms, const char *address,
		       enum http_method method, const char *target, const json_t *body,
		       struct reply *ret, struct err *e)
{
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_call call = {
		.method = method,
		.target = target,
		.content_type = text ? "application/json" : NULL,
		.accept = "application/json",
		.body = text,
		.size = text ? strlen(text) : 0,
		.timeout_ms = timeout_ms,
	};
	struct exchange x = { .reply = ret };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = exchange_run(cli, address ? address : cli->options.master, &call, &x, e);
	if (r >= 0 && ret->status >= 400)
		r = refusal(ret, e);
	if (r < 0)
		reply_done(ret);
	return r;
}

int client_call(struct cli *cli, const char *address, enum http_method method, const char *target,
		const json_t *body, struct reply *ret, struct err *e)
{
	return call_within(cli, PATIENCE_MS, address, method, target, body, ret, e);
}

static int get_within(struct cli *cli, int64_t timeout_ms, const char *address, const char *target,
		      json_t **ret, struct err *e)
{
	struct reply reply;
	int r;

	r = call_within(cli, timeout_ms, address, HTTP_GET, target, NULL, &reply, e);
	if (r < 0)
		return r;
	if (!reply.json) {
		reply_done(&reply);
		return err_set(e, EPROTO, "read the answer to '%s': not JSON", target);
	}
	*ret = json_incref(reply.json);
	reply_done(&reply);
	return 0;
}

int client_get(struct cli *cli, const char *address, const char *target, json_t **ret,
	       struct err *e)
{
	return get_within(cli, PATIENCE_MS, address, target, ret, e);
}

int client_get_soon(struct cli *cli, const char *address, const char *target, json_t **ret,
		    struct err *e)
{
	return get_within(cli, SOON_MS, address, target, ret, e);
}

int client_stream(struct cli *cli, const char *target, const char *accept,
		  bool (*fn)(void *arg, const void *data, size_t size), void *arg, struct err *e)
{
	struct reply reply = { 0 };
	struct exchange x = { .reply = &reply, .on_piece = fn, .arg = arg };
	struct http_call call = {
		.method = HTTP_GET,
		.target = target,
		.accept = accept,
		.timeout_ms = PATIENCE_MS,
		.on_data = exchange_data,
	};
	int r;

	r = exchange_run(cli, cli->options.master, &call, &x, e);
	if (r >= 0 && reply.status >= 400)
		r = refusal(&reply, e);
	reply_done(&reply);
	return r;
}

/* Slashes separate groups in an id and stay as they are. */
static char *path_of(const char *base, const char *id, const char *suffix)
{
	AUTO_FREE char *escaped = NULL;
	char *path = NULL, *from, *to;

	while (*id == '/')
		id++;
	escaped = http_encode(id);
	if (!escaped)
		return NULL;
	for (from = to = escaped; *from; to++) {
		bool is_slash = strncmp(from, "%2F", 3) == 0;

		*to = is_slash ? '/' : *from;
		from += is_slash ? 3 : 1;
	}
	*to = '\0';
	return asprintf(&path, "%s/%s%s", base, escaped, suffix) < 0 ? NULL : path;
}

char *client_app_path(const char *id, const char *suffix)
{
	return path_of("/v2/apps", id, suffix);
}

char *client_pod_path(const char *id, const char *suffix)
{
	return path_of("/v2/pods", id, suffix);
}

char *client_group_path(const char *id, const char *suffix)
{
	return path_of("/v2/groups", id, suffix);
}
