/*
 * Master, agents and framework go away and come back, in every order: each task's updates reach the
 * framework in order and at least once, the same ones identical, and nothing is left over.
 */
#include "tests/unit/master_harness.h"

#define INFO "{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":10000," PARTITION_AWARE "%s}"

enum { N_AGENTS = 2, N_UPDATES = 2, MAX_TURNS = 20 };

/* An agent with one task, of which two updates wait: the head is told until it is acknowledged. */
struct node {
	struct fake_agent agent;
	char task[32];
	bool is_here;
	int n_acknowledged;
};

struct world {
	struct cluster *cluster;
	struct fake_framework framework, next;	/* NEXT has taken over, if it is there */
	struct fake_framework *present;		/* NULL: away */
	struct node nodes[N_AGENTS];
	char info[512];
	int seen[N_AGENTS];			/* updates that the framework has seen first */
};

static const struct { const char *state, *uuid; Mesos__V1__TaskState value;
} updates[N_UPDATES] = {
	{ "TASK_RUNNING", UUID_A, MESOS__V1__TASK_STATE__TASK_RUNNING },
	{ "TASK_FINISHED", UUID_B, MESOS__V1__TASK_STATE__TASK_FINISHED },
};

/* ---- the framework: it acknowledges whatever it is told ---- */

static int node_of(const char *task_id)
{
	return task_id[1] - '0';
}

static void take_update(struct world *w, const Mesos__V1__TaskStatus *status)
{
	int i = node_of(status->task_id->value);
	int which = status->uuid.data[0] - 'A';

	/* One that is new is the next one; one that is not is what it was. */
	assert_in_range(which, 0, w->seen[i]);
	assert_int_equal(status->state, updates[which].value);
	assert_int_equal(status->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
	assert_string_equal(status->agent_id->value, w->nodes[i].agent.id);
	if (which == w->seen[i])
		w->seen[i]++;
	framework_call(w->present, NULL,
		       "\"type\":\"ACKNOWLEDGE\",\"acknowledge\":{\"agent_id\":{\"value\":\"%s\"},"
		       "\"task_id\":{\"value\":\"%s\"},\"uuid\":\"%s\"}",
		       w->nodes[i].agent.id, w->nodes[i].task, updates[which].uuid);
}

static void read_events(struct world *w)
{
	struct fake_framework *framework = w->present;

	if (!framework)
		return;
	for (size_t i = 0; i < framework->n_events; i++) {
		const Mesos__V1__Scheduler__Event *event = framework->events[i];

		if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE &&
		    event->update->status->has_uuid)
			take_update(w, event->update->status);
		else if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE)
			assert_false(event->update->status->state ==
				     MESOS__V1__TASK_STATE__TASK_LOST);
	}
	framework_forget(framework);
}

/* ---- the agents ---- */

static void read_acknowledgements(struct node *node)
{
	for (size_t i = 0; i < node->agent.n_events; i++) {
		const Tepui__AgentEvent *event = node->agent.events[i];

		assert_false(event->type == TEPUI__AGENT_EVENT__TYPE__KILL_TASK);
		if (event->type != TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE ||
		    node->n_acknowledged == N_UPDATES)
			continue;
		if (event->acknowledge->uuid.data[0] == 'A' + node->n_acknowledged)
			node->n_acknowledged++;
	}
	agent_forget(&node->agent);
}

static void tell(struct world *w, struct node *node)
{
	if (node->is_here && node->n_acknowledged < N_UPDATES)
		agent_update(w->cluster, &node->agent, w->framework.id, node->task,
			     updates[node->n_acknowledged].state,
			     updates[node->n_acknowledged].uuid, "TASK_FINISHED");
}

static void come_back(struct world *w, struct node *node)
{
	char task[2048] = "";

	if (node->is_here)
		master_agent_lost(w->cluster->master, &node->agent, w->cluster->now_ms);
	if (node->n_acknowledged < N_UPDATES)
		snprintf(task, sizeof(task),
			 "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"id\":{"
			 "\"value\":\"%s\"}},\"task\":" TASK_JSON ",\"state\":\"TASK_FINISHED\"}",
			 w->framework.id, node->task, node->agent.id, 1.0, 128.0, 31000, 31000);
	agent_subscribe(w->cluster, &node->agent, (struct subscribe){
		.id = node->agent.id, .port = 6000 + node_of(node->task), .tasks = task });
	node->is_here = true;
}

/* ---- what happens ---- */

static void framework_back(struct world *w)
{
	struct fake_framework *next = w->present == &w->framework ? &w->next : &w->framework;

	/* The old one is told that it failed over, and acts no more. */
	framework_forget(next);
	framework_subscribe(w->cluster, next, w->info);
	if (w->present)
		framework_forget(w->present);
	w->present = next;
}

static void master_again(struct world *w)
{
	cluster_restart(w->cluster);
	if (w->present)
		framework_forget(w->present);
	w->present = NULL;
	for (int i = 0; i < N_AGENTS; i++) {
		w->nodes[i].is_here = false;
		agent_forget(&w->nodes[i].agent);
	}
}

static void agent_0(struct world *w) { come_back(w, &w->nodes[0]); }
static void agent_1(struct world *w) { come_back(w, &w->nodes[1]); }
static void tell_0(struct world *w) { tell(w, &w->nodes[0]); }

static void (*const happenings[])(struct world *) = {
	agent_0, agent_1, framework_back, master_again, tell_0,
};
enum { N_HAPPENINGS = ARRAY_SIZE(happenings) };

static struct world *begin(void)
{
	struct world *w = calloc(1, sizeof(*w));
	char id[300];

	assert_non_null(w);
	w->cluster = cluster_new();
	snprintf(w->info, sizeof(w->info), INFO, "");
	framework_subscribe(w->cluster, &w->framework, w->info);
	for (int i = 0; i < N_AGENTS; i++) {
		struct node *node = &w->nodes[i];

		snprintf(node->task, sizeof(node->task), "t%d", i);
		agent_subscribe(w->cluster, &node->agent,
				(struct subscribe){ .port = 6000 + i });
		framework_launch(&w->framework, node->task, 1, 128, 31000);
		node->is_here = true;
		agent_forget(&node->agent);
		framework_forget(&w->framework);
	}
	snprintf(id, sizeof(id), ",\"id\":{\"value\":\"%s\"}", w->framework.id);
	snprintf(w->info, sizeof(w->info), INFO, id);
	w->present = &w->framework;
	master_again(w);
	return w;
}

/*
 * Whoever is still away comes back, and everybody says what there is; the framework first, and over
 * one that may be there, or last.
 */
static void settle(struct world *w, bool is_framework_first)
{
	if (is_framework_first)
		framework_back(w);
	for (int i = 0; i < N_AGENTS; i++) {
		if (!w->nodes[i].is_here)
			come_back(w, &w->nodes[i]);
	}
	if (!w->present)
		framework_back(w);
	for (int turn = 0; turn < MAX_TURNS; turn++) {
		for (int i = 0; i < N_AGENTS; i++)
			tell(w, &w->nodes[i]);
		read_events(w);
		cluster_turn(w->cluster);
		for (int i = 0; i < N_AGENTS; i++)
			read_acknowledgements(&w->nodes[i]);
	}
}

static void check(struct world *w)
{
	json_t *state = cluster_list(w->cluster, &listing_state, &(struct listing_query){ 0 });
	const json_t *framework = json_array_get(json_object_get(state, "frameworks"), 0);

	for (int i = 0; i < N_AGENTS; i++) {
		assert_int_equal(w->seen[i], N_UPDATES);
		assert_int_equal(w->nodes[i].n_acknowledged, N_UPDATES);
	}
	assert_int_equal(json_array_size(json_object_get(framework, "tasks")), 0);
	assert_float_equal(cluster_metric(w->cluster, "master/cpus_used"), 0, 1e-9);
	assert_float_equal(cluster_metric(w->cluster, "master/slaves_active"), N_AGENTS, 0);
	json_decref(state);
}

static void end(struct world *w)
{
	for (int i = 0; i < N_AGENTS; i++)
		agent_forget(&w->nodes[i].agent);
	framework_forget(&w->framework);
	framework_forget(&w->next);
	cluster_free(w->cluster);
	free(w);
}

static void run(const int order[N_HAPPENINGS])
{
	for (int variant = 0; variant < 4; variant++) {
		struct world *w = begin();

		for (int i = 0; i < N_HAPPENINGS; i++) {
			happenings[order[i]](w);
			/* Does it read what it is told at once, or only in the end? */
			if (variant & 1)
				read_events(w);
		}
		settle(w, variant & 2);
		check(w);
		end(w);
	}
}

/* Every order, by exchange. */
static unsigned permute(int order[N_HAPPENINGS], int from)
{
	unsigned n = 0;

	if (from == N_HAPPENINGS) {
		run(order);
		return 1;
	}
	for (int i = from; i < N_HAPPENINGS; i++) {
		int first = order[from];

		order[from] = order[i];
		order[i] = first;
		n += permute(order, from + 1);
		order[i] = order[from];
		order[from] = first;
	}
	return n;
}

static void test_in_every_order(void **state)
{
	int order[N_HAPPENINGS];

	(void)state;
	for (int i = 0; i < N_HAPPENINGS; i++)
		order[i] = i;
	assert_int_equal(permute(order, 0), 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_every_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
