/* What operators do to frameworks: POST /api/v1. */
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_server.h"

static int teardown(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	int r = master_teardown(shell->master, call->teardown->framework_id->value, e);

	if (r == 0)
		operator_reply_empty(req, 200);
	return r;
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(TEARDOWN, teardown, teardown),
};
const struct operator_calls operator_framework_calls = OPERATOR_CALLS(rows);
