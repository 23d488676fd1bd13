/* /v2/info, /v2/leader, /v2/plugins, /ping. */
#include "master_stub/marathon/rest/api.h"

#include <string.h>

#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

int api_get_info(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, info_view(api_of(req)->controller));
}

int api_get_leader(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, json_pack("{s:s}", "leader", api_of(req)->leader));
}

/* There is no state that is not in the work directory, whose backup the store makes by itself. */
int api_abdicate(struct http_request *req, struct err *e)
{
	const struct marathon_api *api = api_of(req);
	struct refusal refusal = { 0 };

	(void)e;
	if (http_request_query(req, "backup") || http_request_query(req, "restore")) {
		(void)refuse(&refusal, 422, "backup and restore are not done by the master: copy "
					    "its work directory");
		return marathon_refuse(req, &refusal);
	}
	api->io.abdicate(api->io.arg);
	return marathon_reply(req, 200, json_pack("{s:s}", "message", "Leadership abdicated"));
}

/* Whatever is asked of it. */
int api_use_plugin(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };

	(void)e;
	(void)refuse(&refusal, 404, "No plugin with this pluginId: %s", http_request_arg(req, 0));
	return marathon_refuse(req, &refusal);
}

int api_get_plugins(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, json_pack("{s:[]}", "plugins"));
}

int api_ping(struct http_request *req, struct err *e)
{
	const char *accept = http_request_header(req, "Accept");

	(void)e;
	api_set_headers(req);
	if (accept && strcmp(accept, "application/json") == 0)
		http_reply(req, 200, "application/json", "\"pong\"", 6);
	else
		http_reply(req, 200, "text/plain; charset=utf-8", "pong", 4);
	return 0;
}
