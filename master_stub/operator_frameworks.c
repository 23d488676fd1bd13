/* What operators ask and do about frameworks and their roles: POST /api/v1, and the older endpoints. */
#include "master_stub/operator_frameworks.h"

#include <errno.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_params.h"
#include "net/http_server.h"

static int teardown(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, master_teardown(operator_master(req),
						  call->teardown->framework_id->value, e));
}

static int get_roles(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_reply_json(req, json_pack("{s:s, s:o}", "type", "GET_ROLES", "get_roles",
						  master_roles_json(operator_master(req), true)), e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(TEARDOWN, teardown, teardown),
	OPERATOR_CALL_BARE(GET_ROLES, get_roles),
};
const struct operator_calls operator_framework_calls = OPERATOR_CALLS(rows);

int operator_get_roles(struct http_request *req, struct err *e)
{
	return http_reply_jsonp(req, master_roles_json(operator_master(req), false), e);
}

/* The body is a form of one field. */
int operator_post_teardown(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(http_params_done) struct http_params form = { 0 };
	int r = http_params_read_form(req, &form, e);
	const char *id = http_params_get(&form, "frameworkId", 0);

	if (r == 0 && !id)
		r = err_set(e, EINVAL,
			    "Missing 'frameworkId' query parameter in the request body");
	if (r < 0)
		return r;
	shell_wake(shell);
	return operator_done(req, master_teardown(shell->master, id, e));
}
