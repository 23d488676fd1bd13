/* Pods' definitions: what they become, and each rule with its path and its words (reference/marathon.md 1.10). */
#include "refusals.h"

#include <math.h>

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/pod.h"

static struct app *parse(const char *text)
{
	json_t *document = load_quoted(text);
	struct refusal refusal = { 0 };
	struct app *app = NULL;

	if (pod_parse(document, NULL, NULL, &app, &refusal) < 0) {
		AUTO_FREE char *body = json_dumps(refusal.body, JSON_COMPACT);

		print_error("%s\n", body);
	}
	assert_non_null(app);
	json_decref(document);
	return app;
}

static void check_json(const json_t *is, const char *expected)
{
	json_t *wanted = load_quoted(expected);

	if (!json_equal(is, wanted)) {
		AUTO_FREE char *text = json_dumps(is, JSON_COMPACT | JSON_ENCODE_ANY);

		print_error("%s\n", text ? text : "nothing");
		fail();
	}
	json_decref(wanted);
}

/* ---- What they become ---- */

static void test_the_least_gets_every_default(void **state)
{
	struct app *app = parse("{'id':'/a','containers':[{'name':'one','resources':{},"
				"'exec':{'command':{'shell':'true'}}}]}");

	(void)state;
	check_json(app->json,
		   "{'id':'/a','labels':{},'networks':[{'mode':'host'}],'role':'*',"
		   "'containers':[{'name':'one','resources':{'cpus':0.1,'mem':32,'disk':0,'gpus':0},"
		   "'exec':{'command':{'shell':'true'}}}],"
		   "'scaling':{'kind':'fixed','instances':1},"
		   "'scheduling':{'backoff':{'backoff':1,'backoffFactor':1.15,'maxLaunchDelay':300},"
		   "'upgrade':{'minimumHealthCapacity':1,'maximumOverCapacity':1},"
		   "'placement':{'constraints':[],'acceptedResourceRoles':[]},"
		   "'killSelection':'YOUNGEST_FIRST',"
		   "'unreachableStrategy':{'inactiveAfterSeconds':0,'expungeAfterSeconds':0}},"
		   "'executorResources':{'cpus':0.1,'mem':32,'disk':10}}");
	assert_int_equal(app->instances, 1);
	assert_int_equal(app->backoff_ms, 1000);
	assert_int_equal(app->max_delay_ms, 300000);
	assert_string_equal(app->role, "*");
	assert_int_equal(app_n_ports(app), 0);
	app_unref(app);
}

static const char whole[] =
	"{'id':'/shop/web','labels':{'team':'a'},'user':'nobody','environment':{'A':'pod','B':'pod'},"
	"'scaling':{'kind':'fixed','instances':3},'executorResources':{'cpus':0.5,'mem':64,'disk':1},"
	"'volumes':[{'name':'shared'},{'name':'etc','host':'/etc/web'}],"
	"'scheduling':{'backoff':{'backoff':0.5},'killSelection':'OLDEST_FIRST','unreachableStrategy':'disabled',"
	"'placement':{'constraints':[{'fieldName':'hostname','operator':'UNIQUE'}]}},"
	"'containers':["
	"{'name':'front','exec':{'command':{'shell':'serve'}},'resources':{'cpus':1,'mem':100,'disk':2},"
	"'resourceLimits':{'cpus':'unlimited','mem':200},'environment':{'B':'front'},"
	"'endpoints':[{'name':'http','hostPort':8080,'protocol':['tcp','udp'],'labels':{'VIP':'x'}},{'name':'admin'}],"
	"'healthCheck':{'http':{'endpoint':'admin','path':'/ping','scheme':'HTTPS'},'intervalSeconds':30},"
	"'volumeMounts':[{'name':'shared','mountPath':'/s'},{'name':'etc','mountPath':'/e','readOnly':true}],"
	"'lifecycle':{'killGracePeriodSeconds':2.5}},"
	"{'name':'back','exec':{'command':{'argv':['run','-v']},'overrideEntrypoint':true},'user':'root',"
	"'image':{'kind':'DOCKER','id':'back:1'},'resources':{'cpus':2,'mem':50},"
	"'endpoints':[{'name':'db','hostPort':0}],'healthCheck':{'exec':{'command':{'shell':'check'}}}}]}";

static void test_the_pod_is_the_sum_of_its_containers(void **state)
{
	struct app *app = parse(whole);

	(void)state;
	assert_true(fabs(app->cpus - 3.5) < 1e-9);
	assert_true(fabs(app->mem_mb - 214) < 1e-9);
	assert_true(fabs(app->disk_mb - 3) < 1e-9);
	assert_true(fabs(app->pod->executor_cpus - .5) < 1e-9);
	assert_true(fabs(app->pod->executor_mem_mb - 64) < 1e-9);
	assert_int_equal(app->instances, 3);
	assert_int_equal(app->backoff_ms, 500);
	assert_int_equal(app->n_constraints, 1);
	assert_true(app->kill_oldest_first && app->keeps_unreachable && app->require_ports);
	assert_null(app->cmd);
	check_json(app->labels, "{'team':'a'}");
	check_json(app->ports, "[{'port':8080,'protocol':'udp,tcp','name':'http','labels':{'VIP':'x'}},"
			       "{'port':0,'protocol':'tcp','name':'admin','labels':{}},"
			       "{'port':0,'protocol':'tcp','name':'db','labels':{}}]");
	assert_int_equal(json_array_size(app->health_checks), 2);
	app_unref(app);
}

static void test_a_container_is_said_as_an_app(void **state)
{
	struct app *app = parse(whole);
	const struct pod_container *front = pod_container_find(app->pod, "front");
	const struct pod_container *back = pod_container_find(app->pod, "back");

	(void)state;
	assert_null(pod_container_find(app->pod, "other"));
	assert_string_equal(front->app->cmd, "serve");
	assert_string_equal(front->app->user, "nobody");
	check_json(front->app->env, "{'A':'pod','B':'front'}");
	assert_true(isinf(front->app->cpus_limit));
	assert_true(fabs(front->app->mem_limit_mb - 200) < 1e-9);
	assert_int_equal(front->app->kill_grace_ms, 2500);
	assert_int_equal(front->first_port, 0);
	assert_int_equal(app_n_ports(front->app), 2);
	check_json(front->app->health_checks,
		   "[{'protocol':'MESOS_HTTPS','ipProtocol':'IPv4','path':'/ping','portIndex':1,'intervalSeconds':30,"
		   "'timeoutSeconds':20,'gracePeriodSeconds':300,'maxConsecutiveFailures':3,'delaySeconds':15}]");
	check_json(json_object_get(json_object_get(front->app->json, "container"), "volumes"),
		   "[{'containerPath':'/s','ephemeral':'shared','mode':'RW'},"
		   "{'containerPath':'/e','hostPath':'/etc/web','mode':'RO'}]");
	check_json(back->app->args, "['run','-v']");
	assert_string_equal(back->app->user, "root");
	assert_true(back->overrides_entrypoint);
	assert_false(front->overrides_entrypoint);
	assert_int_equal(back->first_port, 2);
	assert_int_equal(back->app->kill_grace_ms, -1);
	check_json(json_object_get(json_array_get(back->app->health_checks, 0), "command"), "{'value':'check'}");
	app_unref(app);
}

static void test_another_number_of_instances_restarts_nothing(void **state)
{
	struct app *app = parse(whole), *more = app_with_instances(app, 5), *other;

	(void)state;
	assert_int_equal(more->instances, 5);
	check_json(json_object_get(more->json, "scaling"), "{'kind':'fixed','instances':5}");
	assert_false(app_needs_restart(app, more));
	other = parse("{'id':'/shop/web','containers':[{'name':'a','resources':{},'image':{'kind':'DOCKER','id':'x'}}]}");
	assert_true(app_needs_restart(app, other));
	app_unref(other);
	app_unref(more);
	app_unref(app);
}

static void test_what_is_stored_comes_back_as_a_pod(void **state)
{
	static const char version[] = "2026-01-02T03:04:05.678Z";
	struct app *app = parse(whole), *back = NULL;
	struct refusal refusal = { 0 };
	json_t *stored;

	(void)state;
	memcpy(app->version, version, sizeof(version));
	memcpy(app->last_scaling_at, version, sizeof(version));
	memcpy(app->last_config_change_at, version, sizeof(version));
	stored = app_to_json(app);
	assert_int_equal(app_from_stored(stored, &back, &refusal), 0);
	assert_non_null(back->pod);
	assert_string_equal(back->version, version);
	assert_true(json_equal(app->json, back->json));
	app_unref(back);
	app_unref(app);
	json_decref(stored);
}

/* ---- Rules ---- */

/* Members of the one container and of the pod that has no other. */
#define ONE(in_container) \
	"'containers':[{'name':'one','resources':{},'exec':{'command':{'shell':'x'}}" in_container "}]"
#define POD(in_container, in_pod) "{'id':'/a'," ONE(in_container) in_pod "}"
/* Its first container is without command. */
#define BARE(in_container) "{'id':'/a','containers':[{'name':'one','resources':{}" in_container "}]}"
/* Of two containers. */
#define TWO(in_first, in_second) \
	"{'id':'/a','containers':[{'name':'one','resources':{},'exec':{'command':{'shell':'x'}}" in_first "}," \
	"{'name':'two','resources':{},'exec':{'command':{'shell':'x'}}" in_second "}]}"
#define CONTAINER_NETWORK ",'networks':[{'mode':'container','name':'n'}]"

static const struct wrong refused[] = {
	{ S, "{" ONE("") "}", "/id", "error.path.missing" },
	{ S, "{'id':'/'," ONE("") "}", "/id", "Path must contain at least one path element" },
	{ S, "{'id':'a'," ONE("") "}", "/id", "Path needs to be absolute" },
	{ S, "{'id':'/A'," ONE("") "}", "/id", NULL },
	{ S, "{'id':'/a'}", "/containers", "error.path.missing" },
	{ S, "{'id':'/a','containers':[]}", "/containers", "error.minItems" },
	{ S, POD("", ",'user':''"), "/user", "error.minLength" },
	{ S, POD("", ",'environment':{'A':1}"), "/environment/A", "error.expected.jsstring" },
	{ S, POD("", ",'environment':{'A=B':'1'}"), "/environment/A=B", "must be a name without '='" },
	{ S, POD("", ",'scaling':{'kind':'elastic'}"), "/scaling/kind", "error.unknown.enum.literal" },
	{ S, POD("", ",'scaling':{'instances':-1}"), "/scaling/instances", "error.min" },
	{ S, POD("", ",'scheduling':{'backoff':{'backoffFactor':0.5}}"), "/scheduling/backoff/backoffFactor",
	  "error.min" },
	{ S, POD("", ",'scheduling':{'upgrade':{'minimumHealthCapacity':2}}"),
	  "/scheduling/upgrade/minimumHealthCapacity", "error.max" },
	{ S, POD("", ",'scheduling':{'killSelection':'ALL'}"), "/scheduling/killSelection",
	  "error.unknown.enum.literal" },
	{ S, POD("", ",'scheduling':{'placement':{'constraints':[{'operator':'UNIQUE'}]}}"),
	  "/scheduling/placement/constraints(0)/fieldName", "error.path.missing" },
	{ R, POD("", ",'scheduling':{'placement':{'constraints':[{'fieldName':'hostname','operator':'NEAR'}]}}"),
	  "/scheduling/placement/constraints(0)",
	  "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS" },
	{ R, POD("", ",'scheduling':{'unreachableStrategy':{'inactiveAfterSeconds':9,'expungeAfterSeconds':1}}"),
	  "/scheduling/unreachableStrategy/inactiveAfterSeconds",
	  "must be less than or equal to expungeAfterSeconds" },
	{ S, POD("", ",'executorResources':{'cpus':0}"), "/executorResources/cpus", "error.min" },
	{ S, POD("", ",'executorResources':{'mem':31}"), "/executorResources/mem", "error.min" },
	{ S, POD("", ",'executorResources':{'disk':0}"), "/executorResources/disk", "error.min" },
	{ S, POD("", ",'volumes':[{'host':'/etc'}]"), "/volumes(0)/name", "error.path.missing" },
	{ S, POD("", ",'volumes':[{'name':'v','host':''}]"), "/volumes(0)/host", "error.minLength" },
	{ R, POD("", ",'volumes':[{'name':'v'}]"), "/volumes(0)",
	  "volume must be referenced by at least one container" },
	{ R, POD(",'volumeMounts':[{'name':'v','mountPath':'/v'}]", ",'volumes':[{'name':'v'},{'name':'v'}]"),
	  "/volumes", "volume names must be unique" },
	{ R, POD(",'volumeMounts':[{'name':'v','mountPath':'/v'}]", ",'volumes':[{'name':'v','host':'/a','secret':'s'}]"),
	  "/volumes(0)", "only one of host, persistent and secret may be given" },
	{ R, POD(",'volumeMounts':[{'name':'v','mountPath':'/v'}]", ",'volumes':[{'name':'v','persistent':{'size':1}}]"),
	  "/volumes(0)", "persistent volumes are not supported in pods by this version" },
	{ R, POD(",'volumeMounts':[{'name':'v','mountPath':'/v'}]", ""), "/containers(0)/volumeMounts(0)/name",
	  "Referenced Volume in VolumeMount should exist" },
	{ S, POD(",'volumeMounts':[{'name':'v','mountPath':''}]", ",'volumes':[{'name':'v'}]"),
	  "/containers(0)/volumeMounts(0)/mountPath", "error.minLength" },
	{ R, POD("", ",'networks':[{'mode':'host'},{'mode':'host'}]"), "/networks",
	  "May specify a single host network, single bridge network, or else 1-to-n container networks" },
	{ R, POD("", ",'networks':[{'mode':'container'}]"), "/networks",
	  "Network name must be specified when container network is selected." },
	{ R, POD("", ",'networks':[{'mode':'host','name':'n'}]"), "/networks",
	  "Host networks may not have names or labels" },
	{ S, "{'id':'/a','containers':[{'resources':{}}]}", "/containers(0)/name", "error.path.missing" },
	{ S, "{'id':'/a','containers':[{'name':'A b','resources':{}}]}", "/containers(0)/name", "error.pattern" },
	{ S, "{'id':'/a','containers':[{'name':'one'}]}", "/containers(0)/resources", "error.path.missing" },
	{ S, "{'id':'/a','containers':[{'name':'one','resources':{'cpus':-1}}]}", "/containers(0)/resources/cpus",
	  "error.min" },
	{ R, "{'id':'/a','containers':[{'name':'one','resources':{'gpus':1},'exec':{'command':{'shell':'x'}}}]}",
	  "/containers(0)/resources/gpus", NULL },
	{ R, "{'id':'/a','containers':[{'name':'one','resources':{},'image':{'id':'x','kind':'DOCKER'}},"
	     "{'name':'one','resources':{},'image':{'id':'x','kind':'DOCKER'}}]}",
	  "/containers", "container names must be unique" },
	{ R, TWO(",'endpoints':[{'name':'e'}]", ",'endpoints':[{'name':'e'}]"), "/",
	  "endpoint names must be unique across all containers" },
	{ R, TWO(",'endpoints':[{'name':'e','hostPort':80}]", ",'endpoints':[{'name':'f','hostPort':80}]"), "/",
	  "host ports must be unique across all containers" },
	{ R, POD(",'endpoints':[{'name':'e','containerPort':80},{'name':'f','containerPort':80}]", CONTAINER_NETWORK), "/",
	  "container ports must be unique across all containers" },
	{ R, POD(",'endpoints':[{'name':'e'}]", CONTAINER_NETWORK), "/containers(0)/endpoints(0)/containerPort",
	  "is required when using container-mode networking" },
	{ R, POD(",'endpoints':[{'name':'e','containerPort':80}]", ""), "/containers(0)/endpoints(0)/containerPort",
	  "is not allowed when using host-mode networking" },
	{ R, POD(",'endpoints':[{'name':'e','protocol':['tcp','tcp']}]", ""), "/containers(0)/endpoints(0)/protocol",
	  "Duplicate protocols within the same endpoint are not allowed" },
	{ S, POD(",'endpoints':[{'name':'e','hostPort':70000}]", ""), "/containers(0)/endpoints(0)/hostPort",
	  "error.max" },
	{ S, POD(",'endpoints':[{'name':'E'}]", ""), "/containers(0)/endpoints(0)/name", "error.pattern" },
	{ R, POD(",'endpoints':[{'name':'e','containerPort':80,'networkNames':['m']}]", CONTAINER_NETWORK),
	  "/containers(0)/endpoints(0)/networkNames(0)", "got m, which none of the networks is called" },
	{ R, BARE(""), "/containers(0)", "must have exec, image, or both: there is nothing to run" },
	{ R, BARE(",'exec':{'command':{}}"), "/containers(0)/exec/command",
	  "exactly one of shell and argv must be given" },
	{ R, BARE(",'exec':{'command':{'shell':'x','argv':['x']}}"), "/containers(0)/exec/command",
	  "exactly one of shell and argv must be given" },
	{ S, BARE(",'exec':{}"), "/containers(0)/exec/command", "error.path.missing" },
	{ S, BARE(",'image':{'id':'x'}"), "/containers(0)/image/kind", "error.path.missing" },
	{ S, BARE(",'image':{'id':'x','kind':'APPC'}"), "/containers(0)/image/kind", "error.unknown.enum.literal" },
	{ S, BARE(",'image':{'id':'','kind':'DOCKER'}"), "/containers(0)/image/id", "error.minLength" },
	{ R, BARE(",'image':{'id':'x','kind':'DOCKER','forcePull':true}"), "/containers(0)/image/forcePull", NULL },
	{ R, BARE(",'image':{'id':'x','kind':'DOCKER','pullConfig':{'secret':'s'}}"),
	  "/containers(0)/image/pullConfig", "pullConfig.secret must refer to an existing secret" },
	{ R, POD(",'healthCheck':{}", ""), "/containers(0)/healthCheck",
	  "Only one of http, tcp, or command may be specified" },
	{ R, POD(",'endpoints':[{'name':'e'}],'healthCheck':{'tcp':{'endpoint':'e'},'http':{'endpoint':'e'}}", ""),
	  "/containers(0)/healthCheck", "Only one of http, tcp, or command may be specified" },
	{ R, POD(",'healthCheck':{'http':{'endpoint':'e'}}", ""), "/containers(0)/healthCheck/http/endpoint",
	  "contained in the container endpoints" },
	{ R, POD(",'endpoints':[{'name':'e'}],'healthCheck':{'http':{'endpoint':'e','path':'ping'}}", ""),
	  "/containers(0)/healthCheck", "path: must start with '/'" },
	{ R, POD(",'healthCheck':{'exec':{'command':{'shell':'x'}},'timeoutSeconds':60}", ""),
	  "/containers(0)/healthCheck/timeoutSeconds", "got 60, expected less than 60" },
	{ R, POD(",'resourceLimits':{'mem':16}", ""), "/containers(0)/resourceLimits/mem",
	  "resource limit must be greater than or equal to requested resource value" },
	{ R, POD(",'resourceLimits':{'mem':64}", ",'legacySharedCgroups':true"), "/containers(0)/resourceLimits",
	  "resourceLimits cannot be defined if legacySharedCgroups is enabled" },
	{ S, POD(",'lifecycle':{'killGracePeriodSeconds':-1}", ""),
	  "/containers(0)/lifecycle/killGracePeriodSeconds", "error.min" },
	{ R, POD(",'environment':{'A':{'secret':'s'}}", ""), "/containers(0)/environment/A",
	  "references an undefined secret" },
	{ R, POD("", ",'environment':{'A':{'secret':'s'}}"), "/environment/A", "references an undefined secret" },
	{ R, POD("", ",'secrets':{'s':{'source':'/s'}}"), "/secrets", NULL },
	{ R, POD(",'linuxInfo':{'seccomp':{'unconfined':false}}", ""), "/containers(0)/linuxInfo/seccomp",
	  "unconfined must be true when profileName is not defined" },
	{ S, POD(",'endpionts':[]", ""), "/containers(0)/endpionts", "is not a known field" },
};

static void test_each_rule_has_its_path_and_its_words(void **state)
{
	(void)state;
	check_all_wrong(pod_parse, refused, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_gets_every_default),
		cmocka_unit_test(test_the_pod_is_the_sum_of_its_containers),
		cmocka_unit_test(test_a_container_is_said_as_an_app),
		cmocka_unit_test(test_another_number_of_instances_restarts_nothing),
		cmocka_unit_test(test_what_is_stored_comes_back_as_a_pod),
		cmocka_unit_test(test_each_rule_has_its_path_and_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
