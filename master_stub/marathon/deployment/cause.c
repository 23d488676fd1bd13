#include "master_stub/marathon/deployment/cause.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/instance/health_results.h"
#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/placement/explanation.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

/* Of what a task says of its own end: enough for the last lines of its output. */
enum { MAX_MESSAGE = 2048 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

__attribute__((format(printf, 1, 2))) static char *sentence(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

/* END is a lastTaskFailure. */
static char *describe_end(const json_t *end)
{
	char app[APP_ID_SIZE], instance[256];
	const char *message = text_of(end, "message");

	task_id_split(text_of(end, "taskId"), app, sizeof(app), instance, sizeof(instance));
	return sentence("instance '%s' on node '%s' ended: %s: %.*s", instance,
			text_of(end, "host"), text_of(end, "state"),
			(int)utf8_cut(message, MAX_MESSAGE), *message ? message : "no message");
}

/* One of the version that is to be, but is not; NULL: there is none. */
static const struct instance *find_laggard(struct controller *c, const struct entry *entry)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance_is_current(instance, entry->target) && instance_is_alive(instance) &&
		    !instance_is_up(c, instance))
			return instance;
	}
	return NULL;
}

static char *describe_laggard(const struct instance *instance)
{
	const struct health_result *failing = health_results_failing(instance);
	const char *cause = failing ? failing->failure_cause : NULL;

	if (!instance_is_running(instance))
		return sentence("instance '%s' on node '%s' is %s", instance->id, instance->host,
				instance->is_provisioned
					? "launched, but nothing was heard of it"
					: instance_state_name(instance->state));
	if (!instance_is_good(instance) && !cause)
		return sentence("instance '%s' on node '%s' has not passed its health check yet",
				instance->id, instance->host);
	if (!instance_is_good(instance))
		return sentence("instance '%s' on node '%s' is not healthy: %.*s", instance->id,
				instance->host, (int)utf8_cut(cause, MAX_MESSAGE), cause);
	if (readiness_is_awaited(instance))
		return sentence("instance '%s' on node '%s' is not ready yet", instance->id,
				instance->host);
	return sentence("instance '%s' on node '%s' has not been up for %lld s yet", instance->id,
			instance->host, (long long)instance->spec->min_up_ms / 1000);
}

static const struct instance *find_leaving(const struct entry *entry)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance->is_doomed)
			return instance;
	}
	return NULL;
}

/* An end says more than what is being tried again meanwhile. */
char *cause_of_delay(struct controller *c, const struct entry *entry)
{
	const struct instance *laggard = find_laggard(c, entry), *leaving = find_leaving(entry);
	char why[EXPLANATION_SIZE];

	if (entry->last_end && strcmp(text_of(entry->last_end, "version"),
				      entry->target->last_config_change_at) >= 0)
		return describe_end(entry->last_end);
	if (laggard)
		return describe_laggard(laggard);
	if (entry->wanted > 0 && entry->launch_spec) {
		explanation_format(c, entry, why);
		return sentence("%u instances are not launched: %.*s", entry->wanted,
				(int)utf8_cut(why, sizeof(why)), why);
	}
	if (leaving)
		return sentence("instance '%s' on node '%s' was told to end, but has not",
				leaving->id, leaving->host);
	return sentence("it waits for its step");
}

char *cause_of_backoff(const struct controller *c, const struct entry *entry)
{
	AUTO_FREE char *last = entry->last_end ? describe_end(entry->last_end) : NULL;

	return sentence("backing off for %.3f s after %u failed starts%s%s",
			(double)(backoff_deadline(&entry->backoff) - c->now_ms) / 1000,
			entry->backoff.failures, last ? ", the last: " : "", last ? last : "");
}

char *cause_of_giving_up(const struct entry *entry)
{
	AUTO_FREE char *last = entry->last_end ? describe_end(entry->last_end) : NULL;

	return sentence("app '%s' is given up after %u failed starts%s%s", entry->id,
			entry->backoff.failures, last ? ", the last: " : "", last ? last : "");
}
