/* Roles: whose share of the cluster an app takes, which offers it is started on, with what of them. */
#include "tests/unit/controller_world.h"

#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/deployment/group_update.h"
#include "master_stub/marathon/placement/explanation.h"
#include "master_stub/marathon/placement/usable.h"

static const char dev_app[] = "{\"id\":\"/dev/web\",\"cmd\":\"x\",\"cpus\":1,\"mem\":64,\"role\":\"dev\"}";
static const char everything[] = "cpus:8;mem:8192;disk:8192;ports:[31000-31999]";

static int setup_in_ops(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.mesos_role = "ops";
	world.now_ms = 1000000;
	rng_seed(&world.rng, 42);
	assert_int_equal(store_open_memory(&world.store, &(struct err){ 0 }), 0);
	start_controller();
	return 0;
}

/* ---- The rules ---- */

static void assert_rules(const char *app_id, const char *expected)
{
	const struct role_rules rules = group_role_rules(world.controller, NULL, app_id);
	char text[256] = "";

	for (unsigned i = 0; i < rules.n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i ? "," : "", rules.allowed[i]);
	assert_string_equal(text, expected);
}

static void test_an_app_has_the_default_role_or_its_top_level_groups(void **state)
{
	(void)state;
	assert_rules("/web", "*");
	assert_rules("/dev/web", "*,dev");
	assert_rules("/dev/team/web", "*,dev");
}

static void test_the_default_role_is_the_operators_choice(void **state)
{
	(void)state;
	assert_string_equal(world.scheduler.roles, "ops");
	assert_rules("/web", "ops");
	assert_rules("/dev/web", "ops,dev");
}

/* ---- Groups that enforce their role ---- */

static int change_group(const char *id_text, const char *text, bool is_patch)
{
	json_t *document = json_loads(text, 0, NULL), *update = NULL;
	struct change_set set = { 0 };
	char id[192];
	int r;

	assert_non_null(document);
	refusal_done(&last_refusal);
	(void)snprintf(id, sizeof(id), "%s", id_text);
	r = group_update_read(document, id, &update, &last_refusal);
	if (r == 0)
		r = (is_patch ? group_patch_changes : group_update_changes)(
			world.controller, id, update, &set, &last_refusal);
	if (r == 0)
		r = changes_apply(world.controller, &set, world.now_ms, &last_result,
				      &last_refusal);
	change_set_done(&set);
	json_decref(update);
	json_decref(document);
	turn();
	r = r < 0 ? last_refusal.status : 0;
	refusal_done(&last_refusal);
	return r;
}

static bool enforces(const char *id)
{
	struct json_source source;
	json_t *view;
	bool does;

	assert_int_equal(group_source(world.controller, id, 0, &source), 0);
	view = read_source(&source);
	does = json_is_true(json_object_get(view, "enforceRole"));
	json_decref(view);
	return does;
}

static void test_a_group_enforces_its_role_on_apps_that_come(void **state)
{
	(void)state;
	post("{\"id\":\"/dev/old\",\"cmd\":\"x\"}");
	assert_false(enforces("/dev"));
	assert_int_equal(change_group("/dev", "{\"enforceRole\":true}", true), 0);
	assert_true(enforces("/dev") && !enforces("/"));
	assert_rules("/dev/new", "dev");
	assert_rules("/dev/team/new", "dev");
	/* What is there keeps its role until it is given another one. */
	assert_rules("/dev/old", "dev,*");
	assert_string_equal(app("/dev/old")->target->role, "*");
	assert_rules("/other/new", "*,other");
	restart_controller();
	assert_true(enforces("/dev"));
	assert_rules("/dev/new", "dev");
	assert_int_equal(change_group("/dev", "{\"enforceRole\":false}", true), 0);
	assert_rules("/dev/new", "*,dev");
}

static void test_a_new_group_enforces_its_role_on_the_apps_it_comes_with(void **state)
{
	(void)state;
	assert_int_equal(change_group("/dev", "{\"enforceRole\":true,\"apps\":[{\"id\":\"a\",\"cmd\":\"x\"}],"
				      "\"groups\":[{\"id\":\"team\",\"apps\":[{\"id\":\"b\",\"cmd\":\"x\"}]}]}",
				      false), 0);
	assert_string_equal(app("/dev/a")->target->role, "dev");
	assert_string_equal(app("/dev/team/b")->target->role, "dev");
	assert_false(enforces("/dev/team"));
	/* Not both at once: what of it came first would decide what the apps may have. */
	assert_int_equal(change_group("/dev", "{\"enforceRole\":false,\"apps\":[{\"id\":\"a\",\"cmd\":\"x\"}]}",
				      false), 422);
	assert_int_equal(change_group("/dev", "{\"enforceRole\":false}", false), 0);
	assert_false(enforces("/dev"));
	/* Nothing said of it changes nothing. */
	assert_int_equal(change_group("/dev", "{\"enforceRole\":true}", false), 0);
	assert_int_equal(change_group("/dev", "{\"dependencies\":[\"/x\"]}", false), 0);
	assert_true(enforces("/dev"));
}

static void test_a_group_goes_back_to_what_it_enforced(void **state)
{
	char version[CLOCK_TEXT_SIZE], text[128];

	(void)state;
	assert_int_equal(change_group("/dev", "{\"enforceRole\":true}", false), 0);
	memcpy(version, last_result.version, sizeof(version));
	wait_ms(1000);
	assert_int_equal(change_group("/dev", "{\"enforceRole\":false}", true), 0);
	restart_controller();
	(void)snprintf(text, sizeof(text), "{\"version\":\"%s\"}", version);
	assert_int_equal(change_group("/dev", text, false), 0);
	assert_true(enforces("/dev"));
}

static void test_new_groups_enforce_where_the_operator_wants_it(void **state)
{
	(void)state;
	post("{\"id\":\"/old/a\",\"cmd\":\"x\"}");
	world.controller->options.new_group_enforces_role = true;
	assert_rules("/new/a", "new");
	assert_rules("/old/b", "*,old");
	assert_rules("/a", "*");
	assert_int_equal(apply("{\"id\":\"/new/a\",\"cmd\":\"x\",\"role\":\"new\"}", NULL, false), 0);
	assert_int_equal(change_group("/other/deep", "{\"apps\":[{\"id\":\"a\",\"cmd\":\"x\"}]}", false), 0);
	assert_string_equal(app("/other/deep/a")->target->role, "other");
	assert_true(enforces("/new") && enforces("/other") && !enforces("/old") && !enforces("/other/deep"));
	/* It is the group's from then on. */
	restart_controller();
	assert_true(enforces("/new") && enforces("/other"));
}

static void test_another_role_restarts_an_app_step_by_step(void **state)
{
	unsigned n = 0;

	(void)state;
	post("{\"id\":\"/dev/web\",\"cmd\":\"x\",\"instances\":2,\"cpus\":1,\"mem\":64}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	turn();
	assert_int_equal(world.controller->n_deployments, 0);
	post("{\"id\":\"/dev/web\",\"role\":\"dev\"}");
	assert_int_equal(world.controller->n_deployments, 1);
	for (int i = 0; i < 4; i++) {
		offer_to("dev", "agent-1", "node-1", everything, NULL);
		let_it_be(UNKNOWN_HEALTH);
		assert_true(count_alive_tasks() >= 2);
		let_it_be(UNKNOWN_HEALTH);
		turn();
	}
	assert_int_equal(world.controller->n_deployments, 0);
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		const struct paper_task *task = task_at(i);

		n += !task->is_over && strcmp(task->info->resources[0]->allocation_info->role, "dev") == 0;
	}
	assert_int_equal(n, 2);
	assert_int_equal(count_alive_tasks(), 2);
}

/* ---- The framework's roles ---- */

static void test_the_framework_is_in_the_roles_of_its_apps(void **state)
{
	(void)state;
	assert_string_equal(world.scheduler.roles, "*");
	post(dev_app);
	assert_string_equal(world.scheduler.roles, "*,dev");
	assert_string_equal(world.scheduler.asked_for, "dev");
}

static void test_a_role_is_left_when_its_last_instance_is_gone(void **state)
{
	(void)state;
	post(dev_app);
	offer_to("dev", "agent-1", "node-1", everything, NULL);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(apply(NULL, "/dev/web", false), 0);
	assert_string_equal(world.scheduler.roles, "*,dev");
	let_it_be(UNKNOWN_HEALTH);
	turn();
	assert_string_equal(world.scheduler.roles, "*");
}

static void test_roles_are_there_again_after_a_restart(void **state)
{
	(void)state;
	post(dev_app);
	restart_controller();
	assert_string_equal(app("/dev/web")->target->role, "dev");
	assert_string_equal(world.scheduler.roles, "*,dev");
}

static void test_a_role_that_the_master_refuses_keeps_no_other_out(void **state)
{
	(void)state;
	world.scheduler.refuses_role = "dev";
	post(dev_app);
	post("{\"id\":\"/eng/web\",\"cmd\":\"x\",\"role\":\"eng\"}");
	assert_string_equal(world.scheduler.roles, "*,eng");
	/* Another try may have another answer. */
	world.scheduler.refuses_role = NULL;
	wait_ms(60000);
	assert_string_equal(world.scheduler.roles, "*,dev,eng");
}

/* ---- Offers ---- */

static void test_an_app_is_started_on_offers_to_its_role_alone(void **state)
{
	const struct paper_task *task;

	(void)state;
	post(dev_app);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 0);
	assert_int_equal(app("/dev/web")->waiting.declined[REASON_ROLE], 1);
	offer_to("dev", "agent-1", "node-1", everything, NULL);
	assert_int_equal(world.scheduler.n_tasks, 1);
	task = task_at(0);
	for (size_t i = 0; i < task->info->n_resources; i++)
		assert_string_equal(task->info->resources[i]->allocation_info->role, "dev");
}

/* ---- Reserved resources ---- */

static const char half_reserved[] =
	"cpus:2;cpus(dev):1;mem:1024;mem(dev):512;disk:100;ports:[31000-31009];ports(dev):[32000-32001]";

/* What is left of LEFT when an app with these fields took its part; and what it took. */
static void assert_taken(const char *fields, const char *left, const char *taken_text,
			 const char *left_after)
{
	AUTO_FREE char *text = NULL, *taken = NULL, *after = NULL;
	struct resources offered = { 0 }, need = { 0 }, mine = { 0 }, scratch;
	struct refusal refusal = { 0 };
	struct app *spec = NULL;
	struct err e = { 0 };
	json_t *document;

	assert_true(asprintf(&text, "{\"id\":\"/dev/a\",\"cmd\":\"x\",\"role\":\"dev\",\"cpus\":1.5,"
			     "\"mem\":64,%s\"ports\":[]}", fields) > 0);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	assert_int_equal(app_parse(document, NULL, NULL, &spec, &refusal), 0);
	assert_int_equal(resources_parse(left, &offered, &e), 0);
	assert_int_equal(resources_parse("cpus:1.5;mem:64;ports:[31000-31000,32001-32001]", &need, &e),
			 0);
	assert_non_null(usable_of(world.controller, spec, &offered, &scratch));
	assert_int_equal(usable_take(world.controller, spec, &offered, &need, &mine), 0);
	taken = resources_format(&mine);
	after = resources_format(&offered);
	assert_string_equal(taken, taken_text);
	assert_string_equal(after, left_after);
	resources_done(&scratch);
	resources_done(&mine);
	resources_done(&need);
	resources_done(&offered);
	app_unref(spec);
	json_decref(document);
}

static void test_what_is_reserved_is_taken_first(void **state)
{
	(void)state;
	assert_taken("", half_reserved,
		     "cpus:0.5;cpus(dev):1;mem(dev):64;ports(dev):[32001];ports:[31000]",
		     "cpus:1.5;mem:1024;disk:100;mem(dev):448;ports(dev):[32000];ports:[31001-31009]");
}

static void assert_usable(const char *accepted, double cpus, unsigned n_ports)
{
	struct resources offered = { 0 }, scratch;
	const struct resources *usable;
	struct refusal refusal = { 0 };
	json_t *document = json_pack("{s:s, s:s, s:s}", "id", "/dev/a", "cmd", "x", "role", "dev");
	struct app *spec = NULL;
	struct err e = { 0 };

	if (accepted)
		(void)json_object_set_new(document, "acceptedResourceRoles",
					  json_loads(accepted, 0, NULL));
	assert_int_equal(app_parse(document, NULL, NULL, &spec, &refusal), 0);
	assert_int_equal(resources_parse("cpus:2;cpus(dev):1;cpus(eng):4;ports:[31000-31009];"
					 "ports(dev):[32000-32001]", &offered, &e), 0);
	usable = usable_of(world.controller, spec, &offered, &scratch);
	assert_non_null(usable);
	assert_true(resources_scalar_to_double(usable->scalar[RESOURCE_CPUS]) == cpus);
	assert_int_equal(ranges_count(&usable->ports), n_ports);
	resources_done(&scratch);
	resources_done(&offered);
	app_unref(spec);
	json_decref(document);
}

static void test_accepted_roles_say_what_is_usable(void **state)
{
	(void)state;
	assert_usable(NULL, 3, 12);
	assert_usable("[\"*\",\"dev\"]", 3, 12);
	assert_usable("[\"*\"]", 2, 10);
	assert_usable("[\"dev\"]", 1, 2);
}

static void test_the_operator_says_what_is_usable_where_nobody_does(void **state)
{
	(void)state;
	world.controller->options.accepted = ACCEPTED_UNRESERVED;
	assert_usable(NULL, 2, 10);
	assert_usable("[\"dev\"]", 1, 2);
	world.controller->options.accepted = ACCEPTED_RESERVED;
	assert_usable(NULL, 1, 2);
	assert_usable("[\"*\"]", 2, 10);
}

static void test_a_task_tells_what_it_takes_of_reservations(void **state)
{
	const Mesos__V1__TaskInfo *info;
	double reserved = 0, everybodys = 0;

	(void)state;
	post("{\"id\":\"/dev/web\",\"cmd\":\"x\",\"cpus\":1.5,\"mem\":64,\"role\":\"dev\",\"ports\":[]}");
	offer_to("dev", "agent-1", "node-1", "cpus:1;cpus(dev):1;mem:1024", NULL);
	info = task_at(0)->info;
	for (size_t i = 0; i < info->n_resources; i++) {
		const Mesos__V1__Resource *resource = info->resources[i];

		if (strcmp(resource->name, "cpus") != 0)
			continue;
		if (resource->n_reservations > 0) {
			assert_string_equal(resource->reservations[0]->role, "dev");
			reserved += resource->scalar->value;
		} else {
			everybodys += resource->scalar->value;
		}
	}
	assert_true(reserved == 1 && everybodys == .5);
}

/* ---- Why apps wait ---- */

static void assert_explained(const char *id, const char *part)
{
	char text[EXPLANATION_SIZE];

	explanation_format(world.controller, app(id), text);
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void test_who_waits_for_offers_to_its_role_says_so(void **state)
{
	(void)state;
	post(dev_app);
	offer();
	assert_explained("/dev/web", "nothing has been offered to role 'dev' yet");
	world.scheduler.refuses_role = "eng";
	post("{\"id\":\"/eng/web\",\"cmd\":\"x\",\"role\":\"eng\"}");
	assert_explained("/eng/web", "the master does not let the controller into role 'eng': Roles { eng }");
}

static void test_what_is_reserved_is_known_beside_offers_to_others(void **state)
{
	(void)state;
	post("{\"id\":\"/dev/web\",\"cmd\":\"x\",\"cpus\":10,\"mem\":64,\"role\":\"dev\"}");
	offer_to("dev", "agent-1", "node-1", "cpus:1;cpus(dev):8;mem:1024;ports:[31000-31009]", NULL);
	assert_explained("/dev/web", "no node has 10 cpus free (most: 9)");
	offer_from("agent-1", "node-1", "cpus:1;mem:1024;ports:[31000-31009]", NULL);
	assert_explained("/dev/web", "no node has 10 cpus free (most: 9)");
	offer_to("dev", "agent-1", "node-1", "cpus:1;cpus(dev):4;mem:1024;ports:[31000-31009]", NULL);
	assert_explained("/dev/web", "no node has 10 cpus free (most: 5)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_app_has_the_default_role_or_its_top_level_groups, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_the_default_role_is_the_operators_choice,
						setup_in_ops, world_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_group_enforces_its_role_on_apps_that_come, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_new_group_enforces_its_role_on_the_apps_it_comes_with, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_a_group_goes_back_to_what_it_enforced,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			test_new_groups_enforce_where_the_operator_wants_it, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_another_role_restarts_an_app_step_by_step,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_the_framework_is_in_the_roles_of_its_apps,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_a_role_is_left_when_its_last_instance_is_gone,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_roles_are_there_again_after_a_restart,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_role_that_the_master_refuses_keeps_no_other_out, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_an_app_is_started_on_offers_to_its_role_alone,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_reserved_is_taken_first, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_accepted_roles_say_what_is_usable, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_operator_says_what_is_usable_where_nobody_does, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_a_task_tells_what_it_takes_of_reservations,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_who_waits_for_offers_to_its_role_says_so,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_reserved_is_known_beside_offers_to_others, world_setup,
			world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
