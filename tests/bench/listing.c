/*
 * How long it takes to tell all that the master knows, on one cpu and without sockets, and for how
 * long at once nothing else can be done.
 *
 *	listing AGENTS TASKS FRAMEWORKS
 *		TASKS on each agent, of FRAMEWORKS in turn
 *
 * Prints a line for each listing: its name, agents, tasks, MB, milliseconds in all, and of the longest
 * step (an object, at most), which is what a slice of the server may be too long by.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/pb_json.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/listing.h"
#include "master_stub/master.h"
#include "tests/bench/figures.h"

enum { TASK_SIZE = 1024, FRAMEWORK_SIZE = 128 };

/* ---- a master that hears nothing but its agents ---- */

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	(void)arg;
	(void)stream;
	(void)event;
}

static int64_t on_wall(void *arg)
{
	(void)arg;
	return 1600000000123;
}

static struct master *make_master(void)
{
	static struct rng rng;
	const struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_agent_close,
		.explain = on_explain, .wall_ms = on_wall,
	};
	struct master *master;
	struct store *store;
	struct err e = { 0 };

	rng_seed(&rng, 1);
	if (store_open_memory(&store, &e) < 0 ||
	    master_new(&master_default_options, &io, store, &rng, 1000, &master, &e) < 0)
		die(e.msg);
	return master;
}

/* As of a service of a real cluster: labels, a port, a health check, an address. */
static size_t format_task(char *at, unsigned agent, unsigned task, unsigned framework)
{
	return (size_t)sprintf(at,
		"%s{\"framework\":{\"user\":\"root\",\"name\":\"f%u\",\"id\":{\"value\":\"f%u\"}},"
		"\"state\":\"TASK_RUNNING\",\"task\":{\"name\":\"web.service-%u\","
		"\"task_id\":{\"value\":\"web_service-%u.instance-%u-%u\"},"
		"\"agent_id\":{\"value\":\"bench-S%u\"},\"resources\":["
		"{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.1}},"
		"{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":32}}],"
		"\"command\":{\"value\":\"exec serve --port $PORT0\"},\"labels\":{\"labels\":["
		"{\"key\":\"team\",\"value\":\"a\"},{\"key\":\"HAPROXY_GROUP\",\"value\":\"b\"}]}},"
		"\"status\":{\"task_id\":{\"value\":\"web_service-%u.instance-%u-%u\"},"
		"\"state\":\"TASK_RUNNING\",\"timestamp\":1600000000.25,\"healthy\":true,"
		"\"container_status\":{\"network_infos\":[{\"ip_addresses\":["
		"{\"ip_address\":\"10.0.0.1\"}]}]}}}",
		task > 0 ? "," : "", framework, framework, framework, framework, agent, task, agent,
		framework, agent, task);
}

static void add_agent(struct master *master, unsigned agent, unsigned n_tasks,
		      unsigned n_frameworks)
{
	AUTO_FREE char *text = malloc((size_t)(n_tasks + 1) * TASK_SIZE);
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	struct err e = { 0 };
	size_t size;
	json_t *json;

	if (!text)
		die("out of memory");
	size = (size_t)sprintf(text, "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"agent_info\":"
			       "{\"hostname\":\"node-%u\","
			       "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
			       "\"scalar\":{\"value\":32}},{\"name\":\"mem\",\"type\":\"SCALAR\","
			       "\"scalar\":{\"value\":65536}}]},\"tasks\":[", agent);
	for (unsigned i = 0; i < n_tasks; i++)
		size += format_task(text + size, agent, i, (agent * n_tasks + i) % n_frameworks);
	(void)sprintf(text + size, "]}}");
	json = json_loads(text, 0, NULL);
	if (!json || pb_from_json(&tepui__agent_call__descriptor, json, &message, &e) < 0)
		die(e.msg);
	json_decref(json);
	if (master_agent_subscribe(master, (const Tepui__AgentCall *)message,
				   (void *)(uintptr_t)(agent + 1), 1000, &e) < 0)
		die(e.msg);
}

/* ---- figures ---- */

static void measure(struct master *master, const char *name, const struct listing_type *type,
		    bool is_protobuf, unsigned n_agents, unsigned n_tasks)
{
	const struct listing_query query = { .is_ascending = true, .is_protobuf = is_protobuf };
	double begin = now(), last = begin, longest = 0, total;
	struct listing *listing;
	struct err e = { 0 };
	size_t bytes = 0;
	bool is_more;

	if (listing_new(master, type, &query, &listing, &e) < 0)
		die(e.msg);
	do {
		double step;

		is_more = listing_step(listing);
		bytes += listing_out(listing)->size;
		json_out_clear(listing_out(listing));
		step = now();
		longest = step - last > longest ? step - last : longest;
		last = step;
	} while (is_more);
	total = last - begin;
	listing_free(listing);
	printf("%s %u %u %.1f %.0f %.2f\n", name, n_agents, n_agents * n_tasks,
	       (double)bytes / 1e6, total * 1e3, longest * 1e3);
}

int main(int argc, char **argv)
{
	unsigned n_agents = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	unsigned n_tasks = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	unsigned n_frameworks = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	struct master *master;

	if (n_agents == 0 || n_frameworks == 0)
		die("usage: listing AGENTS TASKS FRAMEWORKS");
	master = make_master();
	for (unsigned i = 0; i < n_agents; i++)
		add_agent(master, i, n_tasks, n_frameworks);
	measure(master, "/state", &listing_state, false, n_agents, n_tasks);
	measure(master, "/state-summary", &listing_state_summary, false, n_agents, n_tasks);
	measure(master, "/slaves", &listing_slaves, false, n_agents, n_tasks);
	measure(master, "GET_STATE-JSON", &listing_get_state, false, n_agents, n_tasks);
	measure(master, "GET_STATE-protobuf", &listing_get_state, true, n_agents, n_tasks);
	return EXIT_SUCCESS;
}
