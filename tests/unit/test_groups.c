/* Groups: complete lists, dependencies, going back, and one deployment for the whole change. */
#include "controller_world.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/group_update.h"

/* The status of the refusal, or 0; its body stays in last_refusal until the next call. */
static int put_group(const char *at, const char *text, bool force)
{
	struct change_set set = { .force = force };
	json_t *document = json_loads(text, 0, NULL), *update = NULL;
	char id[192];
	int r;

	assert_non_null(document);
	refusal_done(&last_refusal);
	(void)snprintf(id, sizeof(id), "%s", at);
	r = group_update_read(document, id, &update, &last_refusal);
	if (r == 0)
		r = group_update_changes(world.controller, id, update, &set, &last_refusal);
	if (r == 0)
		r = changes_apply(world.controller, &set, world.now_ms, &last_result,
				      &last_refusal);
	change_set_done(&set);
	json_decref(update);
	json_decref(document);
	turn();
	return r < 0 ? last_refusal.status : 0;
}

static int delete_group(const char *id)
{
	struct change_set set = { 0 };
	int r;

	refusal_done(&last_refusal);
	r = group_delete_changes(world.controller, id, &set, &last_refusal);
	if (r == 0)
		r = changes_apply(world.controller, &set, world.now_ms, &last_result,
				      &last_refusal);
	change_set_done(&set);
	turn();
	return r < 0 ? last_refusal.status : 0;
}

static void assert_refused(int status, const char *part)
{
	AUTO_FREE char *body = json_dumps(last_refusal.body, JSON_COMPACT);

	assert_int_equal(last_refusal.status, status);
	if (!body || !strstr(body, part))
		fail_msg("'%s' is not in %s", part, body);
}

/* "Start /a,Start /b|Scale /b|": the steps of the only deployment. */
static const char *steps(void)
{
	static char text[1024];
	const struct deployment *d = TAILQ_FIRST(&world.controller->deployments);
	json_t *all, *step, *action;
	size_t i, k;

	text[0] = '\0';
	if (!d)
		return text;
	all = deployment_steps_view(d);
	json_array_foreach(all, i, step) {
		json_array_foreach(json_object_get(step, "actions"), k, action) {
			const char *kind = json_string_value(json_object_get(action, "action"));
			size_t used = strlen(text);

			(void)snprintf(text + used, sizeof(text) - used, "%s%.*s %s", k ? "," : "",
				       (int)(strstr(kind, "Application") - kind), kind,
				       json_string_value(json_object_get(action, "app")));
		}
		strcat(text, "|");
	}
	json_decref(all);
	return text;
}

/* Offers and updates until nothing moves any more. */
static void settle(void)
{
	for (int i = 0; i < 8; i++) {
		offer();
		let_it_be(UNKNOWN_HEALTH);
	}
	assert_int_equal(world.controller->n_deployments, 0);
}

static bool lives(const char *id)
{
	return entry_find_live(world.controller, id) != NULL;
}

#define APP(id) "{\"id\":\"" id "\",\"cmd\":\"x\"}"

static const char shop[] =
	"{\"groups\":[{\"id\":\"shop\",\"groups\":["
	"{\"id\":\"db\",\"apps\":[{\"id\":\"store\",\"cmd\":\"x\"}]},"
	"{\"id\":\"front\",\"dependencies\":[\"../db\"],\"apps\":["
	"{\"id\":\"web\",\"cmd\":\"x\",\"instances\":2},"
	"{\"id\":\"edge\",\"cmd\":\"x\",\"dependencies\":[\"web\"]}]}]}]}";

static void test_one_deployment_goes_by_layers(void **state)
{
	(void)state;
	assert_int_equal(put_group("/", shop, false), 0);
	assert_int_equal(world.controller->n_deployments, 1);
	assert_string_equal(steps(), "Start /shop/db/store,Start /shop/front/web,"
				     "Start /shop/front/edge|Scale /shop/db/store|"
				     "Scale /shop/front/web|Scale /shop/front/edge|");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 4);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(count_events("deployment_success"), 1);
	assert_int_equal(count_events("deployment_step_success"), 4);
	assert_int_equal(count_events("group_change_success"), 1);
}

/* A hundred layers, and nothing to wait for in any of them. */
static void test_a_long_plan_lets_others_in_between(void **state)
{
	char text[16384] = "{\"apps\":[";
	const struct deployment *d;
	unsigned before;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "{\"id\":\"a%u\",\"cmd\":\"x\",\"instances\":0,"
			       "\"dependencies\":[\"/chain/a%u\"]},", i, i + 1);
	(void)strcat(text, "{\"id\":\"a100\",\"cmd\":\"x\",\"instances\":0}]}");
	assert_int_equal(put_group("/chain", text, false), 0);
	assert_int_equal(world.controller->n_deployments, 1);
	while ((d = TAILQ_FIRST(&world.controller->deployments))) {
		before = d->current;
		assert_true(controller_next_ms(world.controller) > world.now_ms);
		wait_ms(controller_next_ms(world.controller) - world.now_ms);
		d = TAILQ_FIRST(&world.controller->deployments);
		assert_true(!d || (d->current > before && d->current <= before + 16));
	}
	assert_true(lives("/chain/a0"));
}

static void test_every_step_is_resumed_by_the_next_process(void **state)
{
	(void)state;
	assert_int_equal(put_group("/", shop, false), 0);
	restart_controller();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(world.controller->n_deployments, 1);
		offer();
		restart_controller();
		let_it_be(UNKNOWN_HEALTH);
		restart_controller();
		let_it_be(UNKNOWN_HEALTH);
	}
	settle();
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_non_null(group_find(world.controller, "/shop/front"));
	assert_string_equal(json_string_value(json_array_get(group_settings_dependencies(
		group_find(world.controller, "/shop/front")->settings), 0)), "/shop/db");
	/* Stopping is resumed, too. */
	assert_int_equal(delete_group("/shop/front"), 0);
	restart_controller();
	assert_string_equal(steps(), "Stop /shop/front/edge,Stop /shop/front/web|");
	settle();
	assert_null(entry_find(world.controller, "/shop/front/web"));
	assert_null(group_find(world.controller, "/shop/front"));
	restart_controller();
	assert_null(group_find(world.controller, "/shop/front"));
}

static void test_lists_are_complete(void **state)
{
	(void)state;
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") "," APP("b") "],\"groups\":["
				   "{\"id\":\"x\",\"apps\":[" APP("c") "]},{\"id\":\"y\"}]}", false), 0);
	settle();
	/* Nothing is said of groups: they stay.  "b" is not in the list any more. */
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") "," APP("d") "]}", false), 0);
	assert_string_equal(steps(), "Stop /g/b|Start /g/d|Scale /g/d|");
	settle();
	assert_true(lives("/g/a") && lives("/g/d") && lives("/g/x/c") && !lives("/g/b"));
	assert_int_equal(put_group("/g", "{\"groups\":[{\"id\":\"y\"}]}", false), 0);
	assert_string_equal(steps(), "Stop /g/x/c|");
	settle();
	assert_true(lives("/g/a") && lives("/g/d"));
	assert_true(group_exists(world.controller, "/g/y"));
	assert_false(group_exists(world.controller, "/g/x"));
}

/* What is the same is neither restarted nor held. */
static void test_what_is_the_same_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") "," APP("b") "]}", false), 0);
	settle();
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") ",{\"id\":\"b\",\"cmd\":\"y\"}]}",
				   false), 0);
	assert_string_equal(steps(), "Restart /g/b|");
	post("{\"id\":\"/g/a\",\"cmd\":\"z\"}");
	assert_int_equal(apply("{\"id\":\"/g/b\",\"cmd\":\"z\"}", NULL, false), 409);
	assert_int_equal(world.controller->n_deployments, 2);
	settle();
}

static void test_scale_by_rounds_up(void **state)
{
	(void)state;
	post("{\"id\":\"/g/a\",\"cmd\":\"x\",\"instances\":3}");
	post("{\"id\":\"/g/h/b\",\"cmd\":\"x\",\"instances\":10}");
	post("{\"id\":\"/other\",\"cmd\":\"x\",\"instances\":1}");
	settle();
	assert_int_equal(put_group("/g", "{\"scaleBy\":1.1}", false), 0);
	assert_int_equal(app("/g/a")->target->instances, 4);
	assert_int_equal(app("/g/h/b")->target->instances, 11);
	assert_int_equal(app("/other")->target->instances, 1);
	assert_string_equal(steps(), "Scale /g/a,Scale /g/h/b|");
	settle();
	assert_int_equal(put_group("/g", "{\"scaleBy\":0}", false), 0);
	settle();
	assert_int_equal(app("/g/a")->n_instances, 0);
	assert_int_equal(put_group("/none", "{\"scaleBy\":2}", false), 404);
	assert_int_equal(put_group("/g", "{\"scaleBy\":-1}", false), 422);
	assert_int_equal(put_group("/g", "{\"scaleBy\":2,\"apps\":[]}", false), 422);
	assert_refused(422, "not allowed in conjunction with other properties.");
}

static void go_back(const char *group, const char *version, int status)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "{\"version\":\"%s\"}", version);
	assert_int_equal(put_group(group, text, false), status);
}

/* What was deleted meanwhile is made again, also by another process; what is new is not. */
static void test_a_group_goes_back_to_a_version(void **state)
{
	char first[CLOCK_TEXT_SIZE];

	(void)state;
	assert_int_equal(put_group("/g", "{\"dependencies\":[\"../db\"],\"apps\":["
				   APP("a") "," APP("b") "]}", false), 0);
	memcpy(first, last_result.version, sizeof(first));
	settle();
	assert_int_equal(put_group("/g", "{\"dependencies\":[],\"apps\":["
				   "{\"id\":\"a\",\"cmd\":\"y\"}," APP("c") "]}", false), 0);
	settle();
	post("{\"id\":\"/elsewhere\",\"cmd\":\"x\"}");
	settle();
	assert_null(entry_find(world.controller, "/g/b"));
	restart_controller();
	settle();
	go_back("/g", first, 0);
	assert_string_equal(steps(), "Stop /g/c|Start /g/b|Restart /g/a,Scale /g/b|");
	settle();
	assert_string_equal(app("/g/a")->target->cmd, "x");
	assert_true(lives("/g/b") && !lives("/g/c") && lives("/elsewhere"));
	assert_int_equal(json_array_size(group_settings_dependencies(
		group_find(world.controller, "/g")->settings)), 1);
	go_back("/none", first, 422);
	assert_refused(422, "Group /none not available in version ");
	go_back("/g", "2001-02-03T04:05:06.007Z", 422);
	go_back("/g", "yesterday", 422);
}

static json_t *group_at(const char *version, unsigned embeds)
{
	struct json_source source;
	int r = group_version_source(world.controller, "/g", version, embeds, &source);

	return r < 0 ? NULL : read_source(&source);
}

/* VIEW's ids alone, apps as such, and no more of it. */
static void outline(json_t *view)
{
	json_t *apps = json_object_get(view, "apps"), *app, *group, *value;
	const char *key;
	void *next;
	size_t i;

	json_array_foreach(apps, i, app)
		(void)json_array_set(apps, i, json_object_get(app, "id"));
	json_array_foreach(json_object_get(view, "groups"), i, group)
		outline(group);
	json_object_foreach_safe(view, next, key, value) {
		if (strcmp(key, "id") != 0 && strcmp(key, "apps") != 0 && strcmp(key, "groups") != 0)
			(void)json_object_del(view, key);
	}
}

static json_t *group_now(const char *id, unsigned embeds)
{
	struct json_source source;
	int r = group_source(world.controller, id, embeds, &source);

	return r < 0 ? NULL : read_source(&source);
}

/* Of each once, groups that are only named too, and apps before groups. */
static void test_a_group_is_shown_with_all_below_it(void **state)
{
	static const char expected[] =
		"{\"id\":\"/\",\"apps\":[\"/top\"],\"groups\":[{\"id\":\"/g\",\"apps\":[\"/g/a\",\"/g/c\"],"
		"\"groups\":[{\"id\":\"/g/a-b\",\"apps\":[\"/g/a-b/x\"],\"groups\":[]}]},"
		"{\"id\":\"/h\",\"apps\":[],\"groups\":[{\"id\":\"/h/named\",\"apps\":[],\"groups\":[]}]}]}";
	json_t *view, *wanted = json_loads(expected, 0, NULL);

	(void)state;
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("c") "," APP("a") "],\"groups\":["
				   "{\"id\":\"a-b\",\"apps\":[" APP("x") "]}]}", false), 0);
	settle();
	assert_int_equal(put_group("/h", "{\"groups\":[{\"id\":\"named\",\"dependencies\":[\"/g\"]}]}",
				   false), 0);
	post("{\"id\":\"/top\",\"cmd\":\"x\"}");
	settle();
	view = group_now("/", EMBED_APPS | EMBED_GROUPS);
	assert_non_null(view);
	outline(view);
	assert_true(json_equal(view, wanted));
	json_decref(view);
	json_decref(wanted);
	assert_null(group_now("/none", 0));
}

static void test_versions_tell_when_the_group_was_there(void **state)
{
	json_t *versions, *view;
	char made[CLOCK_TEXT_SIZE];

	(void)state;
	post("{\"id\":\"/before\",\"cmd\":\"x\"}");
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") "]}", false), 0);
	memcpy(made, last_result.version, sizeof(made));
	settle();
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("b") "]}", false), 0);
	settle();
	versions = group_versions_view(world.controller, "/g");
	assert_int_equal(json_array_size(versions), 2);
	assert_string_equal(json_string_value(json_array_get(versions, 1)), made);
	json_decref(versions);
	versions = group_versions_view(world.controller, "/");
	assert_int_equal(json_array_size(versions), 3);
	json_decref(versions);
	view = group_at(made, EMBED_APPS | EMBED_GROUPS);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
		json_object_get(view, "apps"), 0), "id")), "/g/a");
	assert_string_equal(json_string_value(json_object_get(view, "version")), made);
	json_decref(view);
	assert_null(group_versions_view(world.controller, "/none"));
	assert_int_equal(delete_group("/g"), 0);
	settle();
	assert_null(group_versions_view(world.controller, "/g"));
	view = group_at(made, EMBED_APPS);
	assert_non_null(view);
	json_decref(view);
}

static int count_record(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	(void)key;
	(void)data;
	(void)size;
	(void)e;
	*(unsigned *)arg += 1;
	return 0;
}

static unsigned count_records(const char *kind)
{
	struct err e = { 0 };
	unsigned n = 0;

	assert_int_equal(store_each(world.store, kind, count_record, &n, &e), 0);
	return n;
}

/* A definition that no change and no app has any more is not kept. */
static void test_history_is_bounded_on_the_disk_too(void **state)
{
	(void)state;
	for (int i = 0; i < 70; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "{\"apps\":[{\"id\":\"a%d\",\"cmd\":\"x\"}]}", i);
		assert_int_equal(put_group("/g", text, false), 0);
		settle();
	}
	assert_int_equal(world.controller->n_pasts, 50);
	assert_int_equal(count_records("marathon-change"), 50);
	/* 50 that were deleted, and one that lives. */
	assert_int_equal(count_records("marathon-version"), 51);
	restart_controller();
	assert_int_equal(world.controller->n_pasts, 50);
	assert_int_equal(HASH_CNT(by_id, world.controller->entries), 1);
}

static void test_wrong_groups_are_refused(void **state)
{
	static const struct {
		const char *at, *text;
		int status;
		const char *part;
	} cases[] = {
		{ "/", "[]", 400, "Please specify data in JSON format" },
		{ "/", "{\"apps\":{}}", 422, "\"/apps\"" },
		{ "/", "{\"groups\":[{\"id\":7}]}", 422, "\"/groups(0)/id\"" },
		{ "/", "{\"groups\":[{}]}", 422, "error.path.missing" },
		{ "/", "{\"id\":\"UPPER\"}", 422, "must fully match" },
		{ "/", "{\"id\":\"../../x\"}", 422, "must be a path below the root" },
		{ "/g", "{\"apps\":[{\"id\":\"a\"}]}", 422, "\"/apps(0)" },
		{ "/g", "{\"apps\":[" APP("/other/a") "]}", 422,
		  "Identifier is not child of '/g'. Hint: use relative paths." },
		{ "/g", "{\"apps\":[" APP("a") "," APP("/g/a") "]}", 422, "more than once" },
		{ "/g", "{\"groups\":[{\"id\":\"/h\"}]}", 422, "must be a path below /g" },
		{ "/g", "{\"dependencies\":[\"../..\"]}", 422, "\"/dependencies(0)\"" },
		{ "/g", "{\"apps\":[" APP("h") "],\"groups\":[{\"id\":\"h\"}]}", 422,
		  "Groups and Applications may not have the same identifier." },
		{ "/g", "{\"groups\":[{\"id\":\"a\",\"dependencies\":[\"../b\"],\"apps\":[" APP("x")
		  "]},{\"id\":\"b\",\"dependencies\":[\"../a\"],\"apps\":[" APP("y") "]}]}", 422,
		  "Dependency graph has cyclic dependencies." },
		{ "/g/h", "{\"enforceRole\":true}", 422,
		  "enforceRole can only be set for top-level groups, and /g/h is not top-level" },
		{ "/g", "{\"version\":\"x\",\"scaleBy\":1}", 422, "\"/version\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)put_group(cases[i].at, cases[i].text, false);
		assert_refused(cases[i].status, cases[i].part);
	}
	assert_null(world.controller->groups);
	assert_null(world.controller->entries);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(put_group("/g", "{\"enforceRole\":false}", false), 0);
	refusal_done(&last_refusal);
}

static void test_an_app_is_not_in_an_app(void **state)
{
	(void)state;
	post(APP("/g/a"));
	assert_int_equal(apply(APP("/g"), NULL, false), 422);
	assert_int_equal(apply(APP("/g/a/b"), NULL, false), 422);
	assert_int_equal(put_group("/g/a", "{}", false), 422);
	refusal_done(&last_refusal);
}

static void test_a_held_group_waits_or_is_forced(void **state)
{
	char first[ID_UUID_SIZE];

	(void)state;
	assert_int_equal(put_group("/g", "{\"apps\":[" APP("a") "," APP("b") "]}", false), 0);
	memcpy(first, last_result.deployment_id, sizeof(first));
	assert_int_equal(put_group("/g", "{\"scaleBy\":2}", false), 409);
	assert_refused(409, first);
	assert_int_equal(delete_group("/g"), 409);
	assert_int_equal(put_group("/g", "{\"scaleBy\":2}", true), 0);
	assert_int_equal(count_events("deployment_failed"), 1);
	assert_int_equal(count_events("group_change_failed"), 2);
	assert_int_equal(world.controller->n_deployments, 1);
	settle();
	assert_int_equal(app("/g/a")->n_instances, 2);
	refusal_done(&last_refusal);
}

static void undo(void)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	char id[ID_UUID_SIZE];

	memcpy(id, last_result.deployment_id, sizeof(id));
	assert_int_equal(changes_cancel(world.controller, id, false, world.now_ms, &result,
					&refusal), 0);
	turn();
	assert_null(deployment_find(world.controller, id));
}

/* At its last step: what it stopped is gone by then, and is made again. */
static void test_what_a_deployment_did_is_undone(void **state)
{
	(void)state;
	assert_int_equal(put_group("/g", "{\"dependencies\":[\"/db\"],\"apps\":["
				   APP("a") "," APP("b") "]}", false), 0);
	settle();
	assert_int_equal(put_group("/g", "{\"dependencies\":[],\"apps\":["
				   "{\"id\":\"a\",\"cmd\":\"y\"}],\"groups\":[{\"id\":\"new\","
				   "\"apps\":[" APP("c") "]}]}", false), 0);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(entry_find(world.controller, "/g/b"));
	undo();
	assert_string_equal(steps(), "Stop /g/new/c|Start /g/b|Restart /g/a,Scale /g/b|");
	settle();
	assert_string_equal(app("/g/a")->target->cmd, "x");
	assert_true(lives("/g/b") && !group_exists(world.controller, "/g/new"));
	assert_int_equal(json_array_size(group_settings_dependencies(
		group_find(world.controller, "/g")->settings)), 1);
}

static void test_a_restart_is_undone_by_ending_it(void **state)
{
	(void)state;
	post("{\"id\":\"/g/a\",\"cmd\":\"x\"}");
	settle();
	assert_int_equal(apply(NULL, "!/g/a", false), 0);
	assert_int_equal(world.controller->n_deployments, 1);
	undo();
	settle();
	assert_int_equal(app("/g/a")->n_instances, 1);
}

static void test_the_root_is_emptied(void **state)
{
	(void)state;
	assert_int_equal(put_group("/", shop, false), 0);
	settle();
	assert_int_equal(delete_group("/none"), 404);
	assert_refused(404, "Group '/none' does not exist");
	assert_int_equal(delete_group("/"), 0);
	settle();
	assert_null(world.controller->entries);
	assert_null(world.controller->groups);
	assert_int_equal(count_alive_tasks(), 0);
	refusal_done(&last_refusal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_deployment_goes_by_layers, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_long_plan_lets_others_in_between, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_every_step_is_resumed_by_the_next_process, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_lists_are_complete, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_the_same_is_left_alone, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_scale_by_rounds_up, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_group_goes_back_to_a_version, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_group_is_shown_with_all_below_it, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_versions_tell_when_the_group_was_there, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_history_is_bounded_on_the_disk_too, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_groups_are_refused, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_an_app_is_not_in_an_app, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_held_group_waits_or_is_forced, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_what_a_deployment_did_is_undone, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_restart_is_undone_by_ending_it, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_the_root_is_emptied, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
