#include "net/http_jsonp.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "net/http_server.h"

enum { CALLBACK_MAX = 64 };

static bool is_callback(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > CALLBACK_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("_.$", name[i]))
			return false;
	}
	return true;
}

int http_jsonp_callback(const struct http_request *req, const char **ret, struct err *e)
{
	*ret = http_request_query(req, "jsonp");
	if (*ret && !is_callback(*ret))
		return err_set(e, EINVAL, "use jsonp: '%.64s' is not the name of a function", *ret);
	return 0;
}

int http_reply_jsonp(struct http_request *req, json_t *body_take, struct err *e)
{
	AUTO_FREE char *text = NULL, *script = NULL;
	const char *callback;
	int r = http_jsonp_callback(req, &callback, e), n;

	if (r == 0 && body_take && !callback) {
		http_reply_json(req, 200, body_take);
		return 0;
	}
	if (r == 0 && body_take)
		text = json_dumps(body_take, PB_JSON_DUMP);
	json_decref(body_take);
	if (r < 0)
		return r;
	n = text ? asprintf(&script, "%s(%s);", callback, text) : -1;
	if (n < 0) {
		script = NULL;
		return err_set(e, ENOMEM, "describe the answer");
	}
	http_reply_header(req, "X-Content-Type-Options", "nosniff");
	http_reply(req, 200, "text/javascript", script, (size_t)n);
	return 0;
}
