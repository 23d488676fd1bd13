#include "master_stub/marathon/instance/readiness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/fetch.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/state.h"

enum {
	MAX_BODY = 16 << 10,		/* of a response that is kept */
	NO_RESPONSE = 504,		/* how Marathon shows that there was none */
	RETRY_MS = 1000,		/* where no question could be put */
};

/* Of one instance, while its deployment goes on. */
struct readiness {
	TAILQ_ENTRY(readiness) all;
	struct controller *c;
	struct instance *instance;
	struct fetch *fetch;		/* NULL: none is under way */
	int64_t next_ms;
	bool has_answer, is_ready;
	json_t *response;		/* lastResponse, or NULL */
};

static const char *text_of(const json_t *check, const char *key)
{
	return json_string_value(json_object_get(check, key));
}

static int64_t millis_of(const json_t *check, const char *key)
{
	return json_integer_value(json_object_get(check, key)) * 1000;
}

/* Is it new in a deployment that is at its app?  Versions tell, whatever the clocks do. */
static bool is_asked(const struct instance *instance)
{
	const struct entry *entry = instance->entry;

	if (!instance->spec->readiness_check || !entry->deployment || instance->is_doomed ||
	    strcmp(instance->spec->version, entry->deployment->version) < 0)
		return false;
	switch (deployment_phase_of(entry)) {
	case PHASE_SCALE:
	case PHASE_CANARY:
	case PHASE_RESTART:
	case PHASE_PAUSED:
		return true;
	case PHASE_NONE:
	case PHASE_BEFORE:
		break;
	}
	return false;
}

bool readiness_is_awaited(const struct instance *instance)
{
	const struct readiness *readiness = instance->readiness;

	return is_asked(instance) && !(readiness && readiness->is_ready);
}

/* ---- Answers ---- */

static bool is_ready_status(const json_t *check, int status)
{
	const json_t *codes = json_object_get(check, "httpStatusCodesForReady");

	for (size_t i = 0; i < json_array_size(codes); i++) {
		if (json_integer_value(json_array_get(codes, i)) == status)
			return true;
	}
	return false;
}

/* "http://10.0.0.1:31000/ready" */
static void format_url(const struct readiness *readiness, char *text, size_t size)
{
	const json_t *check = readiness->instance->spec->readiness_check;
	struct endpoint at = { .host = "" };

	(void)endpoint_find(readiness->instance, text_of(check, "portName"), &at);
	(void)snprintf(text, size, "%s://%s:%u%s",
		       strcmp(text_of(check, "protocol"), "HTTPS") == 0 ? "https" : "http",
		       at.host, at.port, text_of(check, "path"));
}

static json_t *failure_view(const struct readiness *readiness, const char *error)
{
	char url[1024], body[2048];

	format_url(readiness, url, sizeof(url));
	(void)snprintf(body, sizeof(body), "Marathon could not query %s: %s", url, error);
	return json_pack("{s:i, s:s, s:s}", "status", NO_RESPONSE, "contentType", "text/plain",
			 "body", body);
}

static json_t *response_view(const struct readiness *readiness,
			     const struct controller_answer *answer)
{
	AUTO_FREE char *type = NULL, *body = NULL;

	if (answer->error)
		return failure_view(readiness, answer->error);
	/* The media type alone, and what a server writes need not be UTF-8. */
	type = utf8_repair(answer->content_type, strcspn(answer->content_type, "; \t"));
	body = utf8_repair(answer->body, answer->size);
	if (!type || !body)
		return NULL;
	return json_pack("{s:i, s:s, s:s}", "status", answer->status, "contentType", type, "body",
			 body);
}

static void on_answer(void *arg, const struct controller_answer *answer)
{
	struct readiness *readiness = arg;
	const struct instance *instance = readiness->instance;
	const json_t *check = instance->spec->readiness_check;

	readiness->fetch = NULL;
	entry_touch(readiness->instance->entry);
	readiness->has_answer = true;
	readiness->is_ready = !answer->error && is_ready_status(check, answer->status);
	if (json_is_true(json_object_get(check, "preserveLastResponse"))) {
		json_decref(readiness->response);
		readiness->response = response_view(readiness, answer);
	}
	if (readiness->is_ready)
		controller_explain(readiness->c, "instance '%s' is ready", instance->id);
	else if (answer->error)
		controller_explain(readiness->c, "instance '%s' is not ready: %s", instance->id,
				   answer->error);
	else
		controller_explain(readiness->c, "instance '%s' is not ready: status %d",
				   instance->id, answer->status);
}

/* ---- Questions ---- */

static void ask(struct controller *c, struct readiness *readiness)
{
	const json_t *check = readiness->instance->spec->readiness_check;
	struct controller_fetch what = {
		.path = text_of(check, "path"),
		.is_tls = strcmp(text_of(check, "protocol"), "HTTPS") == 0,
		.timeout_ms = millis_of(check, "timeoutSeconds"), .max_body = MAX_BODY,
	};
	struct endpoint at;

	readiness->next_ms = c->now_ms + millis_of(check, "intervalSeconds");
	/* The address of a task comes with one of its updates. */
	if (!endpoint_find(readiness->instance, text_of(check, "portName"), &at)) {
		readiness->next_ms = c->now_ms + RETRY_MS;
		return;
	}
	what.host = at.host;
	what.port = at.port;
	if (fetch_start(c, &what, on_answer, readiness, &readiness->fetch) < 0)
		readiness->next_ms = c->now_ms + RETRY_MS;
}

static void ask_if_due(struct controller *c, struct readiness *readiness)
{
	if (readiness->is_ready || readiness->fetch)
		return;
	if (c->now_ms >= readiness->next_ms)
		ask(c, readiness);
	controller_wake_at(c, readiness->next_ms);
}

static void begin(struct controller *c, struct instance *instance)
{
	struct readiness *readiness = calloc(1, sizeof(*readiness));

	if (!readiness) {
		c->is_out_of_memory = true;
		return;
	}
	readiness->c = c;
	readiness->instance = instance;
	instance->readiness = readiness;
	TAILQ_INSERT_TAIL(&c->readinesses, readiness, all);
}

void readiness_forget(struct controller *c, struct instance *instance)
{
	struct readiness *readiness = TAKE_PTR(instance->readiness);

	if (!readiness)
		return;
	TAILQ_REMOVE(&c->readinesses, readiness, all);
	fetch_cancel(c, readiness->fetch);
	json_decref(readiness->response);
	free(readiness);
}

static void begin_new(struct controller *c, struct entry *entry)
{
	struct instance *instance;

	if (!entry->deployment || entry->is_deleting || !entry->target->readiness_check)
		return;
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (is_asked(instance) && instance_is_running(instance) &&
		    instance->is_confirmed && !instance->readiness)
			begin(c, instance);
	}
}

void readiness_turn(struct controller *c)
{
	struct readiness *readiness = TAILQ_FIRST(&c->readinesses), *next;

	for (; readiness; readiness = next) {
		next = TAILQ_NEXT(readiness, all);
		if (!is_asked(readiness->instance))
			readiness_forget(c, readiness->instance);
	}
	entries_look(c, begin_new);
	TAILQ_FOREACH(readiness, &c->readinesses, all)
		ask_if_due(c, readiness);
}

/* ---- What is shown ---- */

json_t *readiness_view(const struct entry *entry)
{
	json_t *results = json_array();
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		const struct readiness *readiness = instance->readiness;

		if (!readiness || !readiness->has_answer)
			continue;
		(void)json_array_append_new(
			results, json_pack("{s:s, s:s, s:b, s:O*}", "name",
					   text_of(instance->spec->readiness_check, "name"), "taskId",
					   instance->tasks[0].id, "ready", readiness->is_ready,
					   "lastResponse", readiness->response));
	}
	return results;
}
