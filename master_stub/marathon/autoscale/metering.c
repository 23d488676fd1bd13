#include "master_stub/marathon/autoscale/metering.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "master_stub/marathon/autoscale/autoscale_decision.h"
#include "master_stub/marathon/autoscale/autoscaler.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/fetch.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/state.h"

enum {
	MAX_STATISTICS = 16 << 20,	/* of an agent: some kilobytes a container */
	MAX_PAGE = 1 << 20,		/* of an instance's metrics */
	MAX_TIMEOUT_MS = 10000,
	BYTES_PER_MB = 1 << 20,
};

/* One metric of one instance. */
struct meter {
	bool is_known, has_counter;
	double value;
	int64_t ms;			/* boot clock: when it was told */
	double counter, counter_s;	/* the last one, for the rate, by the clock of who tells it */
};

/* Metrics that are exposed at one address: asked for once for all targets that are there. */
struct page {
	struct metering *metering;
	unsigned first;			/* target */
	struct fetch *fetch;		/* NULL: none is under way */
};

struct metering {
	struct controller *c;
	struct instance *instance;
	struct meter meters[AUTOSCALE_MAX_TARGETS];
	struct page pages[AUTOSCALE_MAX_TARGETS];	/* by the first of their targets */
};

/* An agent's statistics. */
struct usage {
	struct controller *c;
	struct node *node;
	int64_t asked_ms;
	struct fetch *fetch;		/* NULL: none is under way */
};

/* What its meters are of, also when the app has got another one meanwhile. */
static const struct autoscale *policy_of(const struct entry *entry)
{
	return autoscaler_policy(entry);
}

static int64_t timeout_of(const struct autoscale *policy)
{
	int64_t most = policy->interval_ms * 4 / 5;

	return most < MAX_TIMEOUT_MS ? most : MAX_TIMEOUT_MS;
}

static bool begin(struct controller *c, struct instance *instance)
{
	struct metering *metering = calloc(1, sizeof(*metering));

	if (!metering) {
		c->is_out_of_memory = true;
		return false;
	}
	metering->c = c;
	metering->instance = instance;
	for (unsigned i = 0; i < AUTOSCALE_MAX_TARGETS; i++)
		metering->pages[i] = (struct page){ .metering = metering, .first = i };
	instance->metering = metering;
	return true;
}

/* ---- Meters ---- */

static void set_value(const struct controller *c, struct meter *meter, double value)
{
	meter->is_known = true;
	meter->value = value;
	meter->ms = c->now_ms;
}

/* Of a counter the growth a second; one that was begun anew in between says nothing this time. */
static void set_counter(const struct controller *c, struct meter *meter, double counter,
			double counter_s)
{
	double elapsed_s = counter_s - meter->counter_s, growth = counter - meter->counter;
	bool is_first = !meter->has_counter;

	/* Told again: nothing is new, and nothing is wrong with it. */
	if (!is_first && elapsed_s <= 0 && growth >= 0) {
		meter->ms = c->now_ms;
		return;
	}
	meter->has_counter = true;
	meter->counter = counter;
	meter->counter_s = counter_s;
	if (is_first || elapsed_s <= 0 || growth < 0)
		meter->is_known = false;
	else
		set_value(c, meter, growth / elapsed_s);
}

/* ---- Agents ---- */

static double number_of(const json_t *statistics, const char *key)
{
	return json_number_value(json_object_get(statistics, key));
}

static void take_usage(struct controller *c, const struct instance *instance,
		       const json_t *statistics)
{
	const struct autoscale *policy = policy_of(instance->entry);

	for (unsigned i = 0; i < policy->n_targets; i++) {
		struct meter *meter = &instance->metering->meters[i];

		if (policy->targets[i].metric == METRIC_CPU)
			set_counter(c, meter,
				    (number_of(statistics, "cpus_user_time_secs") +
				     number_of(statistics, "cpus_system_time_secs")) /
					    instance->spec->cpus,
				    number_of(statistics, "timestamp"));
		else if (policy->targets[i].metric == METRIC_MEM)
			set_value(c, meter, number_of(statistics, "mem_rss_bytes") / BYTES_PER_MB /
						    instance->spec->mem_mb);
	}
}

/* The command executor of a task has its id. */
static void take_statistics(struct controller *c, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *task = json_string_value(json_object_get(row, "executor_id"));
		const json_t *statistics = json_object_get(row, "statistics");
		struct instance *instance = task ? instance_find_task(c, task) : NULL;

		if (instance && instance->entry->autoscaler && statistics &&
		    (instance->metering || begin(c, instance)))
			take_usage(c, instance, statistics);
	}
}

/* Why an answer is none; "": it is one. */
static void complain_of(const struct controller_answer *answer, char *text, size_t size)
{
	*text = '\0';
	if (answer->error)
		(void)snprintf(text, size, "%s", answer->error);
	else if (answer->status == 401)
		(void)snprintf(text, size, "status 401: a credential is asked for, and the master"
			       " shows agents that of --agent_credential alone");
	else if (answer->status != 200)
		(void)snprintf(text, size, "status %d", answer->status);
	else if (answer->is_cut)
		(void)snprintf(text, size, "the answer is longer than %zu bytes", answer->size);
}

/* What is measured of the instances on an agent that does not tell it is not known any more. */
static void forget_usage(struct controller *c, const struct usage *usage, const char *why)
{
	struct instance_task *task, *next;

	HASH_ITER(by_id, c->tasks, task, next) {
		struct instance *instance = task->instance;
		const struct autoscale *policy;

		if (!instance->metering || strcmp(instance->agent_id, usage->node->id) != 0)
			continue;
		policy = policy_of(instance->entry);
		for (unsigned i = 0; i < policy->n_targets; i++) {
			if (autoscale_is_exposed(&policy->targets[i]))
				continue;
			instance->metering->meters[i].is_known = false;
			autoscaler_note(instance->entry, "statistics of agent '%s': %s",
					usage->node->id, why);
		}
	}
}

static void on_statistics(void *arg, const struct controller_answer *answer)
{
	struct usage *usage = arg;
	json_t *rows = NULL;
	struct err e = { 0 };
	char why[512], text[640];

	usage->fetch = NULL;
	complain_of(answer, why, sizeof(why));
	if (!*why && json_in_parse(answer->body, answer->size, &rows, &e) < 0)
		(void)snprintf(why, sizeof(why), "%s", err_text(&e, text, sizeof(text)));
	if (*why)
		forget_usage(usage->c, usage, why);
	else
		take_statistics(usage->c, rows);
	json_decref(rows);
}

static struct usage *usage_of(struct controller *c, struct node *node)
{
	struct usage *usage = node->usage ? node->usage : calloc(1, sizeof(*usage));

	if (!usage || node->usage)
		return usage;
	usage->c = c;
	usage->node = node;
	usage->asked_ms = INT64_MIN / 2;
	node->usage = usage;
	return usage;
}

static void ask_agent(struct controller *c, const struct instance *instance)
{
	const struct autoscale *policy = policy_of(instance->entry);
	struct node *node = node_find(c, instance->agent_id);
	struct usage *usage = node ? usage_of(c, node) : NULL;
	struct controller_fetch what = {
		.path = "/monitor/statistics", .accept = "application/json", .is_of_agent = true,
		.timeout_ms = timeout_of(policy), .max_body = MAX_STATISTICS,
	};

	if (!usage || !node->info->has_port) {
		autoscaler_note(instance->entry, "statistics of agent '%s': no offer has told where"
				" it is", instance->agent_id);
		return;
	}
	if (usage->fetch || c->now_ms - usage->asked_ms < policy->interval_ms)
		return;
	what.host = node->info->hostname;
	what.port = (uint16_t)node->info->port;
	usage->asked_ms = c->now_ms;
	if (fetch_start(c, &what, on_statistics, usage, &usage->fetch) < 0)
		autoscaler_note(instance->entry, "statistics of agent '%s': too much is asked"
				" already", instance->agent_id);
}

/* ---- Instances ---- */

static bool is_same_page(const struct autoscale_target *a, const struct autoscale_target *b)
{
	const char *port_a = a->port_name ? a->port_name : "";
	const char *port_b = b->port_name ? b->port_name : "";

	return autoscale_is_exposed(a) && autoscale_is_exposed(b) &&
	       strcmp(a->path, b->path) == 0 && strcmp(port_a, port_b) == 0;
}

static void read_target(const struct page *page, unsigned i, const struct controller_answer *answer)
{
	struct metering *metering = page->metering;
	const struct autoscale_target *target =
		&policy_of(metering->instance->entry)->targets[i];
	struct meter *meter = &metering->meters[i];
	struct exposition_sum found;
	struct err e = { 0 };
	char why[512], text[640];
	double value;

	complain_of(answer, why, sizeof(why));
	if (!*why && exposition_read(answer->body, answer->size, &target->query, &found, &e) < 0)
		(void)snprintf(why, sizeof(why), "%s", err_text(&e, text, sizeof(text)));
	if (*why) {
		meter->is_known = false;
		autoscaler_note(metering->instance->entry, "metrics of instance '%s': %s",
				metering->instance->id, why);
		return;
	}
	value = target->is_mean ? found.sum / (double)found.n : found.sum;
	if (target->is_rate)
		set_counter(metering->c, meter, value, (double)metering->c->now_ms / 1000);
	else
		set_value(metering->c, meter, value);
}

static void on_page(void *arg, const struct controller_answer *answer)
{
	struct page *page = arg;
	const struct autoscale *policy = policy_of(page->metering->instance->entry);

	page->fetch = NULL;
	for (unsigned i = page->first; i < policy->n_targets; i++) {
		if (is_same_page(&policy->targets[i], &policy->targets[page->first]))
			read_target(page, i, answer);
	}
}

static void ask_page(struct controller *c, struct page *page)
{
	const struct instance *instance = page->metering->instance;
	const struct autoscale *policy = policy_of(instance->entry);
	const struct autoscale_target *target = &policy->targets[page->first];
	struct controller_fetch what = {
		.path = target->path, .accept = "text/plain;version=0.0.4",
		.timeout_ms = timeout_of(policy), .max_body = MAX_PAGE,
	};
	struct endpoint at;

	if (page->fetch || !endpoint_find(instance, target->port_name, &at))
		return;
	what.host = at.host;
	what.port = at.port;
	if (fetch_start(c, &what, on_page, page, &page->fetch) < 0)
		autoscaler_note(instance->entry, "metrics of instance '%s': too much is asked"
				" already", instance->id);
}

void metering_forget(struct controller *c, struct instance *instance)
{
	struct metering *metering = TAKE_PTR(instance->metering);

	for (unsigned i = 0; metering && i < AUTOSCALE_MAX_TARGETS; i++)
		fetch_cancel(c, metering->pages[i].fetch);
	free(metering);
}

void metering_forget_node(struct controller *c, struct node *node)
{
	struct usage *usage = TAKE_PTR(node->usage);

	if (usage)
		fetch_cancel(c, usage->fetch);
	free(usage);
}

/* Is target I the first of its page? */
static bool is_first(const struct autoscale *policy, unsigned i)
{
	for (unsigned j = 0; j < i; j++) {
		if (is_same_page(&policy->targets[i], &policy->targets[j]))
			return false;
	}
	return autoscale_is_exposed(&policy->targets[i]);
}

static void ask_instance(struct controller *c, struct instance *instance)
{
	const struct autoscale *policy = policy_of(instance->entry);
	bool is_measured = false;

	if (!instance_is_running(instance) || !instance_is_alive(instance) ||
	    (!instance->metering && !begin(c, instance)))
		return;
	for (unsigned i = 0; i < policy->n_targets; i++) {
		is_measured |= !autoscale_is_exposed(&policy->targets[i]);
		if (is_first(policy, i))
			ask_page(c, &instance->metering->pages[i]);
	}
	if (is_measured)
		ask_agent(c, instance);
}

void metering_ask(struct controller *c, struct entry *entry)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		ask_instance(c, instance);
}

bool metering_is_waiting(const struct controller *c, const struct entry *entry)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		const struct node *node = node_find(c, instance->agent_id);

		if (!instance->metering)
			continue;
		if (node && node->usage && node->usage->fetch)
			return true;
		for (unsigned i = 0; i < AUTOSCALE_MAX_TARGETS; i++) {
			if (instance->metering->pages[i].fetch)
				return true;
		}
	}
	return false;
}

/* One that is still being started tells nothing of the load, whatever it says. */
static bool is_serving(const struct controller *c, const struct instance *instance)
{
	return instance_is_good(instance) && !readiness_is_awaited(instance) &&
	       c->now_ms - instance->good_ms >= policy_of(instance->entry)->warm_up_ms;
}

void metering_take(const struct controller *c, const struct entry *entry, unsigned instances,
		   int64_t since_ms, struct autoscale_sample *ret)
{
	const struct autoscale *policy = policy_of(entry);
	const struct instance *instance;
	unsigned at = 0;

	memset(ret, 0, sizeof(*ret) * policy->n_targets * instances);
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!instance->metering || !is_serving(c, instance) || at == instances)
			continue;
		for (unsigned i = 0; i < policy->n_targets; i++) {
			const struct meter *meter = &instance->metering->meters[i];

			ret[i * instances + at] = (struct autoscale_sample){
				.is_known = meter->is_known && meter->ms >= since_ms,
				.value = meter->value,
			};
		}
		at++;
	}
}
