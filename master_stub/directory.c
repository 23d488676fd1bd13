#include "master_stub/directory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/endpoint.h"
#include "master_stub/framework.h"
#include "master_stub/metrics.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum {
	STALLED_MS = 10,	/* until those are looked at again who have not read what they were told */
	BUSY_MS = 1,		/* and until others have had their turn */
};

/* ---- life ---- */

/* As long as an agent that was there has before it is taken for unreachable. */
static int64_t patience_of(const struct master_options *options)
{
	int64_t most = options->reregister_timeout_ms;
	int64_t missed = options->agent_max_missed_pings;

	return options->agent_ping_ms < most / (missed + 1) ? options->agent_ping_ms * missed : most;
}

int directory_new(struct master *master, const struct master_options *options, struct err *e)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	master->directory = directory;
	if (directory)
		directory->chunk = calloc(1, sizeof(*directory->chunk));
	if (!directory || !directory->chunk)
		return err_set(e, ENOMEM, "make directory");
	directory->master = master;
	TAILQ_INIT(&directory->entries);
	directory->told.kind = ENTRY_MARK;
	TAILQ_INSERT_TAIL(&directory->entries, &directory->told, in_order);
	TAILQ_INIT(&directory->current);
	TAILQ_INIT(&directory->behind);
	LIST_INIT(&directory->gone);
	TAILQ_INIT(&directory->leaves.waves);
	directory->patience_ends_ms = master->started_ms + patience_of(options);
	return services_new(&directory->services, options->service_addresses,
			    options->service_node_ports, e);
}

int directory_load(struct master *master, struct err *e)
{
	return vips_load(master, e);
}

void directory_end(struct master *master)
{
	if (master->directory)
		master->directory->is_ending = true;
}

static void drop_gone(struct directory *directory)
{
	struct gone *gone;

	while ((gone = LIST_FIRST(&directory->gone))) {
		LIST_REMOVE(gone, in_gone);
		TAILQ_REMOVE(&directory->entries, &gone->entry, in_order);
		free(gone);
	}
	directory->n_gone = 0;
}

void directory_free(struct master *master)
{
	struct directory *directory = master->directory;

	if (!directory)
		return;
	drop_gone(directory);
	leaves_free(&directory->leaves);
	services_free(&directory->services);
	free(directory->chunk);
	free(directory);
}

/* ---- entries ---- */

static bool is_fresh(const struct directory *directory, const struct directory_entry *entry)
{
	return entry->version > directory->version;
}

static void list_last(struct directory *directory, struct directory_entry *entry)
{
	entry->is_listed = true;
	entry->version = directory->version + 1;
	TAILQ_INSERT_TAIL(&directory->entries, entry, in_order);
}

void directory_touch(struct master *master, struct directory_entry *entry)
{
	struct directory *directory = master->directory;

	if (directory->is_ending || (entry->is_listed && is_fresh(directory, entry)))
		return;
	if (entry->is_listed)
		TAILQ_REMOVE(&directory->entries, entry, in_order);
	list_last(directory, entry);
}

/* Nobody could be told that it is gone: all of them are to begin anew. */
static void begin_anew(struct directory *directory)
{
	while (!TAILQ_EMPTY(&directory->current))
		directory_cut_off(TAILQ_FIRST(&directory->current));
	while (!TAILQ_EMPTY(&directory->behind))
		directory_cut_off(TAILQ_FIRST(&directory->behind));
}

void directory_remove(struct master *master, struct directory_entry *entry, const char *key)
{
	struct directory *directory = master->directory;
	struct gone *gone;

	if (!entry->is_listed || directory->is_ending)
		return;
	TAILQ_REMOVE(&directory->entries, entry, in_order);
	entry->is_listed = false;
	if (!entry->is_told)
		return;
	entry->is_told = false;
	gone = calloc(1, sizeof(*gone) + strlen(key) + 1);
	if (!gone) {
		begin_anew(directory);
		return;
	}
	gone->entry.kind = ENTRY_GONE;
	gone->kind = entry->kind;
	strcpy(gone->key, key);
	LIST_INSERT_HEAD(&directory->gone, gone, in_gone);
	directory->n_gone++;
	list_last(directory, &gone->entry);
}

void directory_rename(const struct framework *framework)
{
	struct master *master = framework->master;
	struct service *service;
	const struct task *task;

	for (task = framework->tasks; task; task = task->hh.next) {
		if (task->endpoint)
			directory_touch(master, &task->endpoint->entry);
	}
	for (service = master->directory->services.services; service; service = service->hh.next) {
		if (service->entry.is_listed && strcmp(service->vip->framework_id, framework->id) == 0)
			directory_touch(master, &service->entry);
	}
}

/* ---- agents ---- */

void directory_subscribe(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe)
{
	struct master *master = agent->master;
	struct directory *directory = master->directory;
	struct reader *reader = &agent->reader;

	agent->directory.entry.kind = ENTRY_NODE;
	agent->directory.agent = agent;
	agent->directory.is_known = true;
	directory_touch(master, &agent->directory.entry);
	services_yield(agent);
	if (!subscribe->takes_directory)
		return;
	*reader = (struct reader){ .agent = agent, .is_open = true, .is_behind = true };
	reader->mark.kind = ENTRY_MARK;
	TAILQ_INSERT_HEAD(&directory->entries, &reader->mark, in_order);
	TAILQ_INSERT_TAIL(&directory->behind, reader, in_readers);
	leaves_reader_opened(reader);
}

void directory_unsubscribe(struct agent *agent)
{
	struct directory *directory = agent->master->directory;
	struct reader *reader = &agent->reader;

	if (!reader->is_open)
		return;
	reader->is_open = false;
	TAILQ_REMOVE(reader->is_behind ? &directory->behind : &directory->current, reader,
		     in_readers);
	if (reader->is_behind)
		TAILQ_REMOVE(&directory->entries, &reader->mark, in_order);
	leaves_reader_closed(reader);
}

void directory_forget_node(struct agent *agent)
{
	directory_remove(agent->master, &agent->directory.entry, agent->id);
	agent->directory.is_known = false;
}

void directory_applied(struct agent *agent, uint64_t generation)
{
	struct reader *reader = &agent->reader;
	uint64_t before = reader->applied;
	unsigned n = 0;

	if (!reader->is_open)
		return;
	while (n < reader->n_open && reader->open[n].generation <= generation)
		n++;
	if (n == 0)
		return;
	reader->applied = reader->open[n - 1].version;
	reader->n_open -= n;
	memmove(reader->open, reader->open + n, reader->n_open * sizeof(reader->open[0]));
	leaves_applied(reader, before);
}

/* ---- what is due ---- */

/* They are there no more, as far as anybody can tell; one that comes after all is told anew. */
static void give_up_recovering(struct directory *directory)
{
	struct agent *agent;

	directory->patience_ends_ms = INT64_MAX;
	for (agent = directory->master->agents; agent; agent = agent->hh.next) {
		if (agent->state != AGENT_RECOVERING)
			continue;
		agent->directory.entry.kind = ENTRY_NODE;
		agent->directory.agent = agent;
		directory_touch(directory->master, &agent->directory.entry);
	}
}

static void check_recovery(struct directory *directory, int64_t now_ms)
{
	if (directory->is_complete)
		return;
	if (!registry_is_recovering(directory->master)) {
		directory->is_complete = directory->is_completion_due = true;
		directory->patience_ends_ms = INT64_MAX;
		services_recovered(directory->master);
	} else if (directory->patience_ends_ms <= now_ms) {
		give_up_recovering(directory);
	}
}

void directory_turn(struct master *master, int64_t now_ms)
{
	struct directory *directory = master->directory;

	check_recovery(directory, now_ms);
	services_turn(master, now_ms);
	directory_tell(directory);
	if (TAILQ_EMPTY(&directory->behind))
		drop_gone(directory);
	directory->stalled_until_ms = TAILQ_EMPTY(&directory->behind) ? INT64_MAX :
				      now_ms + (directory->is_busy ? BUSY_MS : STALLED_MS);
	leaves_turn(master, now_ms);
}

int64_t directory_next_ms(const struct master *master)
{
	const struct directory *directory = master->directory;
	const int64_t times[] = {
		services_next_ms(master), leaves_next_ms(master), directory->stalled_until_ms,
		directory->patience_ends_ms,
	};
	int64_t next = INT64_MAX;

	if (TAILQ_NEXT(&directory->told, in_order))
		return INT64_MIN;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i] < next)
			next = times[i];
	}
	return next;
}

void directory_metrics(const struct master *master, const struct metrics *metrics)
{
	const struct directory *directory = master->directory;
	const struct services *services = &directory->services;
	size_t n_current = 0, n_behind = 0;
	const struct reader *reader;

	TAILQ_FOREACH(reader, &directory->current, in_readers)
		n_current++;
	TAILQ_FOREACH(reader, &directory->behind, in_readers)
		n_behind++;
	metrics_put(metrics, "master/directory/endpoints", (double)directory->n_endpoints);
	metrics_put(metrics, "master/directory/services", HASH_COUNT(services->services));
	metrics_put(metrics, "master/directory/service_addresses", (double)services->vips.n_given);
	metrics_put(metrics, "master/directory/agents_current", (double)n_current);
	metrics_put(metrics, "master/directory/agents_behind", (double)n_behind);
	metrics_put(metrics, "master/directory/changes_told", (double)directory->counters.runs);
	metrics_put(metrics, "master/directory/messages_sent", (double)directory->counters.messages);
	metrics_put(metrics, "master/directory/agents_cut_off", (double)directory->counters.cut_off);
	metrics_put(metrics, "master/directory/leaves_timed_out",
		    (double)directory->counters.timeouts);
}
