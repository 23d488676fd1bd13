/*
 * A framework, as framework.py is one, in C: runs COUNT tasks of one shell command and ends when each
 * has ended.  It speaks the v1 scheduler API in protobuf.  `make examples` builds it.
 *
 *     framework 127.0.0.1:5050 NAME COUNT COMMAND JOURNAL [CREDENTIAL]
 *
 * What it must not forget is in its journal before it is said.  It may be killed at any time: started
 * again with the same journal it takes its place back and asks what became of its tasks.
 * A master that asks frameworks for a credential is shown that of the file CREDENTIAL.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "net/credentials.h"
#include "net/http_client.h"
#include "net/recordio.h"
#include "proto/scheduler.pb-c.h"

typedef Mesos__V1__Scheduler__Call Call;
typedef Mesos__V1__Scheduler__Event Event;

#define CALL(name) MESOS__V1__SCHEDULER__CALL__TYPE__##name
#define EVENT(name) MESOS__V1__SCHEDULER__EVENT__TYPE__##name
#define STATE(name) MESOS__V1__TASK_STATE__##name

enum { RETRY_MS = 200, ID_SIZE = 300, MAX_BATCH = 1000 };
static const double needs_cpus = 0.1, needs_mem = 32;

enum progress { WAITING, LAUNCHED, ENDED };

struct task {
	enum progress progress;
	unsigned attempt;
};

struct framework {
	const char *master, *name, *command;
	struct task *tasks;
	size_t n, n_ended, n_finished;
	FILE *journal;
	char id[ID_SIZE];		/* empty: not known yet */
	struct loop *loop;
	struct loop_timer *retry;
	struct http_client *stream, *calls;
	struct recordio_reader reader;
	char header[ID_SIZE];		/* "Mesos-Stream-Id: ...\r\n" */
	char *authorization;		/* NULL: none is shown */
	bool is_leaving;		/* it has said good-bye on this stream */
};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->msg);
	exit(1);
}

/* ---- the journal ---- */

static void sync_journal(struct framework *f)
{
	if (fflush(f->journal) != 0 || fdatasync(fileno(f->journal)) < 0) {
		perror("write journal");
		exit(1);
	}
}

/* "NAME-NUMBER.ATTEMPT"; NULL if it is none of ours. */
static struct task *parse_id(struct framework *f, const char *id, unsigned *ret_attempt)
{
	const char *dash = strrchr(id, '-');
	unsigned number;

	if (!dash || sscanf(dash, "-%u.%u", &number, ret_attempt) != 2 || number >= f->n)
		return NULL;
	return &f->tasks[number];
}

static void format_id(const struct framework *f, const struct task *task, char ret[ID_SIZE])
{
	snprintf(ret, ID_SIZE, "%s-%zu.%u", f->name, (size_t)(task - f->tasks), task->attempt);
}

/* Did it not run to its end, or does nobody know it?  Then another attempt is made. */
static bool is_again(Mesos__V1__TaskState state)
{
	return state == STATE(TASK_LOST) || state == STATE(TASK_DROPPED) || state == STATE(TASK_GONE) ||
	       state == STATE(TASK_GONE_BY_OPERATOR) || state == STATE(TASK_UNKNOWN);
}

static bool is_end(Mesos__V1__TaskState state)
{
	return is_again(state) || state == STATE(TASK_FINISHED) || state == STATE(TASK_FAILED) ||
	       state == STATE(TASK_KILLED) || state == STATE(TASK_ERROR);
}

static void take_end(struct framework *f, struct task *task, Mesos__V1__TaskState state)
{
	task->progress = is_again(state) ? WAITING : ENDED;
	f->n_ended += task->progress == ENDED;
	f->n_finished += state == STATE(TASK_FINISHED);
}

static void read_journal(struct framework *f)
{
	char line[2 * ID_SIZE], id[ID_SIZE];
	struct task *task;
	unsigned attempt;
	long end = 0;
	int state;

	rewind(f->journal);
	while (fgets(line, sizeof(line), f->journal)) {
		/* The last one may have been cut off: it was not acted on. */
		if (!strchr(line, '\n'))
			break;
		if (sscanf(line, "framework %299s", id) == 1)
			snprintf(f->id, sizeof(f->id), "%s", id);
		else if (sscanf(line, "launch %299s", id) == 1 && (task = parse_id(f, id, &attempt)))
			*task = (struct task){ LAUNCHED, attempt };
		else if (sscanf(line, "end %299s %d", id, &state) == 2 &&
			 (task = parse_id(f, id, &attempt)))
			take_end(f, task, (Mesos__V1__TaskState)state);
		end = ftell(f->journal);
	}
	clearerr(f->journal);
	if (ftruncate(fileno(f->journal), end) < 0) {
		perror("cut journal");
		exit(1);
	}
}

/* ---- calls ---- */

static void come_back(struct framework *f, const char *why)
{
	fprintf(stderr, "framework %s: %s; coming back\n", f->name, why);
	loop_timer_set(f->retry, RETRY_MS);
}

static void on_answer(void *arg, const struct http_answer *answer, const struct err *e)
{
	char why[64] = "a call was refused";

	if (answer && answer->status == 202)
		return;
	if (!answer && e->code == ECANCELED)
		return;
	if (answer)
		snprintf(why, sizeof(why), "a call was refused with %d", answer->status);
	come_back(arg, answer ? why : e->msg);
}

typedef void done_fn(void *arg, const struct http_answer *answer, const struct err *e);

static void send_and(struct framework *f, Call *call, int type, done_fn *on_done)
{
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
	AUTO_FREE void *data = NULL;
	struct http_call http = {
		.method = HTTP_POST, .target = "/api/v1/scheduler",
		.content_type = "application/x-protobuf", .extra_headers = f->header,
		.on_done = on_done, .arg = f,
	};
	struct err e = { 0 };

	id.value = f->id;
	call->framework_id = &id;
	call->has_type = true;
	call->type = (Mesos__V1__Scheduler__Call__Type)type;
	if (pb_pack(&call->base, &data, &http.size, &e) < 0)
		die("write call", &e);
	http.body = data;
	if (http_client_call(f->calls, &http, &e) < 0)
		die("make call", &e);
}

static void send_call(struct framework *f, Call *call, int type)
{
	send_and(f, call, type, on_answer);
}

static void on_torn_down(void *arg, const struct http_answer *answer, const struct err *e)
{
	const struct framework *f = arg;

	if (answer && answer->status == 202)
		loop_stop(f->loop);
	else
		on_answer(arg, answer, e);
}

/* It is over when the master has heard that it is: until then others' resources are held. */
static void leave_if_done(struct framework *f)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;

	if (f->n_ended < f->n || f->is_leaving)
		return;
	f->is_leaving = true;
	send_and(f, &call, CALL(TEARDOWN), on_torn_down);
}

/* What became of those that were launched? */
static void reconcile(struct framework *f)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Reconcile body = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
	Mesos__V1__Scheduler__Call__Reconcile__Task *tasks = calloc(f->n, sizeof(*tasks));
	Mesos__V1__Scheduler__Call__Reconcile__Task **pointers = calloc(f->n, sizeof(*pointers));
	Mesos__V1__TaskID *ids = calloc(f->n, sizeof(*ids));
	char (*names)[ID_SIZE] = calloc(f->n, sizeof(*names));

	for (size_t i = 0; i < f->n; i++) {
		if (f->tasks[i].progress != LAUNCHED)
			continue;
		format_id(f, &f->tasks[i], names[i]);
		mesos__v1__task_id__init(&ids[i]);
		ids[i].value = names[i];
		mesos__v1__scheduler__call__reconcile__task__init(&tasks[i]);
		tasks[i].task_id = &ids[i];
		pointers[body.n_tasks++] = &tasks[i];
	}
	body.tasks = pointers;
	call.reconcile = &body;
	/* Without tasks it would ask for all. */
	if (body.n_tasks > 0)
		send_call(f, &call, CALL(RECONCILE));
	free(tasks);
	free(pointers);
	free(ids);
	free(names);
}

static void acknowledge(struct framework *f, const Mesos__V1__TaskStatus *status)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Acknowledge body = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

	body.agent_id = status->agent_id;
	body.task_id = status->task_id;
	body.uuid = status->uuid;
	call.acknowledge = &body;
	send_call(f, &call, CALL(ACKNOWLEDGE));
}

static void decline(struct framework *f, Mesos__V1__OfferID *offer_id)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Decline body = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;

	body.n_offer_ids = 1;
	body.offer_ids = &offer_id;
	call.decline = &body;
	send_call(f, &call, CALL(DECLINE));
}

static void accept_offer(struct framework *f, Mesos__V1__OfferID *offer_id, Mesos__V1__TaskInfo **infos,
			 size_t n)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Accept body = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
	Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
	Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
	Mesos__V1__Offer__Operation *operations[] = { &operation };
	Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

	launch.n_task_infos = n;
	launch.task_infos = infos;
	operation.has_type = true;
	operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
	operation.launch = &launch;
	filters.has_refuse_seconds = true;
	filters.refuse_seconds = 0;
	body.n_offer_ids = 1;
	body.offer_ids = &offer_id;
	body.n_operations = 1;
	body.operations = operations;
	body.filters = &filters;
	call.accept = &body;
	send_call(f, &call, CALL(ACCEPT));
}

/* ---- offers ---- */

static double scalar_of(const Mesos__V1__Offer *offer, const char *name)
{
	double sum = 0;

	for (size_t i = 0; i < offer->n_resources; i++) {
		const Mesos__V1__Resource *resource = offer->resources[i];

		if (strcmp(resource->name, name) == 0 && resource->scalar)
			sum += resource->scalar->value;
	}
	return sum;
}

/* A task's message with what it points to. */
struct message {
	Mesos__V1__TaskInfo info;
	Mesos__V1__TaskID id;
	Mesos__V1__CommandInfo command;
	Mesos__V1__Resource resources[2], *pointers[2];
	Mesos__V1__Value__Scalar values[2];
	char name[ID_SIZE];
};

static void fill_resource(struct message *message, size_t i, const char *name, double value)
{
	mesos__v1__resource__init(&message->resources[i]);
	mesos__v1__value__scalar__init(&message->values[i]);
	message->values[i].value = value;
	message->resources[i].name = (char *)(uintptr_t)name;
	message->resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
	message->resources[i].scalar = &message->values[i];
	message->pointers[i] = &message->resources[i];
}

static void fill(struct framework *f, const struct task *task, Mesos__V1__AgentID *agent_id,
		 struct message *message)
{
	mesos__v1__task_info__init(&message->info);
	mesos__v1__task_id__init(&message->id);
	mesos__v1__command_info__init(&message->command);
	format_id(f, task, message->name);
	message->id.value = message->name;
	message->command.value = (char *)(uintptr_t)f->command;
	fill_resource(message, 0, "cpus", needs_cpus);
	fill_resource(message, 1, "mem", needs_mem);
	message->info.name = (char *)(uintptr_t)f->name;
	message->info.task_id = &message->id;
	message->info.agent_id = agent_id;
	message->info.command = &message->command;
	message->info.n_resources = 2;
	message->info.resources = message->pointers;
}

static void on_offer(struct framework *f, const Mesos__V1__Offer *offer)
{
	double cpus = scalar_of(offer, "cpus") / needs_cpus, mem = scalar_of(offer, "mem") / needs_mem;
	size_t fit = (size_t)((cpus < mem ? cpus : mem) + 1e-6), n = 0;
	struct message *messages;
	Mesos__V1__TaskInfo **infos;

	fit = fit < MAX_BATCH ? fit : MAX_BATCH;
	messages = calloc(fit + 1, sizeof(*messages));
	infos = calloc(fit + 1, sizeof(*infos));
	for (size_t i = 0; i < f->n && n < fit; i++) {
		if (f->tasks[i].progress != WAITING)
			continue;
		f->tasks[i] = (struct task){ LAUNCHED, f->tasks[i].attempt + 1 };
		fill(f, &f->tasks[i], offer->agent_id, &messages[n]);
		infos[n] = &messages[n].info;
		fprintf(f->journal, "launch %s\n", messages[n++].name);
	}
	if (n > 0) {
		sync_journal(f);
		accept_offer(f, offer->id, infos, n);
	} else {
		decline(f, offer->id);
	}
	free(messages);
	free(infos);
}

/* ---- other events ---- */

static void on_subscribed(struct framework *f, const Mesos__V1__FrameworkID *id)
{
	if (!*f->id) {
		snprintf(f->id, sizeof(f->id), "%s", id->value);
		fprintf(f->journal, "framework %s\n", f->id);
		sync_journal(f);
	}
	reconcile(f);
	leave_if_done(f);
}

static void on_update(struct framework *f, const Mesos__V1__TaskStatus *status)
{
	unsigned attempt;
	struct task *task = parse_id(f, status->task_id->value, &attempt);

	if (task && task->progress == LAUNCHED && task->attempt == attempt && is_end(status->state)) {
		fprintf(f->journal, "end %s %d\n", status->task_id->value, (int)status->state);
		sync_journal(f);
		take_end(f, task, status->state);
	}
	if (status->has_uuid)
		acknowledge(f, status);
	leave_if_done(f);
}

/* Once all is done: what it asked for was heard, though perhaps not answered. */
static int on_error(struct framework *f, const char *message, struct err *e)
{
	if (f->n_ended < f->n)
		return err_set(e, EPERM, "%.200s", message);
	f->is_leaving = true;
	loop_stop(f->loop);
	return 0;
}

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	struct framework *f = arg;
	const Event *event;
	int r = pb_unpack(&mesos__v1__scheduler__event__descriptor, data, size, &message, e);

	if (r < 0)
		return r;
	event = (const Event *)message;
	if (event->type == EVENT(SUBSCRIBED))
		on_subscribed(f, event->subscribed->framework_id);
	else if (event->type == EVENT(UPDATE))
		on_update(f, event->update->status);
	else if (event->type == EVENT(ERROR))
		return on_error(f, event->error->message, e);
	for (size_t i = 0; event->type == EVENT(OFFERS) && i < event->offers->n_offers; i++)
		on_offer(f, event->offers->offers[i]);
	return 0;
}

/* ---- SUBSCRIBE ---- */

static void on_head(void *arg, const struct http_answer *answer)
{
	struct framework *f = arg;
	const struct http_header *id = http_head_find(answer->head, "Mesos-Stream-Id");

	if (id)
		snprintf(f->header, sizeof(f->header), "Mesos-Stream-Id: %.*s\r\n",
			 (int)id->value.size, id->value.data);
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct framework *f = arg;
	struct err e = { 0 };

	if (recordio_feed(&f->reader, data, size, on_record, f, &e) < 0)
		die("read event", &e);
}

static void on_end(void *arg, const struct http_answer *answer, const struct err *e)
{
	const struct framework *f = arg;

	/* Whoever asks again is told the same. */
	if (answer && answer->status >= 400 && answer->status < 500) {
		fprintf(stderr, "framework %s: %d %.*s\n", f->name, answer->status, (int)answer->size,
			answer->body ? answer->body : "");
		exit(1);
	}
	if (!f->is_leaving && (answer || e->code != ECANCELED))
		come_back(arg, answer ? "the stream has ended" : e->msg);
}

static void subscribe(void *arg)
{
	struct framework *f = arg;
	Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
	Mesos__V1__FrameworkInfo__Capability aware = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT;
	Mesos__V1__FrameworkInfo__Capability *capabilities[] = { &aware };
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__Scheduler__Call__Subscribe body = MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	AUTO_FREE void *data = NULL;
	struct http_call http = {
		.method = HTTP_POST, .target = "/api/v1/scheduler",
		.content_type = "application/x-protobuf", .accept = "application/x-protobuf",
		.on_head = on_head, .on_data = on_data, .on_done = on_end, .arg = f,
	};
	struct err e = { 0 };
	static char user[] = "nobody";

	if (f->stream)
		http_client_free(TAKE_PTR(f->stream));
	if (f->calls)
		http_client_free(TAKE_PTR(f->calls));
	recordio_done(&f->reader);
	f->reader = (struct recordio_reader){ 0 };
	f->is_leaving = false;
	aware.has_type = true;
	aware.type = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE;
	info.user = user;
	info.name = (char *)(uintptr_t)f->name;
	info.has_failover_timeout = info.has_checkpoint = true;
	info.failover_timeout = 3600;
	info.checkpoint = true;
	info.n_capabilities = 1;
	info.capabilities = capabilities;
	id.value = f->id;
	if (*f->id)
		info.id = call.framework_id = &id;
	body.framework_info = &info;
	call.has_type = true;
	call.type = CALL(SUBSCRIBE);
	call.subscribe = &body;
	if (pb_pack(&call.base, &data, &http.size, &e) < 0 ||
	    http_client_new(f->loop, f->master, &f->stream, &e) < 0 ||
	    http_client_new(f->loop, f->master, &f->calls, &e) < 0 ||
	    http_client_authorize(f->stream, f->authorization, &e) < 0 ||
	    http_client_authorize(f->calls, f->authorization, &e) < 0)
		die("subscribe", &e);
	http.body = data;
	if (http_client_call(f->stream, &http, &e) < 0)
		die("subscribe", &e);
}

int main(int argc, char **argv)
{
	struct framework f = { 0 };
	struct err e = { 0 };

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: %s MASTER NAME COUNT COMMAND JOURNAL [CREDENTIAL]\n", argv[0]);
		return 2;
	}
	f.master = argv[1];
	f.name = argv[2];
	f.n = strtoul(argv[3], NULL, 10);
	f.command = argv[4];
	f.tasks = calloc(f.n + 1, sizeof(*f.tasks));
	f.journal = fopen(argv[5], "a+");
	if (!f.tasks || !f.journal) {
		perror(argv[5]);
		return 1;
	}
	read_journal(&f);
	if (argc == 7 && credentials_load_header(argv[6], &f.authorization, &e) < 0)
		die("use credential", &e);
	if (loop_new(&f.loop, &e) < 0 || loop_timer_new(f.loop, subscribe, &f, &f.retry, &e) < 0)
		die("start", &e);
	loop_timer_set(f.retry, 0);
	if (loop_run(f.loop, &e) < 0)
		die("run", &e);
	printf("%zu of %zu tasks finished\n", f.n_finished, f.n);
	http_client_free(f.calls);
	http_client_free(f.stream);
	recordio_done(&f.reader);
	loop_timer_free(f.retry);
	loop_free(f.loop);
	free(f.authorization);
	free(f.tasks);
	return fclose(f.journal) == 0 ? 0 : 1;
}
