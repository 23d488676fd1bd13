/* Listings: what they tell, and that they go on while the tables that they walk over change. */
#include "tests/unit/master_harness.h"

#include "lib/id.h"
#include "proto/master.pb-c.h"

typedef Mesos__V1__Master__Response Response;

static const struct listing_query everything = { .is_ascending = true };

struct scene {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
};

/* What is left of the offer is refused for five seconds. */
static void launch(struct scene *s, const char *id, int n)
{
	framework_launch(&s->framework, id, .1, 32, 31000 + n);
	cluster_wait(s->cluster, 6000);
}

/* Tasks t0, t1, ... of one framework on one agent. */
static struct scene *scene_new(int n_tasks)
{
	struct scene *s = calloc(1, sizeof(*s));
	char id[16];

	assert_non_null(s);
	s->cluster = cluster_new();
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ 0 });
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	for (int i = 0; i < n_tasks; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		launch(s, id, i);
	}
	return s;
}

static void scene_free(struct scene *s)
{
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

static void end_task(struct scene *s, const char *id)
{
	agent_update(s->cluster, &s->agent, s->framework.id, id, "TASK_FINISHED", UUID_A, NULL);
	framework_acknowledge(&s->framework, s->agent.id, id, UUID_A);
}

/* The ids of LIST, one after another. */
static void assert_ids(json_t *json, const char *list, const char *expected)
{
	char ids[256] = "";
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, list), i, item) {
		strcat(ids, json_string_value(json_object_get(item, "id")));
		strcat(ids, " ");
	}
	assert_string_equal(ids, expected);
	json_decref(json);
}

static struct listing *listing_begin(struct scene *s, const struct listing_type *type,
				     const struct listing_query *query)
{
	struct listing *listing;
	struct err e = { 0 };

	assert_int_equal(listing_new(s->cluster->master, type, query, &listing, &e), 0);
	return listing;
}

static json_t *listing_end(struct listing *listing)
{
	json_t *json;

	while (listing_step(listing))
		;
	json = json_loadb(listing_out(listing)->data, listing_out(listing)->size, 0, NULL);
	assert_non_null(json);
	listing_free(listing);
	return json;
}

/* Until TEXT was written. */
static void listing_reach(struct listing *listing, const char *text)
{
	const struct json_out *out = listing_out(listing);

	while (!memmem(out->data, out->size, text, strlen(text)))
		assert_true(listing_step(listing));
}

static void test_tasks_come_in_order_page_by_page(void **state)
{
	static const struct {
		struct listing_query query;
		const char *expected;
	} rows[] = {
		{ { .is_ascending = true }, "t1 t0 t2 t3 " },
		{ { .is_ascending = false }, "t3 t2 t0 t1 " },
		{ { .is_ascending = true, .limit = 2 }, "t1 t0 " },
		{ { .is_ascending = true, .limit = 2, .offset = 1 }, "t0 t2 " },
		{ { .limit = 2, .offset = 1 }, "t2 t0 " },
		{ { .limit = 9, .offset = 3 }, "t1 " },
		{ { .offset = 4 }, "" },
		{ { .task_id = "t2" }, "t2 " },
		{ { .framework_id = "nosuch" }, "" },
	};
	struct scene *s = scene_new(4);

	(void)state;
	end_task(s, "t1");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_ids(cluster_list(s->cluster, rows[i].query.is_ascending ?
					&listing_oldest_tasks : &listing_tasks, &rows[i].query),
			   "tasks", rows[i].expected);
	scene_free(s);
}

static void test_a_task_that_ends_under_the_cursor_leaves_the_walk_whole(void **state)
{
	struct scene *s = scene_new(4);
	struct listing *listing = listing_begin(s, &listing_tasks, &everything);

	(void)state;
	listing_reach(listing, "\"t0\"");
	/* The next one, and the one before. */
	end_task(s, "t1");
	end_task(s, "t0");
	assert_ids(listing_end(listing), "tasks", "t0 t2 t3 t1 t0 ");
	scene_free(s);
}

static void test_a_task_that_begins_meanwhile_comes_last(void **state)
{
	struct scene *s = scene_new(2);
	struct listing *listing = listing_begin(s, &listing_tasks, &everything);

	(void)state;
	listing_reach(listing, "\"t1\"");
	listing_free(listing);
	listing = listing_begin(s, &listing_tasks, &everything);
	listing_reach(listing, "\"t0\"");
	launch(s, "t9", 50);
	assert_ids(listing_end(listing), "tasks", "t0 t1 t9 ");
	scene_free(s);
}

static void test_a_framework_that_is_forgotten_ends_its_lists(void **state)
{
	struct scene *s;
	struct listing *listing;
	struct err e = { 0 };
	json_t *json, *shown;

	(void)state;
	s = scene_new(0);
	s->cluster->options.max_completed_frameworks = 1;
	cluster_restart(s->cluster);
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ .id = s->agent.id });
	assert_int_equal(master_teardown(s->cluster->master, s->framework.id, &e), 0);
	listing = listing_begin(s, &listing_frameworks, &everything);
	listing_reach(listing, "\"completed_frameworks\"");
	listing_reach(listing, s->framework.id);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	assert_int_equal(master_teardown(s->cluster->master, s->framework.id, &e), 0);
	json = listing_end(listing);
	/* The first is begun and therefore ends in good order; the second took its place. */
	shown = json_object_get(json, "completed_frameworks");
	assert_in_range(json_array_size(shown), 1, 2);
	json_decref(json);
	scene_free(s);
}

static void test_histories_are_bounded(void **state)
{
	struct scene *s = scene_new(0);
	char id[16];
	json_t *json;

	(void)state;
	s->cluster->options.max_completed_tasks = 3;
	cluster_restart(s->cluster);
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ .id = s->agent.id });
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		launch(s, id, i);
	}
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		end_task(s, id);
	}
	json = cluster_list(s->cluster, &listing_tasks, &everything);
	assert_ids(json, "tasks", "t2 t3 t4 ");
	scene_free(s);
}

/* Both forms of the v1 API are the same message. */
static void assert_same_in_both_forms(struct scene *s, const struct listing_type *type,
				      const ProtobufCMessageDescriptor *d)
{
	struct listing_query query = { .is_ascending = true, .is_protobuf = true };
	struct listing *listing = listing_begin(s, type, &query);
	ProtobufCMessage *binary, *text;
	json_t *json = cluster_list(s->cluster, type, &everything);
	char *a = NULL, *b = NULL;
	struct err e = { 0 };
	size_t size = 0;

	while (listing_step(listing))
		;
	if (pb_unpack(d, listing_out(listing)->data, listing_out(listing)->size, &binary, &e) < 0 ||
	    pb_from_json(d, json, &text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(pb_to_json_text(binary, &a, &size, &e), 0);
	assert_int_equal(pb_to_json_text(text, &b, &size, &e), 0);
	assert_string_equal(a, b);
	free(a);
	free(b);
	json_decref(json);
	listing_free(listing);
	protobuf_c_message_free_unpacked(binary, NULL);
	protobuf_c_message_free_unpacked(text, NULL);
}

static void test_json_and_protobuf_tell_the_same(void **state)
{
	static const struct listing_type *const responses[] = {
		&listing_get_state, &listing_get_agents, &listing_get_frameworks,
		&listing_get_executors, &listing_get_tasks,
	};
	struct scene *s = scene_new(3);

	(void)state;
	end_task(s, "t1");
	for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
		assert_same_in_both_forms(s, responses[i],
					  &mesos__v1__master__response__descriptor);
	assert_same_in_both_forms(s, &listing_subscribed, &mesos__v1__master__event__descriptor);
	scene_free(s);
}

static void test_an_empty_master_is_told_in_both_forms(void **state)
{
	struct scene s = { .cluster = cluster_new() };

	(void)state;
	assert_same_in_both_forms(&s, &listing_get_state, &mesos__v1__master__response__descriptor);
	assert_same_in_both_forms(&s, &listing_subscribed, &mesos__v1__master__event__descriptor);
	cluster_free(s.cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks_come_in_order_page_by_page),
		cmocka_unit_test(test_a_task_that_ends_under_the_cursor_leaves_the_walk_whole),
		cmocka_unit_test(test_a_task_that_begins_meanwhile_comes_last),
		cmocka_unit_test(test_a_framework_that_is_forgotten_ends_its_lists),
		cmocka_unit_test(test_histories_are_bounded),
		cmocka_unit_test(test_json_and_protobuf_tell_the_same),
		cmocka_unit_test(test_an_empty_master_is_told_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
