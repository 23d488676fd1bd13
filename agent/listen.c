#include "agent/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/executor_api.h"
#include "agent/executor_calls.h"
#include "agent/names_http.h"
#include "agent/operator_api.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/credentials.h"
#include "net/http_origin.h"
#include "net/http_server.h"

enum { MAX_EXECUTOR_CONNECTIONS = 2 * AGENT_MAX_TASKS + 64, OTHER_PEERS = 64 };

int listen_executors(struct agent *agent, struct err *e)
{
	struct http_limits limits = http_default_limits;
	AUTO_FREE char *path = NULL;
	int r;

	if (asprintf(&path, "%s/agent.sock", agent->work_dir) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "listen for executors");
	}
	limits.max_connections = MAX_EXECUTOR_CONNECTIONS;
	limits.max_per_peer = MAX_EXECUTOR_CONNECTIONS;
	r = http_server_new(agent->loop, &limits, &agent->executors, e);
	if (r >= 0)
		r = executor_api_mount_supervisors(agent, agent->executors, e);
	if (r >= 0)
		r = api_mount(agent, agent->executors, e);
	if (r >= 0)
		r = http_server_listen_unix(agent->executors, path, e);
	return r;
}

/* Executors come by the unix socket, where no browser does. */
static int gate(void *arg, struct http_request *req, struct err *e)
{
	const struct agent *agent = arg;
	const struct http_origin self = {
		.listen = agent->endpoint, .hostname = agent->node.hostname,
	};
	int r = http_origin_check(&self, req, e);

	if (r < 0 || operator_is_executors(req))
		return r;
	return http_auth_check(&agent->auth, req, e);
}

/* Executors show a token of ours (executor_token.h, operator_api.h); a level of logging is changed by GET, too. */
static const struct http_area_rule areas[] = {
	{ "/health", HTTP_AREA_OPEN },
	{ "/health.json", HTTP_AREA_OPEN },
	{ "/version", HTTP_AREA_OPEN },
	{ "/version.json", HTTP_AREA_OPEN },
	{ "/logging/toggle", HTTP_AREA_READWRITE },
	{ "/api/v1/executor", HTTP_AREA_OPEN },
};

static int read_credentials(struct agent *agent, struct err *e)
{
	const struct agent_flags *flags = &agent->flags;
	int r = 0;

	if (flags->http_credentials)
		r = credentials_load(flags->http_credentials, &agent->credentials, e);
	if (r < 0)
		return err_wrap(e, "use '--http_credentials'");
	if (flags->credential)
		r = credentials_load_header(flags->credential, &agent->authorization, e);
	if (r < 0)
		return err_wrap(e, "use '--credential'");
	agent->auth = (struct http_auth){
		.name = "mesos-agent", .prefix = "/slave(1)",
		.rules = areas, .n_rules = ARRAY_SIZE(areas),
		.is_closed = {
			[HTTP_AREA_READONLY] = flags->authenticate_http_readonly,
			[HTTP_AREA_READWRITE] = flags->authenticate_http_readwrite,
		},
		.credentials = agent->credentials,
	};
	return 0;
}

int listen_operators(struct agent *agent, struct err *e)
{
	const char *listen = agent->flags.listen;
	struct http_limits limits = http_default_limits;
	int r = read_credentials(agent, e);

	if (r < 0)
		return r;
	/* The custom executors on the host's network are one peer, and each keeps a stream. */
	limits.max_per_peer = limits.max_connections - OTHER_PEERS;
	r = http_server_new(agent->loop, &limits, &agent->operators, e);
	if (r >= 0)
		r = executor_calls_mount(agent, agent->operators, e);
	if (r >= 0)
		r = api_mount(agent, agent->operators, e);
	if (r >= 0)
		r = names_http_mount(agent, agent->operators, e);
	if (r >= 0)
		r = http_server_listen(agent->operators, listen, &agent->port, e);
	if (r < 0)
		return r;
	/* As asked, but for port 0 the one that was found. */
	if (asprintf(&agent->endpoint, "%.*s:%u", (int)(strrchr(listen, ':') - listen), listen,
		     agent->port) < 0) {
		agent->endpoint = NULL;
		return err_set(e, ENOMEM, "listen on '%s'", listen);
	}
	http_server_set_gate(agent->operators, gate, agent);
	return 0;
}

static int names_gate(void *arg, struct http_request *req, struct err *e)
{
	const struct agent *agent = arg;
	const struct http_origin self = {
		.listen = agent->flags.dns_http_listen, .hostname = agent->node.hostname,
	};
	int r = http_origin_check(&self, req, e);

	return r < 0 ? r : http_auth_check(&agent->auth, req, e);
}

int listen_names(struct agent *agent, struct err *e)
{
	int r;

	if (!agent->flags.dns_http_listen)
		return 0;
	r = http_server_new(agent->loop, &http_default_limits, &agent->name_readers, e);
	if (r >= 0)
		r = names_http_mount(agent, agent->name_readers, e);
	if (r >= 0)
		r = http_server_listen(agent->name_readers, agent->flags.dns_http_listen, NULL, e);
	if (r >= 0)
		http_server_set_gate(agent->name_readers, names_gate, agent);
	return r;
}
