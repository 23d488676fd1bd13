/* The maintenance schedule: what offers tell, who is asked to leave, and machines that are down. */
#include "tests/unit/master_harness.h"

#include "master_stub/drain.h"
#include "master_stub/maintenance.h"

#define NODE "{\"hostname\":\"node\"}"
#define START_NS "1700000000000000000"
#define SCHEDULE \
	"{\"windows\":[{\"machine_ids\":[" NODE "],\"unavailability\":{\"start\":{" \
	"\"nanoseconds\":" START_NS "},\"duration\":{\"nanoseconds\":3600000000000}}}]}"

struct scene {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
	char agent_id[256];
};

/* One agent, one framework, and the task "t1" running. */
static struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ 0 });
	snprintf(s->agent_id, sizeof(s->agent_id), "%s", s->agent.id);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	framework_launch(&s->framework, "t1", 1, 128, 31000);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_A);
	cluster_wait(s->cluster, 6000);
	agent_forget(&s->agent);
	return s;
}

static void end(struct scene *s)
{
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

static int schedule(struct scene *s, const char *json, struct err *e)
{
	ProtobufCMessage *text = message(&mesos__v1__maintenance__schedule__descriptor, "%s", json);
	int r = maintenance_update_schedule(
		s->cluster->master, (const Mesos__V1__Maintenance__Schedule *)text, e);

	protobuf_c_message_free_unpacked(text, NULL);
	cluster_turn(s->cluster);
	return r;
}

static void must_schedule(struct scene *s, const char *json)
{
	struct err e = { 0 };

	if (schedule(s, json, &e) < 0)
		fail_msg("%s", e.msg);
}

typedef int machines_fn(struct master *, Mesos__V1__MachineID *const *, size_t, struct err *);

static int change(struct scene *s, machines_fn *fn, const char *json, struct err *e)
{
	Mesos__V1__MachineID *id = (Mesos__V1__MachineID *)
		message(&mesos__v1__machine_id__descriptor, "%s", json);
	int r = fn(s->cluster->master, &id, 1, e);

	protobuf_c_message_free_unpacked(&id->base, NULL);
	cluster_turn(s->cluster);
	return r;
}

static void must(struct scene *s, machines_fn *fn)
{
	struct err e = { 0 };

	if (change(s, fn, NODE, &e) < 0)
		fail_msg("%s", e.msg);
}

static const Mesos__V1__InverseOffer *inverse_offer(const struct scene *s)
{
	const Mesos__V1__Scheduler__Event *event = framework_last(
		&s->framework, MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS);

	return event ? event->inverse_offers->inverse_offers[0] : NULL;
}

static size_t count(const struct scene *s, Mesos__V1__Scheduler__Event__Type type)
{
	return framework_count(&s->framework, type);
}

static void answer(struct scene *s, const char *how, const char *id, double refuse_seconds)
{
	framework_call(&s->framework, NULL, "\"type\":\"%s_INVERSE_OFFERS\",\"%s_inverse_offers\":{"
		       "\"inverse_offer_ids\":[{\"value\":\"%s\"}],\"filters\":{"
		       "\"refuse_seconds\":%g}}", strcmp(how, "accept") == 0 ? "ACCEPT" : "DECLINE",
		       how, id, refuse_seconds);
	cluster_turn(s->cluster);
}

/* "draining/down/answers", as GET_MAINTENANCE_STATUS has them. */
static const char *status(struct scene *s)
{
	static char text[64];
	Mesos__V1__Maintenance__ClusterStatus *found = maintenance_status(s->cluster->master);

	assert_non_null(found);
	snprintf(text, sizeof(text), "%zu/%zu/%zu", found->n_draining_machines,
		 found->n_down_machines, found->n_draining_machines ?
		 found->draining_machines[0]->n_statuses : 0);
	mesos__v1__maintenance__cluster_status__free_unpacked(found, NULL);
	return text;
}

static int come_back(struct scene *s, const char *id, struct err *e)
{
	int r;

	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	r = agent_try_subscribe(s->cluster, &s->agent, (struct subscribe){ .id = id }, e);
	cluster_turn(s->cluster);
	return r;
}

static void test_offers_tell_when_their_machine_is_down(void **state)
{
	struct scene *s = begin();
	const Mesos__V1__Offer *offer = framework_offer(&s->framework);

	(void)state;
	assert_null(offer->unavailability);
	framework_forget(&s->framework);
	must_schedule(s, SCHEDULE);
	/* What told nothing of it is taken back. */
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND), 1);
	offer = framework_offer(&s->framework);
	assert_non_null(offer);
	assert_int_equal(offer->unavailability->start->nanoseconds, 1700000000000000000);
	assert_int_equal(offer->unavailability->duration->nanoseconds, 3600000000000);
	framework_forget(&s->framework);
	must_schedule(s, "{}");
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND), 1);
	assert_null(framework_offer(&s->framework)->unavailability);
	end(s);
}

static void test_the_same_schedule_once_more_disturbs_nobody(void **state)
{
	struct scene *s = begin();

	(void)state;
	must_schedule(s, SCHEDULE);
	framework_forget(&s->framework);
	must_schedule(s, SCHEDULE);
	assert_int_equal(s->framework.n_events, 0);
	end(s);
}

static void test_who_runs_there_is_asked_to_leave(void **state)
{
	struct scene *s = begin();
	const Mesos__V1__InverseOffer *offer;

	(void)state;
	must_schedule(s, SCHEDULE);
	offer = inverse_offer(s);
	assert_non_null(offer);
	assert_string_equal(offer->agent_id->value, s->agent_id);
	assert_string_equal(offer->framework_id->value, s->framework.id);
	assert_int_equal(offer->unavailability->start->nanoseconds, 1700000000000000000);
	assert_int_equal(offer->n_resources, 0);
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS), 1);
	/* Nothing is killed. */
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	end(s);
}

static void test_answers_are_told_and_the_filter_says_when_to_ask_again(void **state)
{
	static const struct {
		const char *how;
		Mesos__V1__Allocator__InverseOfferStatus__Status status;
	} kinds[] = {
		{ "accept", MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__ACCEPT },
		{ "decline", MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__DECLINE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scene *s = begin();
		Mesos__V1__Maintenance__ClusterStatus *told;
		char id[256];

		must_schedule(s, SCHEDULE);
		assert_string_equal(status(s), "1/0/0");
		snprintf(id, sizeof(id), "%s", inverse_offer(s)->id->value);
		framework_forget(&s->framework);
		answer(s, kinds[i].how, id, 20);
		told = maintenance_status(s->cluster->master);
		assert_int_equal(told->draining_machines[0]->n_statuses, 1);
		assert_int_equal(told->draining_machines[0]->statuses[0]->status, kinds[i].status);
		assert_string_equal(told->draining_machines[0]->statuses[0]->framework_id->value,
				    s->framework.id);
		assert_int_equal(told->draining_machines[0]->statuses[0]->timestamp->nanoseconds,
				 s->cluster->wall_ms * 1000000);
		mesos__v1__maintenance__cluster_status__free_unpacked(told, NULL);
		cluster_wait(s->cluster, 19999);
		assert_null(inverse_offer(s));
		/* Twice is not open any more. */
		answer(s, kinds[i].how, id, 1000);
		cluster_wait(s->cluster, 1);
		assert_non_null(inverse_offer(s));
		assert_string_not_equal(inverse_offer(s)->id->value, id);
		end(s);
	}
}

static void test_an_inverse_offer_without_an_answer_is_rescinded_and_made_again(void **state)
{
	struct scene *s = begin();
	char id[256];

	(void)state;
	must_schedule(s, SCHEDULE);
	snprintf(id, sizeof(id), "%s", inverse_offer(s)->id->value);
	framework_forget(&s->framework);
	assert_int_equal(agent_heartbeat(s->cluster, &s->agent), 0);
	cluster_wait(s->cluster, 30000);
	assert_string_equal(framework_last(&s->framework,
					   MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER)
			    ->rescind_inverse_offer->inverse_offer_id->value, id);
	assert_null(inverse_offer(s));
	cluster_wait(s->cluster, 5000);
	assert_non_null(inverse_offer(s));
	end(s);
}

static void test_a_new_time_and_the_end_of_the_plan_rescind(void **state)
{
	struct scene *s = begin();

	(void)state;
	must_schedule(s, SCHEDULE);
	framework_forget(&s->framework);
	must_schedule(s, "{\"windows\":[{\"machine_ids\":[" NODE "],\"unavailability\":{\"start\":{"
			 "\"nanoseconds\":7}}}]}");
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER), 1);
	cluster_wait(s->cluster, 1000);
	assert_int_equal(inverse_offer(s)->unavailability->start->nanoseconds, 7);
	assert_null(inverse_offer(s)->unavailability->duration);
	framework_forget(&s->framework);
	must_schedule(s, "{}");
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER), 1);
	cluster_wait(s->cluster, 6000);
	assert_null(inverse_offer(s));
	end(s);
}

static void test_who_comes_later_is_asked_too(void **state)
{
	struct scene *s = begin();
	struct fake_framework other = { 0 };

	(void)state;
	must_schedule(s, SCHEDULE);
	framework_call(&s->framework, NULL, "\"type\":\"SUPPRESS\"");
	framework_subscribe(s->cluster, &other, FRAMEWORK);
	cluster_wait(s->cluster, 31000);
	assert_null(framework_last(&other, MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS));
	framework_launch(&other, "t2", 1, 128, 31001);
	cluster_wait(s->cluster, 1000);
	assert_non_null(framework_last(&other, MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS));
	framework_forget(&other);
	end(s);
}

/* A look for somebody else, in the meantime, forgets nobody's deadline. */
static void test_an_inverse_offer_to_who_has_left_is_rescinded_in_time(void **state)
{
	struct scene *s = begin();
	struct fake_framework other = { 0 };

	(void)state;
	must_schedule(s, SCHEDULE);
	assert_non_null(inverse_offer(s));
	framework_call(&s->framework, NULL, "\"type\":\"SUPPRESS\"");
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_KILLED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	framework_subscribe(s->cluster, &other, FRAMEWORK);
	framework_call(&s->framework, NULL, "\"type\":\"DECLINE\",\"decline\":{\"offer_ids\":["
		       "{\"value\":\"%s\"}]}", framework_offer(&s->framework)->id->value);
	cluster_wait(s->cluster, 2000);
	framework_launch(&other, "t2", 1, 128, 31001);
	cluster_wait(s->cluster, 1000);
	assert_non_null(framework_last(&other, MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS));
	framework_call(&other, NULL, "\"type\":\"ACCEPT_INVERSE_OFFERS\",\"accept_inverse_offers\":{"
		       "\"inverse_offer_ids\":[{\"value\":\"%s\"}],\"filters\":{"
		       "\"refuse_seconds\":1000}}", framework_last(&other,
		       MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS)->inverse_offers->
		       inverse_offers[0]->id->value);
	cluster_wait(s->cluster, 1000);
	assert_int_equal(agent_heartbeat(s->cluster, &s->agent), 0);
	cluster_wait(s->cluster, 30000);
	assert_int_equal(count(s, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER), 1);
	framework_forget(&other);
	end(s);
}

static void test_who_has_left_is_not_asked_again(void **state)
{
	struct scene *s = begin();
	char id[256];

	(void)state;
	must_schedule(s, SCHEDULE);
	snprintf(id, sizeof(id), "%s", inverse_offer(s)->id->value);
	answer(s, "accept", id, 1);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_KILLED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	framework_forget(&s->framework);
	cluster_wait(s->cluster, 10000);
	assert_null(inverse_offer(s));
	end(s);
}

static void test_a_machine_that_is_down_has_no_agents(void **state)
{
	struct scene *s = begin();
	struct err e = { 0 };

	(void)state;
	must_schedule(s, SCHEDULE);
	must(s, maintenance_start);
	assert_string_equal(status(s), "0/1/0");
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
	assert_true(s->agent.is_closed);
	assert_int_equal(framework_status(&s->framework)->state,
			 MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR);
	/* The old one is told to leave, a new one waits; also after a restart. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(come_back(s, s->agent_id, &e), 1);
		assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
		assert_int_equal(come_back(s, NULL, &e), -EAGAIN);
		assert_string_equal(e.msg, "Machine '" NODE "' is down for maintenance");
		err_clear(&e);
		cluster_restart(s->cluster);
		assert_string_equal(status(s), "0/1/0");
	}
	must(s, maintenance_stop);
	assert_string_equal(status(s), "0/0/0");
	assert_int_equal(maintenance_schedule(s->cluster->master)->n_windows, 0);
	assert_int_equal(come_back(s, NULL, &e), 0);
	assert_string_not_equal(s->agent.id, s->agent_id);
	end(s);
}

static void test_a_schedule_survives_the_master(void **state)
{
	struct scene *s = begin();
	char info[512];

	(void)state;
	must_schedule(s, SCHEDULE);
	snprintf(info, sizeof(info), "{\"user\":\"root\",\"name\":\"test\"," PARTITION_AWARE
		 ",\"id\":{\"value\":\"%s\"}}", s->framework.id);
	cluster_restart(s->cluster);
	assert_int_equal(maintenance_schedule(s->cluster->master)->n_windows, 1);
	framework_subscribe(s->cluster, &s->framework, info);
	framework_forget(&s->framework);
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ .id = s->agent_id });
	assert_int_equal(framework_offer(&s->framework)->unavailability->start->nanoseconds,
			 1700000000000000000);
	end(s);
}

static void test_what_is_no_schedule_says_why(void **state)
{
	static const struct { const char *json, *message;
	} rows[] = {
		{ "{\"windows\":[{\"unavailability\":{\"start\":{\"nanoseconds\":1}}}]}",
		  "List of machines in the maintenance window is empty" },
		{ "{\"windows\":[{\"machine_ids\":[{}],\"unavailability\":{\"start\":{"
		  "\"nanoseconds\":1}}}]}",
		  "Both 'hostname' and 'ip' for a machine are empty" },
		{ "{\"windows\":[{\"machine_ids\":[{\"ip\":\"1.2.3\"}],\"unavailability\":{"
		  "\"start\":{\"nanoseconds\":1}}}]}",
		  "'1.2.3' of a machine is not an address" },
		{ "{\"windows\":[{\"machine_ids\":[" NODE "],\"unavailability\":{\"start\":{"
		  "\"nanoseconds\":1},\"duration\":{\"nanoseconds\":-1}}}]}",
		  "Unavailability 'duration' is negative" },
		{ "{\"windows\":[{\"machine_ids\":[" NODE ",{\"hostname\":\"NODE\"}],"
		  "\"unavailability\":{\"start\":{\"nanoseconds\":1}}}]}",
		  "Machine '{\"hostname\":\"NODE\"}' appears more than once in the schedule" },
	};
	struct scene *s = begin();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(schedule(s, rows[i].json, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].message);
	}
	assert_int_equal(maintenance_schedule(s->cluster->master)->n_windows, 0);
	end(s);
}

static void test_machines_change_in_order_only(void **state)
{
	struct scene *s = begin();
	struct err e = { 0 };

	(void)state;
	assert_int_equal(change(s, maintenance_start, NODE, &e), -EINVAL);
	assert_string_equal(e.msg, "Machine '" NODE "' is not part of a maintenance schedule");
	err_clear(&e);
	assert_int_equal(maintenance_start(s->cluster->master, NULL, 0, &e), -EINVAL);
	assert_string_equal(e.msg, "List of machines is empty");
	err_clear(&e);
	must_schedule(s, SCHEDULE);
	assert_int_equal(change(s, maintenance_stop, NODE, &e), -EINVAL);
	assert_string_equal(e.msg, "Machine '" NODE "' is not in DOWN mode and cannot be brought"
			    " up");
	err_clear(&e);
	must(s, maintenance_start);
	assert_int_equal(change(s, maintenance_start, NODE, &e), -EINVAL);
	assert_string_equal(e.msg, "Machine '" NODE "' is not in DRAINING mode and cannot be"
			    " brought down");
	err_clear(&e);
	assert_int_equal(schedule(s, "{}", &e), -EINVAL);
	assert_string_equal(e.msg, "Machine '" NODE "' is deactivated and cannot be removed from"
			    " the schedule");
	err_clear(&e);
	/* Its time may change. */
	must_schedule(s, SCHEDULE);
	assert_string_equal(status(s), "0/1/0");
	end(s);
}

static void test_an_agent_on_the_schedule_is_not_drained(void **state)
{
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	struct scene *s = begin();
	struct err e = { 0 };

	(void)state;
	must_schedule(s, SCHEDULE);
	assert_int_equal(drain_agent(s->cluster->master, s->agent_id, &config, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "is part of a maintenance schedule under Machine " NODE));
	end(s);
}

/* ---- which machine an agent is on ---- */

static void test_every_name_that_is_given_fits(void **state)
{
	static const char text[] =
		"{\"windows\":[{\"machine_ids\":[{\"hostname\":\"a\"},"
		"{\"hostname\":\"b\",\"ip\":\"10.0.0.1\"},{\"hostname\":\"b\",\"ip\":\"10.0.0.2\"},"
		"{\"ip\":\"10.0.0.3\"},{\"ip\":\"fe80::1\"}],"
		"\"unavailability\":{\"start\":{\"nanoseconds\":1}}}]}";
	static const struct { const char *host, *endpoint, *machine;
	} rows[] = {
		{ "a", NULL, "a|" },
		{ "A", "10.9.9.9:5051", "a|" },
		{ "b", "10.0.0.1:5051", "b|10.0.0.1" },
		{ "b", "10.0.0.2:5051", "b|10.0.0.2" },
		{ "b", "10.0.0.9:5051", NULL },
		{ "c", "10.0.0.3:5051", "|10.0.0.3" },
		{ "10.0.0.3", NULL, "|10.0.0.3" },
		{ "c", "[fe80::1]:5051", "|fe80::1" },
		{ "c", "10.0.0.1:5051", NULL },
		{ "c", NULL, NULL },
		{ "", NULL, NULL },
	};
	ProtobufCMessage *parsed =
		message(&mesos__v1__maintenance__schedule__descriptor, "%s", text);
	struct machines plan;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(machines_make((const Mesos__V1__Maintenance__Schedule *)parsed, &plan, &e),
			 0);
	protobuf_c_message_free_unpacked(parsed, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct machine *machine =
			machines_find_place(&plan, rows[i].host, rows[i].endpoint);

		assert_int_equal(!machine, !rows[i].machine);
		if (machine)
			assert_string_equal(machine->key, rows[i].machine);
	}
	/* Listening on every address, it tells none: either could be it. */
	assert_non_null(machines_find_place(&plan, "b", NULL));
	machines_done(&plan);
}

/* As many as a schedule may have, each stopped in the same call: a walk of all for each takes hours. */
static void test_the_maintenance_of_very_many_machines_is_stopped(void **state)
{
	enum { N = 100000, NAME_SIZE = 16 };
	Mesos__V1__Maintenance__Window window = MESOS__V1__MAINTENANCE__WINDOW__INIT,
		*windows[] = { &window };
	Mesos__V1__Maintenance__Schedule plan = MESOS__V1__MAINTENANCE__SCHEDULE__INIT;
	Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
	Mesos__V1__TimeInfo begin_time = MESOS__V1__TIME_INFO__INIT;
	Mesos__V1__MachineID *ids = calloc(N, sizeof(*ids)), **list = calloc(N, sizeof(ids));
	char (*names)[NAME_SIZE] = calloc(N, sizeof(*names)), rack[] = "rack";
	struct scene *s = begin();
	struct err e = { 0 };

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		mesos__v1__machine_id__init(&ids[i]);
		(void)snprintf(names[i], sizeof(names[i]), "10.%u.%u.%u", i >> 16, i >> 8 & 255,
			       i & 255);
		ids[i].hostname = rack;
		ids[i].ip = names[i];
		list[i] = &ids[i];
	}
	unavailability.start = &begin_time;
	window.unavailability = &unavailability;
	window.machine_ids = list;
	window.n_machine_ids = N;
	plan.windows = windows;
	plan.n_windows = 1;
	assert_int_equal(maintenance_update_schedule(s->cluster->master, &plan, &e), 0);
	assert_int_equal(maintenance_start(s->cluster->master, list, N, &e), 0);
	assert_int_equal(maintenance_stop(s->cluster->master, list + 1, N - 1, &e), 0);
	assert_int_equal(maintenance_schedule(s->cluster->master)->n_windows, 1);
	assert_string_equal(
		maintenance_schedule(s->cluster->master)->windows[0]->machine_ids[0]->ip, names[0]);
	assert_int_equal(maintenance_stop(s->cluster->master, list, 1, &e), 0);
	assert_int_equal(maintenance_schedule(s->cluster->master)->n_windows, 0);
	free(names);
	free(list);
	free(ids);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers_tell_when_their_machine_is_down),
		cmocka_unit_test(test_the_same_schedule_once_more_disturbs_nobody),
		cmocka_unit_test(test_who_runs_there_is_asked_to_leave),
		cmocka_unit_test(test_answers_are_told_and_the_filter_says_when_to_ask_again),
		cmocka_unit_test(
			test_an_inverse_offer_without_an_answer_is_rescinded_and_made_again),
		cmocka_unit_test(test_a_new_time_and_the_end_of_the_plan_rescind),
		cmocka_unit_test(test_who_comes_later_is_asked_too),
		cmocka_unit_test(test_an_inverse_offer_to_who_has_left_is_rescinded_in_time),
		cmocka_unit_test(test_who_has_left_is_not_asked_again),
		cmocka_unit_test(test_a_machine_that_is_down_has_no_agents),
		cmocka_unit_test(test_a_schedule_survives_the_master),
		cmocka_unit_test(test_what_is_no_schedule_says_why),
		cmocka_unit_test(test_machines_change_in_order_only),
		cmocka_unit_test(test_an_agent_on_the_schedule_is_not_drained),
		cmocka_unit_test(test_every_name_that_is_given_fits),
		cmocka_unit_test(test_the_maintenance_of_very_many_machines_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
