/* Where the master is served, under which name, and who may come in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/descriptors.h"
#include "lib/err.h"
#include "lib/log.h"
#include "master_stub/shell.h"
#include "net/credentials.h"
#include "net/http_origin.h"
#include "net/http_server.h"

enum {
	MIN_FREE_BYTES = 256 << 10,	/* less is a full disk, before a commit shows it */
	MAX_CONNECTIONS = 65536,
	OWN_DESCRIPTORS = 64,
	MAX_PER_PEER = 2048,
	MAX_STREAM_QUEUE = 16 << 20,
};

/* ---- who may come in ---- */

static bool is_read(enum http_method method)
{
	return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
}

static bool has_room(const struct shell *shell)
{
	struct statvfs fs;

	return statvfs(shell->flags.work_dir, &fs) < 0 ||
	       (uint64_t)fs.f_bavail * fs.f_frsize >= MIN_FREE_BYTES;
}

/* Agents are let in: what they bring is kept in memory, and what they are told waits. */
static int gate(void *arg, struct http_request *req, struct err *e)
{
	struct shell *shell = arg;
	bool is_marathon = shell->api && http_request_app(req) == shell->api;
	const struct http_origin self = {
		.listen = shell->flags.listen, .hostname = shell->hostname,
		.trusted = is_marathon ? shell->flags.access_control_allow_origin : NULL,
	};
	int r = http_origin_check(&self, req, e);

	if (r == 0)
		r = http_auth_check(is_marathon && shell->marathon_credentials ?
				    &shell->marathon_auth : &shell->auth, req, e);
	if (r < 0)
		return r;
	if (is_read(http_request_method(req)) ||
	    strncmp(http_request_path(req), "/api/", strlen("/api/")) == 0)
		return 0;
	if (shell->is_full || !has_room(shell))
		return err_set(e, ENOSPC,
			       "refuse write: the state directory '%s' is full or cannot be"
			       " written",
			       shell->flags.work_dir);
	return 0;
}

/* ---- start ---- */

/* "127.0.0.1" of "127.0.0.1:5050"; a wildcard is nothing that others could use. */
static int choose_hostname(struct shell *shell, struct err *e)
{
	const char *listen = shell->flags.listen;
	const char *colon = strrchr(listen, ':');
	size_t size = colon ? (size_t)(colon - listen) : 0;
	char name[256] = "localhost";

	if (shell->flags.hostname && *shell->flags.hostname)
		shell->hostname = strdup(shell->flags.hostname);
	else if (size > 0 && strncmp(listen, "0.0.0.0", size) != 0 &&
		 strncmp(listen, "[::]", size) != 0)
		shell->hostname = strndup(listen, size);
	else
		shell->hostname = gethostname(name, sizeof(name) - 1) < 0 ? NULL : strdup(name);
	return shell->hostname ? 0 : err_set(e, ENOMEM, "find host name");
}

/* Beyond them clients are told so, and the store can still open what it needs. */
static size_t count_connections(void)
{
	size_t n = descriptors_raise(MAX_CONNECTIONS + OWN_DESCRIPTORS);

	n = n > 2 * OWN_DESCRIPTORS ? n - OWN_DESCRIPTORS : OWN_DESCRIPTORS;
	return n < MAX_CONNECTIONS ? n : MAX_CONNECTIONS;
}

/* As Mesos has its realms, and closed besides it what it has not. */
static const struct http_area_rule areas[] = {
	{ "/health", HTTP_AREA_OPEN },
	{ "/health.json", HTTP_AREA_OPEN },
	{ "/version", HTTP_AREA_OPEN },
	{ "/version.json", HTTP_AREA_OPEN },
	{ "/redirect", HTTP_AREA_OPEN },
	{ "/ping", HTTP_AREA_OPEN },
	{ "/logging/toggle", HTTP_AREA_READWRITE },
	{ "/quota", HTTP_AREA_READWRITE },
	{ "/weights", HTTP_AREA_READWRITE },
	{ "/maintenance/schedule", HTTP_AREA_READWRITE },
	{ "/maintenance/status", HTTP_AREA_READWRITE },
	{ "/api/v1/scheduler", HTTP_AREA_SCHEDULER },
	{ "/api/v1/agent", HTTP_AREA_AGENT },
};

static int read_credentials(struct shell *shell, struct err *e)
{
	const struct shell_flags *flags = &shell->flags;
	int r = flags->credentials ? credentials_load(flags->credentials, &shell->credentials, e) : 0;

	if (r < 0)
		return err_wrap(e, "use '--credentials'");
	shell->auth = (struct http_auth){
		.name = "mesos-master", .prefix = "/master",
		.rules = areas, .n_rules = ARRAY_SIZE(areas),
		.is_closed = {
			[HTTP_AREA_READONLY] = flags->authenticate_http_readonly,
			[HTTP_AREA_READWRITE] = flags->authenticate_http_readwrite,
			[HTTP_AREA_SCHEDULER] = flags->authenticate_http_frameworks,
			[HTTP_AREA_AGENT] = flags->authenticate_agents,
		},
		.credentials = shell->credentials,
	};
	return 0;
}

/* One name and password for all of it, besides what the others ask for. */
static int read_marathon_credentials(struct shell *shell, struct err *e)
{
	static const struct http_area_rule ping = { "/ping", HTTP_AREA_OPEN };
	const char *pair = shell->flags.http_credentials;
	int r = pair ? credentials_of_pair(pair, &shell->marathon_credentials, e) : 0;

	if (r < 0)
		return err_wrap(e, "use '--http_credentials'");
	shell->marathon_auth = (struct http_auth){
		.name = "marathon", .prefix = "", .rules = &ping, .n_rules = 1,
		.is_closed = { [HTTP_AREA_READONLY] = true, [HTTP_AREA_READWRITE] = true },
		.credentials = shell->marathon_credentials,
	};
	return 0;
}

static int read_agent_credential(struct shell *shell, struct err *e)
{
	const char *path = shell->flags.agent_credential;
	int r = path ? credentials_load_header(path, &shell->agent_authorization, e) : 0;

	return r < 0 ? err_wrap(e, "use '--agent_credential'") : 0;
}

/* On PORT, too, at the address of --listen. */
static int listen_on(struct shell *shell, const char *port, uint16_t *ret, struct err *e)
{
	const char *listen = shell->flags.listen;
	int host = (int)(strrchr(listen, ':') - listen);
	AUTO_FREE char *address = NULL;

	if (asprintf(&address, "%.*s:%s", host, listen, port) < 0)
		return err_set(e, ENOMEM, "listen on port %s", port);
	return http_server_listen(shell->server, address, ret, e);
}

static bool is_none(const char *port)
{
	return strcmp(port, "0") == 0;
}

/* Where Marathon's clients look.  A habit, not a need: whoever named no port does without it. */
static int listen_for_marathon(struct shell *shell, struct err *e)
{
	static const char usual_port[] = "8080";
	const char *asked = shell->flags.http_port;
	struct err own = { 0 };

	if (asked && is_none(asked))
		return 0;
	if (asked && *asked && listen_on(shell, asked, &shell->http_port, e) < 0)
		return err_wrap(e, "use '--http_port=%s'", asked);
	if ((!asked || !*asked) && listen_on(shell, usual_port, &shell->http_port, &own) < 0)
		log_write_err(LOG_LEVEL_WARNING, &own, "/v2 is served on port %u alone; --http_port"
			      " names another port, or 0 for none", shell->port);
	return 0;
}

static int listen_for_metronome(struct shell *shell, struct err *e)
{
	const char *asked = shell->flags.metronome_port;
	uint16_t port;

	if (is_none(asked) || listen_on(shell, asked, &port, e) == 0)
		return 0;
	return err_wrap(e, "use '--metronome_port=%s'", asked);
}

static int start_server(struct shell *shell, struct err *e)
{
	struct http_limits limits = http_default_limits;
	int r;

	limits.max_connections = count_connections();
	limits.max_per_peer = MAX_PER_PEER;
	limits.max_stream_queue = MAX_STREAM_QUEUE;
	r = http_server_new(shell->loop, &limits, &shell->server, e);
	if (r == 0)
		r = http_server_listen(shell->server, shell->flags.listen, &shell->port, e);
	if (r == 0)
		r = listen_for_marathon(shell, e);
	if (r == 0)
		r = listen_for_metronome(shell, e);
	if (r < 0)
		return r;
	http_server_set_gate(shell->server, gate, shell);
	return 0;
}

int shell_server_start(struct shell *shell, struct err *e)
{
	int r = choose_hostname(shell, e);

	if (r == 0)
		r = read_credentials(shell, e);
	if (r == 0)
		r = read_marathon_credentials(shell, e);
	if (r == 0)
		r = read_agent_credential(shell, e);
	if (r == 0)
		r = start_server(shell, e);
	return r;
}

void shell_server_done(struct shell *shell)
{
	credentials_free(shell->credentials);
	credentials_free(shell->marathon_credentials);
	free(shell->agent_authorization);
	free(shell->hostname);
}
