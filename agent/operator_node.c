#include <errno.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/operator_api.h"
#include "lib/err.h"
#include "lib/log_toggle.h"
#include "net/http_server.h"
#include "net/operator_answers.h"

#define RESPONSE (&mesos__v1__agent__response__descriptor)

static int get_health(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_health(req, RESPONSE, e);
}

static int get_flags(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct agent *agent = http_request_app(req);

	(void)call;
	return operator_answer_flags(req, RESPONSE, agent_flags_to_json(&agent->flags), e);
}

static int get_version(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_version(req, RESPONSE, e);
}

/* All of them are there at once: a timeout leaves none out. */
static int get_metrics(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_metrics(req, RESPONSE, api_metrics_view(http_request_app(req)), e);
}

static int get_logging_level(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct agent *agent = http_request_app(req);

	(void)call;
	return operator_answer_logging_level(req, RESPONSE, agent->log_toggle, e);
}

static int set_logging_level(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const Mesos__V1__Agent__Call__SetLoggingLevel *asked = call->set_logging_level;
	int r = log_toggle_set(agent->log_toggle, asked->level, asked->duration->nanoseconds, e);

	if (r >= 0)
		operator_reply_done(req);
	return r;
}

static int get_agent(struct http_request *req, const OperatorCall *call, struct err *e)
{
	Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	Mesos__V1__Agent__Response__GetAgent body = MESOS__V1__AGENT__RESPONSE__GET_AGENT__INIT;
	const struct agent *agent = http_request_app(req);

	(void)call;
	body.agent_info = agent->info;
	response.has_type = 1;
	response.type = MESOS__V1__AGENT__RESPONSE__TYPE__GET_AGENT;
	response.get_agent = &body;
	return operator_reply(req, &response, e);
}

/* There are none: resources come from the node itself. */
static int get_resource_providers(struct http_request *req, const OperatorCall *call,
				  struct err *e)
{
	(void)call;
	return operator_reply_json(req, json_pack("{s:s, s:{}}", "type", "GET_RESOURCE_PROVIDERS",
						  "get_resource_providers"), e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_HEALTH, get_health),
	OPERATOR_CALL_BARE(GET_FLAGS, get_flags),
	OPERATOR_CALL_BARE(GET_VERSION, get_version),
	OPERATOR_CALL(GET_METRICS, get_metrics, get_metrics),
	OPERATOR_CALL_BARE(GET_LOGGING_LEVEL, get_logging_level),
	OPERATOR_CALL(SET_LOGGING_LEVEL, set_logging_level, set_logging_level),
	OPERATOR_CALL_BARE(GET_AGENT, get_agent),
	OPERATOR_CALL_BARE(GET_RESOURCE_PROVIDERS, get_resource_providers),
};
const struct operator_calls operator_node_calls = OPERATOR_CALLS(rows);
