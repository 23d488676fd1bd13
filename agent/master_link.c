#include "agent/master_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/master_calls.h"
#include "agent/names.h"
#include "agent/ruleset.h"
#include "agent/operations.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "net/address.h"
#include "net/http_client.h"
#include "net/recordio.h"
#include "net/resolve.h"

enum {
	CALL_TIMEOUT_MS = 10 * 1000,
	SILENT_HEARTBEATS = 5,
	MIN_SILENCE_MS = 2 * 1000,
	MAX_SILENCE_MS = 10 * 60 * 1000,
	MAX_BACKOFF_MS = 60 * 1000,
	STREAM_ID_SIZE = 160,
	MAX_WAITING_BYTES = 8 << 20,	/* beyond which no message of an executor is taken */
};

static const int64_t quick_waits_ms[] = { 100, 200, 400 };

enum link_state { LINK_DOWN, LINK_DIALING, LINK_UP };

/* A packed call. */
struct kept_call {
	void *body;
	size_t size;
	STAILQ_ENTRY(kept_call) next;
};

struct master_link {
	struct agent *agent;
	enum link_state state;
	struct http_client *stream, *calls;	/* of the present attempt */
	struct recordio_reader reader;
	struct loop_timer *retry, *silence;
	char stream_header[STREAM_ID_SIZE];	/* "Mesos-Stream-Id: ...\r\n" */
	int64_t silence_ms;
	unsigned attempts;
	bool has_been_up;
	bool is_told_degraded;			/* on this stream */
	/* Of executors that the SUBSCRIBE on its way says are there, and that have ended since. */
	STAILQ_HEAD(, kept_call) kept;
};

int64_t master_link_backoff(struct rng *rng, unsigned n, int64_t factor_ms)
{
	unsigned shift = n - ARRAY_SIZE(quick_waits_ms);
	int64_t bound;

	if (n < ARRAY_SIZE(quick_waits_ms))
		return quick_waits_ms[n];
	bound = shift < 16 ? factor_ms << shift : MAX_BACKOFF_MS;
	if (bound > MAX_BACKOFF_MS)
		bound = MAX_BACKOFF_MS;
	return quick_waits_ms[0] + (int64_t)rng_below(rng, (uint64_t)bound + 1);
}

/* ---- the end of an attempt ---- */

static void drop_first_kept(struct master_link *link)
{
	struct kept_call *call = STAILQ_FIRST(&link->kept);

	STAILQ_REMOVE_HEAD(&link->kept, next);
	free(call->body);
	free(call);
}

/* Pointers are taken first: freeing a client runs the callbacks of its pending calls. */
static void hang_up(struct master_link *link)
{
	struct http_client *stream = TAKE_PTR(link->stream), *calls = TAKE_PTR(link->calls);

	link->state = LINK_DOWN;
	loop_timer_clear(link->silence);
	recordio_done(&link->reader);
	link->reader = (struct recordio_reader){ 0 };
	link->stream_header[0] = '\0';
	link->is_told_degraded = false;
	while (!STAILQ_EMPTY(&link->kept))
		drop_first_kept(link);
	if (calls)
		http_client_free(calls);
	if (stream)
		http_client_free(stream);
}

static void come_back(struct master_link *link, const char *why)
{
	bool was_up = link->state == LINK_UP;
	int64_t wait;

	hang_up(link);
	if (was_up) {
		link->attempts = 0;
		updates_pause(link->agent);
		operations_pause(link->agent);
	}
	wait = master_link_backoff(&link->agent->rng, link->attempts++,
				   link->agent->flags.registration_backoff_factor);
	/* The first failure and then each power of two: not a line a second for a day. */
	if ((link->attempts & (link->attempts - 1)) == 0)
		log_warning("master '%s': %s; next attempt (%u) in %lld ms",
			    link->agent->flags.master, why, link->attempts, (long long)wait);
	loop_timer_set(link->retry, wait);
}

static void on_silence(void *arg)
{
	struct master_link *link = arg;

	come_back(link, "nothing heard for too long");
}

/*
 * A refusal will not change by itself: before the first registration it ends the agent, afterwards
 * there may be tasks to look after, so it is repeated.
 */
static void on_refusal(struct master_link *link, const struct http_answer *answer)
{
	const struct agent *agent = link->agent;
	struct err e = { 0 };
	char text[sizeof(e.msg) + 64];

	switch (answer->status) {
	case 409:
		(void)err_set(&e, EEXIST, "register with master '%s': agent id '%s' is in use by "
			      "another agent (%.*s)", agent->flags.master,
			      agent_id(agent) ? agent_id(agent) : "", (int)answer->size,
			      answer->body ? answer->body : "");
		break;
	case 401:
		(void)err_set(&e, EACCES, "register with master '%s': it asks for another"
			      " '--credential' (%.*s)", agent->flags.master, (int)answer->size,
			      answer->body ? answer->body : "");
		break;
	case 403:
		(void)err_set(&e, EPERM, "register with master '%s': it does not know the agent of "
			      "'%s' (%.*s); another --work_dir starts a new one",
			      agent->flags.master, agent->work_dir, (int)answer->size,
			      answer->body ? answer->body : "");
		break;
	default:
		(void)snprintf(text, sizeof(text), "it answered %d: %.*s", answer->status,
			       (int)(answer->size < 200 ? answer->size : 200),
			       answer->body ? answer->body : "");
		come_back(link, text);
		return;
	}
	if (!link->has_been_up) {
		hang_up(link);
		agent_fail(link->agent, &e);
		return;
	}
	come_back(link, err_text(&e, text, sizeof(text)));
}

/* ---- calls ---- */

static void on_call_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct master_link *link = arg;
	char text[160];

	if (answer && answer->status == 202)
		return;
	if (!answer && e->code == ECANCELED)
		return;
	/* What was lost with it is sent again after the next registration. */
	(void)snprintf(text, sizeof(text), "a call failed: %.100s",
		       answer ? "it was refused" : e->msg);
	come_back(link, text);
}

static int send_call(struct master_link *link, const void *body, size_t size, struct err *e)
{
	const struct http_call call = {
		.method = HTTP_POST,
		.target = MASTER_CALLS_TARGET,
		.content_type = MASTER_CALLS_TYPE,
		.extra_headers = link->stream_header,
		.body = body,
		.size = size,
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_done = on_call_done,
		.arg = link,
	};

	return http_client_call(link->calls, &call, e);
}

int master_link_update(struct master_link *link, const Mesos__V1__FrameworkID *framework_id,
		       const Mesos__V1__TaskStatus *status, Mesos__V1__TaskState latest,
		       struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r;

	if (link->state != LINK_UP)
		return err_set(e, ENOTCONN, "send an update");
	r = master_call_update(link->agent, framework_id, status, latest, &body, &size, e);
	return r < 0 ? r : send_call(link, body, size, e);
}

int master_link_operation(struct master_link *link, const Tepui__AppliedOperation *operation,
			  struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r;

	if (link->state != LINK_UP)
		return err_set(e, ENOTCONN, "send an update");
	r = master_call_operation(link->agent, operation, &body, &size, e);
	return r < 0 ? r : send_call(link, body, size, e);
}

int master_link_task(struct master_link *link, const struct task *task, struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r = master_call_task(task, &body, &size, e);

	return r < 0 ? r : send_call(link, body, size, e);
}

int master_link_message(struct master_link *link, const Tepui__ExecutorRecord *executor,
			const ProtobufCBinaryData *data, struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r;

	/* Executors say as much as they like; that they do is the agent's memory. */
	if (http_client_waiting(link->calls) > MAX_WAITING_BYTES)
		return err_set(e, ENOBUFS, "send a message: more than %d bytes wait for the master",
			       MAX_WAITING_BYTES);
	r = master_call_message(link->agent, executor, data, &body, &size, e);
	return r < 0 ? r : send_call(link, body, size, e);
}

int master_link_directory_applied(struct master_link *link, uint64_t generation, struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r = master_call_directory_applied(link->agent, generation, &body, &size, e);

	return r < 0 ? r : send_call(link, body, size, e);
}

static int keep_call(struct master_link *link, void **body, size_t size, struct err *e)
{
	struct kept_call *call = malloc(sizeof(*call));

	if (!call)
		return err_set(e, ENOMEM, "keep a call until the master has answered");
	*call = (struct kept_call){ .body = TAKE_PTR(*body), .size = size };
	STAILQ_INSERT_TAIL(&link->kept, call, next);
	return 0;
}

int master_link_executor_exited(struct master_link *link,
				const Mesos__V1__FrameworkInfo *framework,
				const Mesos__V1__ExecutorInfo *executor, const int32_t *status,
				struct err *e)
{
	AUTO_FREE void *body = NULL;
	size_t size;
	int r;

	/* The next SUBSCRIBE tells by not naming it. */
	if (!link || link->state == LINK_DOWN)
		return 0;
	r = master_call_exited(link->agent, framework, executor, status, &body, &size, e);
	if (r < 0)
		return r;
	return link->state == LINK_UP ? send_call(link, body, size, e) :
		keep_call(link, &body, size, e);
}

static void send_kept(struct master_link *link)
{
	for (; !STAILQ_EMPTY(&link->kept); drop_first_kept(link)) {
		const struct kept_call *call = STAILQ_FIRST(&link->kept);
		struct err e = { 0 };

		if (send_call(link, call->body, call->size, &e) < 0)
			log_write_err(LOG_LEVEL_WARNING, &e, "tell of the end of an executor");
	}
}

/* ---- events ---- */

static void send_heartbeat(struct master_link *link)
{
	AUTO_FREE void *body = NULL;
	struct err e = { 0 };
	size_t size;

	if (master_call_heartbeat(link->agent, &body, &size, &e) < 0 ||
	    send_call(link, body, size, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "send a heartbeat");
}

void master_link_tell_degraded(struct master_link *link)
{
	struct err why = { 0 };
	bool is_degraded = admission_check_agent(link->agent, &why) < 0;

	if (link->state != LINK_UP || link->is_told_degraded == is_degraded)
		return;
	link->is_told_degraded = is_degraded;
	send_heartbeat(link);
}

static int on_subscribed(struct master_link *link, const Tepui__AgentEvent__Subscribed *event,
			 struct err *e)
{
	double silence = event->heartbeat_interval_seconds * 1000 * SILENT_HEARTBEATS;
	int r = master_call_accept_id(link->agent, event, e);

	if (r < 0)
		return r;
	if (!(silence > MIN_SILENCE_MS))
		silence = MIN_SILENCE_MS;
	link->silence_ms = silence < MAX_SILENCE_MS ? (int64_t)silence : MAX_SILENCE_MS;
	loop_timer_set(link->silence, link->silence_ms);
	link->state = LINK_UP;
	link->has_been_up = true;
	link->attempts = 0;
	log_info("registered with master '%s' as '%s'", link->agent->flags.master,
		 event->agent_id->value);
	directory_begin(link->agent->directory);
	send_kept(link);
	updates_resume(link->agent);
	operations_resume(link->agent);
	return 0;
}

static int dispatch(struct master_link *link, Tepui__AgentEvent *event, struct err *e)
{
	if (event->type == TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED && event->subscribed)
		return on_subscribed(link, event->subscribed, e);
	if (link->state != LINK_UP)
		return err_set(e, EPROTO, "read the master's stream: it does not begin with "
			       "SUBSCRIBED");
	if (event->type == TEPUI__AGENT_EVENT__TYPE__HEARTBEAT) {
		send_heartbeat(link);
		return 0;
	}
	return master_event_handle(link->agent, event, e);
}

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	struct master_link *link = arg;
	Tepui__AgentEvent *event;
	int r;

	/* An earlier record of the same bytes may have ended the attempt. */
	if (link->state == LINK_DOWN)
		return 0;
	event = tepui__agent_event__unpack(NULL, size, data);
	if (!event)
		return err_set(e, EPROTO, "read the master's stream: a record is no event");
	r = dispatch(link, event, e);
	tepui__agent_event__free_unpacked(event, NULL);
	return r;
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct master_link *link = arg;
	char text[600];
	struct err e = { 0 };

	loop_timer_set(link->silence, link->silence_ms);
	if (recordio_feed(&link->reader, data, size, on_record, link, &e) < 0)
		come_back(link, err_text(&e, text, sizeof(text)));
}

/* ---- registration ---- */

/* Later calls carry the stream's id: a master refuses those of a stream it has given up. */
static void on_head(void *arg, const struct http_answer *answer)
{
	struct master_link *link = arg;
	const struct http_header *id = http_head_find(answer->head, "Mesos-Stream-Id");

	if (answer->status == 200 && id && id->value.size < 128)
		(void)snprintf(link->stream_header, sizeof(link->stream_header),
			       "Mesos-Stream-Id: %.*s\r\n", (int)id->value.size, id->value.data);
}

static void on_stream_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct master_link *link = arg;
	char text[600];

	if (!answer && e->code == ECANCELED)
		return;
	if (!answer)
		come_back(link, err_text(e, text, sizeof(text)));
	else if (answer->status != 200)
		on_refusal(link, answer);
	else
		come_back(link, "it ended the stream");
}

/* Where this node is reached, by --advertise_ip or as the connection to the master has it. */
static int find_address(struct master_link *link, struct err *e)
{
	struct agent *agent = link->agent;
	char host[ADDRESS_HOST_SIZE] = "";
	const char *address = agent->flags.advertise_ip;

	if (!address && http_client_local_host(link->stream, host) >= 0)
		address = host;
	free(agent->address);
	agent->address = address ? strdup(address) : NULL;
	return address && !agent->address ? err_set(e, ENOMEM, "tell where this node is") : 0;
}

/* Two connections: calls must not wait behind a stream that never ends. */
static int dial(struct master_link *link, struct err *e)
{
	struct agent *agent = link->agent;
	AUTO_FREE void *body = NULL;
	struct http_call call = {
		.method = HTTP_POST,
		.target = MASTER_CALLS_TARGET,
		.content_type = MASTER_CALLS_TYPE,
		.accept = MASTER_CALLS_TYPE,
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_stream_done,
		.arg = link,
	};
	int r;

	r = http_client_new_resolved(agent->loop, agent->flags.master, &link->stream, e);
	if (r >= 0)
		r = http_client_new_resolved(agent->loop, agent->flags.master, &link->calls, e);
	if (r >= 0)
		r = http_client_authorize(link->stream, agent->authorization, e);
	if (r >= 0)
		r = http_client_authorize(link->calls, agent->authorization, e);
	if (r >= 0)
		r = find_address(link, e);
	if (r >= 0) {
		names_set_master(agent->names, http_client_address(link->stream));
		ruleset_set_master(agent->ruleset, http_client_address(link->stream));
	}
	if (r >= 0)
		r = master_call_subscribe(agent, &body, &call.size, e);
	if (r < 0)
		return r;
	call.body = body;
	link->silence_ms = CALL_TIMEOUT_MS;
	return http_client_call(link->stream, &call, e);
}

static void attempt(void *arg)
{
	struct master_link *link = arg;
	char text[600];
	struct err e = { 0 };

	/* Nobody waits for one that was shut down. */
	if (link->agent->is_recovering || link->agent->is_shutting_down)
		return;
	link->state = LINK_DIALING;
	if (dial(link, &e) < 0)
		come_back(link, err_text(&e, text, sizeof(text)));
}

int master_link_new(struct agent *agent, struct master_link **ret, struct err *e)
{
	struct master_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return err_set(e, ENOMEM, "prepare the link to the master");
	link->agent = agent;
	STAILQ_INIT(&link->kept);
	r = loop_timer_new(agent->loop, attempt, link, &link->retry, e);
	if (r >= 0)
		r = loop_timer_new(agent->loop, on_silence, link, &link->silence, e);
	if (r < 0) {
		master_link_free(link);
		return r;
	}
	*ret = link;
	return 0;
}

void master_link_start(struct master_link *link)
{
	loop_timer_set(link->retry, 0);
}

bool master_link_is_up(const struct master_link *link)
{
	return link && link->state == LINK_UP;
}

void master_link_free(struct master_link *link)
{
	if (!link)
		return;
	if (link->silence)
		hang_up(link);
	loop_timer_free(link->retry);
	loop_timer_free(link->silence);
	free(link);
}
