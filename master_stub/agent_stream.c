#include "master_stub/agent_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "master_stub/master.h"
#include "master_stub/shell.h"
#include "master_stub/stream.h"
#include "net/http_server.h"
#include "net/wire.h"

struct agent_stream {
	struct shell *shell;
	struct stream *stream;
	char *agent_id;			/* as in SUBSCRIBED */
};

static void agent_stream_free(struct agent_stream *agent)
{
	free(agent->agent_id);
	free(agent);
}

void agent_stream_lost(void *owner)
{
	struct agent_stream *agent = owner;
	struct shell *shell = agent->shell;

	if (shell->master)
		master_agent_lost(shell->master, agent, clock_boot_ms());
	agent_stream_free(agent);
	shell_wake(shell);
}

/* ---- to the agent ---- */

/* What a framework has to say to its executor is told if it can be: never at the cost of the agent's stream. */
enum { MAX_BEFORE_MESSAGE = 4 << 20 };

static bool is_told(const struct agent_stream *agent, const Tepui__AgentEvent *event)
{
	return !event->message || stream_queued(agent->stream) < MAX_BEFORE_MESSAGE;
}

void agent_stream_event(struct agent_stream *agent, const Tepui__AgentEvent *event)
{
	if (!is_told(agent, event)) {
		log_debug("a message to executor '%s' is dropped: its agent '%s' does not read",
			  event->message->executor_id->value, agent->agent_id ? agent->agent_id : "");
		return;
	}
	if (event->subscribed && !agent->agent_id)
		agent->agent_id = strdup(event->subscribed->agent_id->value);
	stream_tell(agent->stream, &event->base);
}

size_t agent_stream_queued(const struct agent_stream *agent)
{
	return stream_queued(agent->stream);
}

void agent_stream_close(struct agent_stream *agent)
{
	stream_close(agent->stream);
	agent_stream_free(agent);
}

/* ---- from the agent ---- */

static int open_stream(struct shell *shell, struct http_request *req, struct agent_stream **ret,
		       struct err *e)
{
	AUTO_FREE struct agent_stream *agent = NULL;
	enum wire_format format;
	int r;

	if (http_request_header(req, "Mesos-Stream-Id"))
		return err_set(e, EINVAL,
			       "subscribe agent: header 'Mesos-Stream-Id' must not be set");
	r = wire_format_of_answer(req, &format, e);
	if (r < 0)
		return r;
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return err_set(e, ENOMEM, "subscribe agent");
	agent->shell = shell;
	r = stream_new(shell->agents, format, agent, &agent->stream, e);
	if (r == 0)
		*ret = TAKE_PTR(agent);
	return r;
}

static int subscribe(struct shell *shell, struct http_request *req, const Tepui__AgentCall *call,
		     struct err *e)
{
	struct agent_stream *agent = NULL;
	struct stream *stream;
	int r = open_stream(shell, req, &agent, e), sent_away;

	if (r < 0)
		return r;
	stream = agent->stream;
	r = sent_away = master_agent_subscribe(shell->master, call, agent, clock_boot_ms(), e);
	if (r < 0) {
		agent_stream_close(agent);
		return r;
	}
	r = stream_start(stream, req, e);
	if (r < 0 && !sent_away)
		agent_stream_lost(agent);
	return r;
}

static int other_call(struct shell *shell, struct http_request *req, const Tepui__AgentCall *call,
		      struct err *e)
{
	const char *id = http_request_header(req, "Mesos-Stream-Id");
	const struct agent_stream *agent;
	int r;

	if (!id)
		return err_set(e, EINVAL, "read agent's call: header 'Mesos-Stream-Id' is missing");
	/* A call of an older stream must not act for the newer one. */
	agent = streams_find(shell->agents, id);
	if (!agent)
		return err_set(e, EINVAL, "read agent's call: stream '%.64s' is not open", id);
	if (!call->agent_id || !agent->agent_id ||
	    strcmp(call->agent_id->value, agent->agent_id) != 0)
		return err_set(e, EINVAL, "read agent's call: agent_id is not of this stream");
	r = master_agent_call(shell->master, call, clock_boot_ms(), e);
	if (r < 0)
		return r;
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

int agent_stream_handle(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	const Tepui__AgentCall *call;
	enum wire_format format;
	int r = wire_read_body(req, &tepui__agent_call__descriptor, &format, &message, e);

	if (r < 0)
		return r;
	call = (const Tepui__AgentCall *)message;
	shell_wake(shell);
	if (call->type == TEPUI__AGENT_CALL__TYPE__SUBSCRIBE)
		return subscribe(shell, req, call, e);
	return other_call(shell, req, call, e);
}
