#include "tests/sim/servers.h"

#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/autoscaled.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

/* Of this process's controller: another one begins to count anew. */
static uint64_t question_of(const struct host *host, uint64_t id)
{
	return host->run << 32 | id;
}

static struct standing *standing_of(const struct host *host, const struct instance *instance)
{
	return promises_standing(promises_fate(host->sim, host->controller->framework_id,
					       instance->tasks[0].id));
}

/* Those that are still there.  One that nobody can reach may have had the same port. */
static unsigned take_answer(const struct host *host, uint64_t question, bool is_ready)
{
	const struct instance_task *task, *next;
	unsigned n = 0;

	HASH_ITER(by_id, host->controller->tasks, task, next) {
		const struct instance *instance = task->instance;
		struct standing *standing = standing_of(host, instance);

		if (standing->question != question)
			continue;
		standing->is_ready |= is_ready;
		n++;
	}
	return n;
}

/* Ready sooner or later; when all is calm at once. */
static void on_asked(void *arg, uint64_t question)
{
	static const struct controller_answer answers[] = {
		{ .status = 200, .content_type = "", .body = "" },
		{ .status = 503, .content_type = "", .body = "" },
		{ .status = 0, .content_type = "", .body = "", .error = "no answer" },
	};
	struct host *host = arg;
	const struct controller_answer *answer = &answers[0];

	if (!host->controller || host->run != question >> 32)
		return;
	if (!host->sim->is_calm && sim_chance(host->sim, 400))
		answer = &answers[1 + rng_below(&host->sim->rng, ARRAY_SIZE(answers) - 1)];
	if (take_answer(host, question, answer->status == 200) == 0)
		return;
	if (answer->status != 200)
		sim_fault(host->sim, FAULT_TASK_NOT_READY);
	controller_fetched(host->controller, question & UINT32_MAX, answer, host->sim->now_ms);
	host_turn(host);
}

static bool is_asked(const struct instance *instance, const struct controller_fetch *fetch)
{
	return strcmp(instance->host, fetch->host) == 0 && instance->n_ports > 0 &&
	       instance->ports[0] == fetch->port && instance_is_running(instance);
}

/* Known again by the number that the controller has given it. */
static void on_measured(void *arg, uint64_t question)
{
	struct host *host = arg;
	struct controller_answer answer = { .status = 200, .content_type = "text/plain" };
	char page[64];

	if (!host->controller || host->run != question >> 32)
		return;
	autoscaled_expose(host->sim, page, sizeof(page));
	answer.body = page;
	answer.size = strlen(page);
	if (!host->sim->is_calm && sim_chance(host->sim, 100))
		answer = (struct controller_answer){
			.content_type = "", .body = "", .error = "no answer",
		};
	controller_fetched(host->controller, question & UINT32_MAX, &answer, host->sim->now_ms);
	host_turn(host);
}

int servers_fetch(void *arg, uint64_t id, const struct controller_fetch *fetch)
{
	struct host *host = arg;
	const struct instance_task *task, *next;
	bool is_found = false;

	HASH_ITER(by_id, host->controller->tasks, task, next) {
		const struct instance *instance = task->instance;

		if (!is_asked(instance, fetch))
			continue;
		if (strcmp(fetch->path, "/metrics") != 0)
			standing_of(host, instance)->question = question_of(host, id);
		is_found = true;
	}
	if (!is_found)
		sim_fail(host->sim, "readiness", "'%s:%u' is asked, where nothing runs", fetch->host,
			 fetch->port);
	sim_in(host->sim, sim_between(host->sim, 1, fetch->timeout_ms),
	       strcmp(fetch->path, "/metrics") == 0 ? on_measured : on_asked, host,
	       question_of(host, id));
	return 0;
}

/* The answer comes all the same, to nobody. */
void servers_cancel(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
}
