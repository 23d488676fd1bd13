/* What operators do to agents: POST /api/v1. */
#include <errno.h>

#include "lib/err.h"
#include "master_stub/drain.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_server.h"

static int read_grace(const Google__Protobuf__Duration *duration, Mesos__V1__DurationInfo *ret,
		      struct err *e)
{
	int64_t nanoseconds;

	mesos__v1__duration_info__init(ret);
	if (__builtin_mul_overflow(duration->seconds, INT64_C(1000000000), &nanoseconds) ||
	    __builtin_add_overflow(nanoseconds, duration->nanos, &ret->nanoseconds))
		return err_set(e, EINVAL, "drain agent: max_grace_period is out of range");
	return 0;
}

static int drain(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__DrainAgent *asked = call->drain_agent;
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	Mesos__V1__DurationInfo grace;
	int r = 0;

	if (asked->max_grace_period) {
		r = read_grace(asked->max_grace_period, &grace, e);
		config.max_grace_period = &grace;
	}
	config.mark_gone = asked->mark_gone;
	if (r == 0)
		r = drain_agent(operator_master(req), asked->agent_id->value, &config, e);
	return operator_done(req, r);
}

static int deactivate(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, drain_deactivate(operator_master(req),
						  call->deactivate_agent->agent_id->value, e));
}

static int reactivate(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, drain_reactivate(operator_master(req),
						  call->reactivate_agent->agent_id->value, e));
}

static int mark_gone(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, drain_mark_gone(operator_master(req),
						  call->mark_agent_gone->agent_id->value, e));
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(DRAIN_AGENT, drain_agent, drain),
	OPERATOR_CALL(DEACTIVATE_AGENT, deactivate_agent, deactivate),
	OPERATOR_CALL(REACTIVATE_AGENT, reactivate_agent, reactivate),
	OPERATOR_CALL(MARK_AGENT_GONE, mark_agent_gone, mark_gone),
};
const struct operator_calls operator_agent_calls = OPERATOR_CALLS(rows);
