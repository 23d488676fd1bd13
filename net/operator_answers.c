#include "net/operator_answers.h"

#include "lib/log_toggle.h"
#include "lib/version.h"
#include "net/wire.h"

int operator_answer_health(struct http_request *req, const ProtobufCMessageDescriptor *response,
			   struct err *e)
{
	return wire_reply_json(req, response, json_pack("{s:s, s:{s:b}}", "type", "GET_HEALTH",
							"get_health", "healthy", 1), e);
}

int operator_answer_version(struct http_request *req, const ProtobufCMessageDescriptor *response,
			    struct err *e)
{
	return wire_reply_json(req, response, json_pack("{s:s, s:{s:{s:s}}}", "type", "GET_VERSION",
							"get_version", "version_info", "version",
							TEPUI_MESOS_VERSION), e);
}

static json_t *pairs_of(json_t *object_take)
{
	json_t *list = object_take ? json_array() : NULL, *value;
	const char *name;

	json_object_foreach(object_take, name, value)
		json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, "value", value));
	json_decref(object_take);
	return list;
}

int operator_answer_flags(struct http_request *req, const ProtobufCMessageDescriptor *response,
			  json_t *flags_take, struct err *e)
{
	return wire_reply_json(req, response, json_pack("{s:s, s:{s:o}}", "type", "GET_FLAGS",
							"get_flags", "flags", pairs_of(flags_take)),
			       e);
}

int operator_answer_metrics(struct http_request *req, const ProtobufCMessageDescriptor *response,
			    json_t *metrics_take, struct err *e)
{
	return wire_reply_json(req, response, json_pack("{s:s, s:{s:o}}", "type", "GET_METRICS",
							"get_metrics", "metrics",
							pairs_of(metrics_take)), e);
}

int operator_answer_logging_level(struct http_request *req,
				  const ProtobufCMessageDescriptor *response,
				  const struct log_toggle *toggle, struct err *e)
{
	json_int_t level = log_toggle_verbosity(toggle);

	return wire_reply_json(req, response, json_pack("{s:s, s:{s:I}}", "type",
							"GET_LOGGING_LEVEL", "get_logging_level",
							"level", level), e);
}
