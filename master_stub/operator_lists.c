/* GET_STATE and its parts, and the legacy endpoints that list the same. */
#include "master_stub/operator_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_source.h"
#include "lib/pb_json.h"
#include "master_stub/listing.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/pages.h"
#include "master_stub/service_listing.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"
#include "net/wire.h"

enum { DEFAULT_LIMIT = 100 };

/* ---- the v1 API ---- */

static int reply(struct http_request *req, const struct listing_type *type, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	struct listing_query query = { .is_ascending = true };
	enum wire_format format;
	int r = wire_format_of_answer(req, &format, e);

	if (r < 0)
		return r;
	query.is_protobuf = format == WIRE_PROTOBUF;
	return page_reply(shell->pages, shell->master, req, type, &query, NULL, e);
}

#define GET(name_, type_) \
	static int name_(struct http_request *req, const OperatorCall *call, struct err *e) \
	{ \
		(void)call; \
		return reply(req, &type_, e); \
	}

GET(get_state, listing_get_state)
GET(get_agents, listing_get_agents)
GET(get_frameworks, listing_get_frameworks)
GET(get_executors, listing_get_executors)
GET(get_tasks, listing_get_tasks)
GET(get_operations, listing_get_operations)

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_STATE, get_state),
	OPERATOR_CALL_BARE(GET_AGENTS, get_agents),
	OPERATOR_CALL_BARE(GET_FRAMEWORKS, get_frameworks),
	OPERATOR_CALL_BARE(GET_EXECUTORS, get_executors),
	OPERATOR_CALL_BARE(GET_TASKS, get_tasks),
	OPERATOR_CALL_BARE(GET_OPERATIONS, get_operations),
};
const struct operator_calls operator_list_calls = OPERATOR_CALLS(rows);

/* ---- the legacy endpoints ---- */

static int reply_legacy(struct http_request *req, const struct listing_type *type,
			struct listing_query *query, json_t *head_take, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	AUTO_FREE char *head = head_take ? json_dumps(head_take, PB_JSON_DUMP) : NULL;
	const char *callback;
	int r = http_jsonp_callback(req, &callback, e);

	json_decref(head_take);
	query->head = head;
	return r < 0 ? r :
		page_reply(shell->pages, shell->master, req, type, query, callback, e);
}

int operator_get_state(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	json_t *head = master_head_json(shell->master);

	if (!head)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	json_object_set_new(head, "flags", shell_flags_json(&shell->flags));
	return reply_legacy(req, &listing_state, &(struct listing_query){ 0 }, head, e);
}

int operator_get_state_summary(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	json_t *head = json_pack("{s:s, s:s}", "hostname", shell->hostname, "cluster", "");

	return reply_legacy(req, &listing_state_summary, &(struct listing_query){ 0 }, head, e);
}

int operator_get_slaves(struct http_request *req, struct err *e)
{
	struct listing_query query = { .agent_id = http_request_query(req, "slave_id") };

	return reply_legacy(req, &listing_slaves, &query, NULL, e);
}

int operator_get_frameworks(struct http_request *req, struct err *e)
{
	struct listing_query query = { .framework_id = http_request_query(req, "framework_id") };

	return reply_legacy(req, &listing_frameworks, &query, NULL, e);
}

static int read_number(const struct http_request *req, const char *name, size_t fallback,
		       size_t *ret, struct err *e)
{
	const char *text = http_request_query(req, name);
	unsigned long long value;
	char *end;

	*ret = fallback;
	if (!text)
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (!*text || *text == '-' || *end || errno || value > SIZE_MAX / 2)
		return err_set(e, EINVAL, "Failed to parse query string for '%s': '%.32s'", name,
			       text);
	*ret = value;
	return 0;
}

int operator_get_tasks(struct http_request *req, struct err *e)
{
	const char *order = http_request_query(req, "order");
	struct listing_query query = {
		.framework_id = http_request_query(req, "framework_id"),
		.task_id = http_request_query(req, "task_id"),
		.is_ascending = order && strcmp(order, "asc") == 0,
	};
	int r = read_number(req, "limit", DEFAULT_LIMIT, &query.limit, e);

	if (r == 0)
		r = read_number(req, "offset", 0, &query.offset, e);
	if (r == 0 && query.limit == 0)
		r = err_set(e, EINVAL, "Failed to parse query string for 'limit': it must be above"
			    " zero");
	if (r < 0)
		return r;
	return reply_legacy(req, query.is_ascending ? &listing_oldest_tasks : &listing_tasks, &query,
			    NULL, e);
}

int operator_get_services(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	struct json_source source;
	int r = service_listing_new(shell->master, http_request_query(req, "name"), &source, e);

	return r < 0 ? r : page_reply_source(shell->pages, req, &source, e);
}
