/* The text format of Prometheus: labels escaped, every name with its type and one line of help. */
#include "master_stub/metrics.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

enum { NAME_SIZE = 192 };

/* The first pattern that fits.  Counters are sums since the start; all others go up and down. */
static const struct family {
	const char *pattern, *type, *help;
} families[] = {
	{ "master/elected", "gauge", "Is this master the one that leads?" },
	{ "master/uptime_secs", "gauge", "Time since start." },
	{ "master/state_writes_failing", "gauge", "Can the state not be written?" },
	{ "master/outstanding_offers", "gauge", "Offers that wait for an answer." },
	{ "master/offers/*", "counter", "Offers by what became of them." },
	{ "master/operations/*pending", "gauge", "Operations whose agent has not told of them." },
	{ "master/operations/*recovering", "gauge", "Operations whose agent is not back." },
	{ "master/operations/*unreachable", "gauge", "Operations whose agent is unreachable." },
	{ "master/operations/*total", "counter", "Operations with an id." },
	{ "master/operations/*", "counter", "Operations that ended in this state." },
	{ "master/slave_registrations", "counter", "Agents that came for the first time." },
	{ "master/slave_reregistrations", "counter", "Agents that came back." },
	{ "master/slave_removals", "counter", "Agents that were given up." },
	{ "master/slave_removals/*", "counter", "Agents that were given up, by reason." },
	{ "master/*_revocable_*", "gauge", "What may be taken back: nothing is offered so." },
	{ "master/slave_unreachable_*", "counter", "Agents that stopped answering." },
	{ "master/slaves_*", "gauge", "Agents by state." },
	{ "master/frameworks_unmeasured", "gauge", "Frameworks too many to be told of each." },
	{ "master/framework_roles_unmeasured", "gauge", "Their roles, too many to be told of each." },
	{ "master/frameworks_*", "gauge", "Frameworks by state." },
	{ "master/frameworks/calls", "counter", "Calls of the framework." },
	{ "master/frameworks/calls/*", "counter", "Calls of the framework of this kind." },
	{ "master/frameworks/events", "counter", "Events that the framework was told." },
	{ "master/frameworks/events/*", "counter", "Events of this kind that the framework was told." },
	{ "master/frameworks/operations*", "counter", "Operations on offers to the framework." },
	{ "master/frameworks/offers/*", "counter", "Offers to the framework by what became of them." },
	{ "master/frameworks/tasks/active/*", "gauge", "Tasks of the framework in this state." },
	{ "master/frameworks/tasks/terminal/*", "counter", "Tasks of the framework that ended so." },
	{ "master/frameworks/subscribed", "gauge", "Is the framework subscribed?" },
	{ "master/frameworks/roles/suppressed", "gauge", "Does it want no offers in this role?" },
	{ "master/valid_*", "counter", "What was accepted of this kind." },
	{ "master/invalid_*", "counter", "What was refused of this kind." },
	{ "master/dropped_*", "counter", "What was dropped of this kind." },
	{ "master/messages_*", "counter", "Calls of frameworks by kind." },
	{ "master/task_*", "counter", "Tasks that ended so, by source and reason." },
	{ "master/tasks_finished", "counter", "Tasks that ended in this state." },
	{ "master/tasks_failed", "counter", "Tasks that ended in this state." },
	{ "master/tasks_killed", "counter", "Tasks that ended in this state." },
	{ "master/tasks_lost", "counter", "Tasks that ended in this state." },
	{ "master/tasks_error", "counter", "Tasks that ended in this state." },
	{ "master/tasks_dropped", "counter", "Tasks that ended in this state." },
	{ "master/tasks_gone*", "counter", "Tasks that ended in this state." },
	{ "master/tasks_*", "gauge", "Tasks that are in this state." },
	{ "master/*_total", "gauge", "What the agents offer in all." },
	{ "master/*_used", "gauge", "What tasks have of it." },
	{ "master/*_percent", "gauge", "The share of it that tasks have, from 0 to 1." },
	{ "master/directory/endpoints", "gauge", "Tasks that agents know for their names and services." },
	{ "master/directory/services", "gauge", "Stable addresses and ports that tasks asked for." },
	{ "master/directory/service_addresses", "gauge", "Addresses given to names of services." },
	{ "master/directory/agents_current", "gauge", "Agents that were told all." },
	{ "master/directory/agents_behind", "gauge", "Agents that are still being told." },
	{ "master/directory/changes_told", "counter", "Times that changes were told to agents." },
	{ "master/directory/messages_sent", "counter", "Messages in which they were." },
	{ "master/directory/agents_cut_off", "counter", "Agents that had to begin anew: too slow, or memory was out." },
	{ "master/directory/leaves_timed_out", "counter",
	  "Times that kills did not wait until all agents knew." },
	{ "allocator/mesos/allocation_runs", "counter", "Rounds of offering." },
	{ "allocator/mesos/allocation_run_ms*", "gauge", "How long a round of offering takes." },
	{ "allocator/mesos/allocation_run_latency_ms*", "gauge", "How late a round of offering is." },
	{ "registrar/state_fetch_ms", "gauge", "How long the state took to read at the start." },
	{ "registrar/state_store_ms*", "gauge", "How long the state takes to be written." },
	{ "allocator/mesos/grants", "counter", "Resources of an agent given to a framework." },
	{ "allocator/mesos/offer_filters", "gauge", "Refusals of offers that still last." },
	{ "allocator/mesos/resources/*/total", "gauge", "What all agents have of it." },
	{ "allocator/mesos/resources/*", "gauge", "What of it frameworks have or are offered." },
	{ "allocator/mesos/quota/*/guarantee", "gauge", "What the role is to have at least." },
	{ "allocator/mesos/quota/*/limit", "gauge", "What the role may have at most." },
	{ "allocator/mesos/quota/*", "gauge", "What the role has or is offered." },
	{ "allocator/mesos/offer_filters/*", "gauge", "Refusals by the role that still last." },
	{ "allocator/mesos/roles_unmeasured", "gauge", "Roles too many to be told of each." },
	{ "allocator/mesos/roles/*", "gauge", "The role's dominant share, from 0 to 1." },
	{ "marathon.*.counter", "counter", "As Marathon counts it." },
	{ "marathon.*", "gauge", "As Marathon measures it." },
	{ "*", "gauge", "As in /metrics/snapshot." },
};

static const struct family *find_family(const char *name)
{
	const struct family *family = families;

	while (fnmatch(family->pattern, name, 0) != 0)
		family++;
	return family;
}

struct sample {
	char name[NAME_SIZE];		/* as Mesos has it, without what is labelled */
	char *labels;			/* owned */
	double value;
	size_t number;			/* equal names stay in order */
};

struct prometheus {
	struct sample *samples;
	size_t n, cap;
	bool is_failed;
};

struct prometheus *prometheus_new(void)
{
	return calloc(1, sizeof(struct prometheus));
}

static void write_label(FILE *out, const char *separator, const struct metric_part *part)
{
	AUTO_FREE char *text = utf8_repair(part->text, strlen(part->text));

	fprintf(out, "%s%s=\"", separator, part->label);
	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == '\n')
			(void)fputs("\\n", out);
		else
			fprintf(out, "%s%c", *c == '\\' || *c == '"' ? "\\" : "", *c);
	}
	(void)fputc('"', out);
}

static char *labels_of(const struct metric_part *parts, size_t n)
{
	const char *separator = "{";
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!parts[i].label)
			continue;
		write_label(out, separator, &parts[i]);
		separator = ",";
	}
	if (*separator == ',')
		(void)fputc('}', out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static bool grow(struct prometheus *prometheus)
{
	size_t cap = prometheus->cap ? 2 * prometheus->cap : 256;
	struct sample *grown;

	if (prometheus->n < prometheus->cap)
		return true;
	grown = reallocarray(prometheus->samples, cap, sizeof(*grown));
	if (!grown)
		return false;
	prometheus->samples = grown;
	prometheus->cap = cap;
	return true;
}

static void put(void *arg, const struct metric_part *parts, size_t n, double value)
{
	struct prometheus *prometheus = arg;
	struct sample *sample;
	size_t length = 0;

	if (prometheus->is_failed || !grow(prometheus)) {
		prometheus->is_failed = true;
		return;
	}
	sample = &prometheus->samples[prometheus->n];
	sample->name[0] = '\0';
	for (size_t i = 0; i < n && length < NAME_SIZE; i++) {
		if (!parts[i].label)
			length += (size_t)snprintf(sample->name + length, NAME_SIZE - length, "%s%s",
						   length > 0 ? "/" : "", parts[i].text);
	}
	sample->value = value;
	sample->number = prometheus->n;
	sample->labels = labels_of(parts, n);
	if (sample->labels)
		prometheus->n++;
	else
		prometheus->is_failed = true;
}

struct metrics metrics_as_prometheus(struct prometheus *prometheus)
{
	return (struct metrics){ .put = put, .arg = prometheus };
}

static int by_name(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void make_name(const char *name, char ret[NAME_SIZE + 8])
{
	const char *prefix = strncmp(name, "marathon.", strlen("marathon.")) == 0 ? "" : "tepui_";

	(void)snprintf(ret, NAME_SIZE + 8, "%s%s", prefix, name);
	for (char *c = ret; *c; c++) {
		if (strchr("/.-", *c))
			*c = '_';
	}
}

/* All of one name stand together, below its help. */
static void write_samples(const struct prometheus *prometheus, FILE *out)
{
	const char *last = "";
	char name[NAME_SIZE + 8];

	for (size_t i = 0; i < prometheus->n; i++) {
		const struct sample *sample = &prometheus->samples[i];

		if (strcmp(sample->name, last) != 0) {
			const struct family *family = find_family(sample->name);

			make_name(sample->name, name);
			fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, family->help, name,
				family->type);
		}
		fprintf(out, "%s%s %.15g\n", name, sample->labels, sample->value);
		last = sample->name;
	}
}

char *prometheus_finish(struct prometheus *prometheus_take, size_t *ret_size)
{
	struct prometheus *prometheus = prometheus_take;
	char *text = NULL;
	FILE *out = prometheus->is_failed ? NULL : open_memstream(&text, ret_size);

	if (out) {
		if (prometheus->n > 0)
			qsort(prometheus->samples, prometheus->n, sizeof(struct sample), by_name);
		write_samples(prometheus, out);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	for (size_t i = 0; i < prometheus->n; i++)
		free(prometheus->samples[i].labels);
	free(prometheus->samples);
	free(prometheus);
	return text;
}
