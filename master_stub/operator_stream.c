#include "master_stub/operator_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "master_stub/framework.h"
#include "master_stub/listing.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/pages.h"
#include "master_stub/shell.h"
#include "master_stub/stream.h"
#include "net/http_server.h"

enum { MAX_SUBSCRIBERS = 1000, MAX_BEHIND = 16 << 20, PATIENCE_MS = 30000 };

/* What changes after its SUBSCRIBE waits on its stream until the snapshot has been sent. */
struct subscriber {
	struct operator_streams *streams;
	struct stream *stream;
	struct http_request *req;	/* until its answer begins */
	struct page *snapshot;		/* the same */
};

struct operator_streams {
	struct shell *shell;
	struct streams *all;
	struct loop_timer *heartbeat;
};

static void on_heartbeat(void *arg)
{
	Mesos__V1__Master__Event event = MESOS__V1__MASTER__EVENT__INIT;
	struct operator_streams *streams = arg;

	event.has_type = true;
	event.type = MESOS__V1__MASTER__EVENT__TYPE__HEARTBEAT;
	streams_tell(streams->all, &event.base);
	loop_timer_set(streams->heartbeat, SCHEDULER_HEARTBEAT_MS);
	shell_wake(streams->shell);
}

static void watch(struct operator_streams *streams)
{
	if (streams->shell->master)
		master_set_observed(streams->shell->master, streams_count(streams->all) > 0);
}

/* Its stream is gone or going; it gets an answer if it has none yet. */
static void subscriber_free(struct subscriber *subscriber)
{
	struct operator_streams *streams = subscriber->streams;

	if (subscriber->snapshot)
		page_cancel(subscriber->snapshot);
	if (subscriber->req) {
		http_request_on_close(subscriber->req, NULL, NULL);
		http_reply(subscriber->req, 503, NULL, NULL, 0);
	}
	free(subscriber);
	watch(streams);
}

static void on_lost(void *owner)
{
	subscriber_free(owner);
}

int operator_streams_new(struct shell *shell, struct operator_streams **ret, struct err *e)
{
	struct operator_streams *streams = calloc(1, sizeof(*streams));
	int r;

	if (!streams)
		return err_set(e, ENOMEM, "make table of operators' streams");
	streams->shell = shell;
	r = streams_new("operator", &shell->rng, on_lost, &streams->all, e);
	if (r == 0)
		r = loop_timer_new(shell->loop, on_heartbeat, streams, &streams->heartbeat, e);
	if (r < 0) {
		operator_streams_free(streams);
		return r;
	}
	loop_timer_set(streams->heartbeat, SCHEDULER_HEARTBEAT_MS);
	*ret = streams;
	return 0;
}

static void drop_oldest(struct operator_streams *streams)
{
	struct subscriber *oldest = streams_oldest(streams->all);

	stream_close(oldest->stream);
	subscriber_free(oldest);
}

void operator_streams_free(struct operator_streams *streams)
{
	if (!streams)
		return;
	while (streams->all && streams_count(streams->all) > 0)
		drop_oldest(streams);
	streams_free(streams->all);
	loop_timer_free(streams->heartbeat);
	free(streams);
}

void operator_streams_flush(struct operator_streams *streams)
{
	streams_flush(streams->all);
}

void operator_streams_tell(struct operator_streams *streams, const Mesos__V1__Master__Event *event)
{
	streams_tell(streams->all, &event->base);
}

/* ---- SUBSCRIBE ---- */

/* The client did not wait for the snapshot. */
static void on_request_close(void *arg)
{
	struct subscriber *subscriber = arg;

	subscriber->req = NULL;
	stream_close(subscriber->stream);
	subscriber_free(subscriber);
}

static void on_snapshot(void *arg, char *data_take, size_t size)
{
	struct subscriber *subscriber = arg;
	AUTO_FREE char *data = data_take;
	struct err e = { 0 };

	subscriber->snapshot = NULL;
	shell_wake(subscriber->streams->shell);
	if (!data) {
		stream_close(subscriber->stream);
		subscriber_free(subscriber);
	} else if (stream_start(subscriber->stream, subscriber->req, &e) < 0) {
		http_reply_error(TAKE_PTR(subscriber->req), &e);
		subscriber_free(subscriber);
	} else {
		subscriber->req = NULL;
		stream_set_patience(subscriber->stream, PATIENCE_MS);
		stream_set_bound(subscriber->stream, size + MAX_BEHIND);
		stream_write_first(subscriber->stream, data, size);
	}
}

static int begin(struct subscriber *subscriber, enum wire_format format, struct err *e)
{
	struct listing_query query = {
		.is_ascending = true, .is_protobuf = format == WIRE_PROTOBUF,
	};
	struct operator_streams *streams = subscriber->streams;
	int r = stream_new(streams->all, format, subscriber, &subscriber->stream, e);

	if (r < 0)
		return r;
	r = page_collect(streams->shell->pages, streams->shell->master, &listing_subscribed, &query,
			 on_snapshot, subscriber, &subscriber->snapshot, e);
	if (r < 0)
		stream_close(subscriber->stream);
	return r;
}

static int subscribe(struct http_request *req, const OperatorCall *call, struct err *e)
{
	Mesos__V1__Master__Event heartbeat = MESOS__V1__MASTER__EVENT__INIT;
	const struct shell *shell = http_request_app(req);
	struct operator_streams *streams = shell->operators;
	struct subscriber *subscriber;
	enum wire_format format;
	int r = wire_format_of_answer(req, &format, e);

	(void)call;
	if (r < 0)
		return r;
	subscriber = calloc(1, sizeof(*subscriber));
	if (!subscriber)
		return err_set(e, ENOMEM, "subscribe an operator");
	if (streams_count(streams->all) >= MAX_SUBSCRIBERS)
		drop_oldest(streams);
	subscriber->streams = streams;
	r = begin(subscriber, format, e);
	if (r < 0) {
		free(subscriber);
		return r;
	}
	subscriber->req = req;
	http_request_on_close(req, on_request_close, subscriber);
	heartbeat.has_type = true;
	heartbeat.type = MESOS__V1__MASTER__EVENT__TYPE__HEARTBEAT;
	stream_tell(subscriber->stream, &heartbeat.base);
	watch(streams);
	return 0;
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(SUBSCRIBE, subscribe),
};
const struct operator_calls operator_stream_calls = OPERATOR_CALLS(rows);
