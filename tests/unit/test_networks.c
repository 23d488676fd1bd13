/* Networks of definitions: what tasks are launched with, and where their instances are shown to be. */
#include "controller_world.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/view/views.h"
#include "refusals.h"

/* From a node that has no other ports than these, in the form of ranges. */
static void offer_ports(const char *ports)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "cpus:8;mem:8192;disk:100;ports:%s", ports);
	offer_from("agent-1", "10.0.0.7", text, NULL);
}

static void post_quoted(const char *definition)
{
	json_t *document = load_quoted(definition);
	AUTO_FREE char *text = json_dumps(document, JSON_COMPACT);

	post(text);
	json_decref(document);
}

/* What JSON has, but for members that EXPECTED does not name. */
static bool has(const json_t *json, const json_t *expected)
{
	const char *key;
	json_t *walk, *value;
	size_t i;

	memcpy(&walk, &expected, sizeof(walk));	/* the iterator's type; nothing is changed */
	if (json_is_object(expected)) {
		json_object_foreach(walk, key, value) {
			if (!has(json_object_get(json, key), value))
				return false;
		}
		return json_is_object(json);
	}
	if (!json_is_array(expected))
		return json_equal(json, expected);
	json_array_foreach(walk, i, value) {
		if (!has(json_array_get(json, i), value))
			return false;
	}
	return json_is_array(json) && json_array_size(json) == json_array_size(expected);
}

static void check_has(json_t *json_take, const char *expected)
{
	json_t *wanted = load_quoted(expected);

	if (!has(json_take, wanted)) {
		AUTO_FREE char *text = json_dumps(json_take, JSON_COMPACT | JSON_ENCODE_ANY);

		fail_msg("%s\n is not: %s", expected, text ? text : "nothing");
	}
	json_decref(wanted);
	json_decref(json_take);
}

static json_t *json_of(const ProtobufCMessage *message)
{
	struct err e = { 0 };
	json_t *json = NULL;

	assert_int_equal(pb_to_json(message, &json, &e), 0);
	return json;
}

static const char *variable(unsigned i, const char *name)
{
	const Mesos__V1__Environment *environment = task_at(i)->info->command->environment;

	for (size_t k = 0; k < environment->n_variables; k++) {
		if (strcmp(environment->variables[k]->name, name) == 0)
			return environment->variables[k]->value;
	}
	return "none";
}

struct launch {
	const char *definition, *ports;	/* ports: what is offered */
	const char *task;		/* of its TaskInfo */
	const char *shown;		/* of the task in /v2 */
	const char *variables[8];	/* name, value, ... */
};

#define BRIDGE ",'networks':[{'mode':'container/bridge'}]"
#define MESOS(mappings) ",'container':{'type':'MESOS','portMappings':[" mappings "]}"

static const struct launch launches[] = {
	/* The least: one port, of which the node's is taken, and the container's is the same. */
	{ APP(BRIDGE), "[31000-31000]",
	  "{'container':{'type':'MESOS','network_infos':[{'name':'mesos-bridge','port_mappings':"
	  "[{'host_port':31000,'container_port':31000,'protocol':'tcp'}]}]},"
	  "'discovery':{'ports':{'ports':[{'number':31000,'name':'default','protocol':'tcp',"
	  "'labels':{'labels':[{'key':'network-scope','value':'host'}]}}]}}}",
	  "{'ports':[31000],'ipAddresses':[]}",
	  { "PORT0", "31000", "PORT", "31000", "PORTS", "31000", "PORT_31000", "31000" } },
	{ APP(BRIDGE MESOS("{'containerPort':80,'name':'http','labels':{'VIP_0':'/web:80'}}")
	      ",'healthChecks':[{'protocol':'MESOS_HTTP','portIndex':0}]"), "[31000-31000]",
	  "{'container':{'network_infos':[{'port_mappings':[{'host_port':31000,'container_port':80}]}]},"
	  "'health_check':{'http':{'port':80}},"
	  "'discovery':{'ports':{'ports':[{'number':31000,'name':'http','labels':{'labels':"
	  "[{'key':'VIP_0','value':'/web:80'},{'key':'network-scope','value':'host'}]}}]}}}",
	  "{'ports':[31000]}",
	  { "PORT0", "31000", "PORT_80", "31000", "PORT_HTTP", "31000", "PORTS", "31000" } },
	/* A host port that is named is that one. */
	{ APP(BRIDGE MESOS("{'containerPort':80,'hostPort':31005,'protocol':'udp,tcp'},{'containerPort':81}")),
	  "[31004-31005]",
	  "{'container':{'network_infos':[{'port_mappings':["
	  "{'host_port':31005,'container_port':80,'protocol':'tcp'},"
	  "{'host_port':31005,'container_port':80,'protocol':'udp'},"
	  "{'host_port':31004,'container_port':81,'protocol':'tcp'}]}]},"
	  "'discovery':{'ports':{'ports':[{'number':31005,'protocol':'tcp'},"
	  "{'number':31005,'protocol':'udp'},{'number':31004}]}}}",
	  "{'ports':[31005,31004]}", { "PORTS", "31005,31004", "PORT_81", "31004" } },
	/* In a container's network nothing of the node's is taken unless it is asked for. */
	{ APP(",'networks':[{'name':'n','labels':{'allow':'/db:5432'}}]"
	      MESOS("{'containerPort':8080,'name':'http'},{'containerPort':9000,'hostPort':0}")
	      ",'healthChecks':[{'protocol':'TCP','portIndex':0}]"), "[31000-31000]",
	  "{'container':{'network_infos':[{'name':'n','labels':{'labels':[{'key':'allow','value':'/db:5432'}]},"
	  "'port_mappings':[{'host_port':31000,'container_port':9000}]}]},"
	  "'health_check':{'tcp':{'port':8080}},"
	  "'discovery':{'ports':{'ports':[{'number':8080,'labels':{'labels':"
	  "[{'key':'network-scope','value':'container'},{'key':'network-name','value':'n'}]}},"
	  "{'number':31000,'labels':{'labels':[{'key':'network-scope','value':'host'}]}}]}}}",
	  "{'ports':[31000]}",
	  { "PORT0", "8080", "PORT1", "31000", "PORTS", "31000", "PORT_8080", "8080" } },
	{ APP(",'networks':[{'name':'n'},{'name':'m'}]"
	      MESOS("{'containerPort':80,'hostPort':0,'networkNames':['m']},{'containerPort':81,'networkNames':['n']}")),
	  "[31000-31000]",
	  "{'container':{'network_infos':[{'name':'n'},"
	  "{'name':'m','port_mappings':[{'host_port':31000,'container_port':80}]}]},"
	  "'discovery':{'ports':{'ports':[{'number':31000},{'number':81,'labels':{'labels':"
	  "[{'key':'network-scope','value':'container'},{'key':'network-name','value':'n'}]}}]}}}",
	  "{'ports':[31000]}", { "PORT", "31000", "PORT1", "81", "PORT_81", "81" } },
	/* Marathon's own check names the node's port where there is a bridge. */
	{ APP(BRIDGE MESOS("{'containerPort':80,'hostPort':31000}")
	      ",'healthChecks':[{'protocol':'HTTP','port':31000}]"), "[31000-31000]",
	  "{'health_check':{'http':{'port':80}}}", "{}", { "PORT0", "31000" } },
	{ APP(BRIDGE MESOS("{'containerPort':80,'hostPort':31000}")
	      ",'healthChecks':[{'protocol':'MESOS_HTTP','port':31000}]"), "[31000-31000]",
	  "{'health_check':{'http':{'port':31000}}}", "{}", { "PORT0", "31000" } },
	/* The old words. */
	{ APP(",'container':{'docker':{'image':'i','network':'BRIDGE','portMappings':[{'containerPort':80}]}}"),
	  "[31000-31000]",
	  "{'container':{'network_infos':[{'name':'mesos-bridge','port_mappings':[{'container_port':80}]}]}}",
	  "{'ports':[31000]}", { "PORT0", "31000" } },
	{ APP(",'ipAddress':{'networkName':'n','labels':{'a':'b'},'discovery':{'ports':"
	      "[{'number':80,'name':'http'}]}}"), "[31000-31000]",
	  "{'container':{'network_infos':[{'name':'n','labels':{'labels':[{'key':'a','value':'b'}]}}]},"
	  "'discovery':{'ports':{'ports':[{'number':80,'name':'http'}]}}}",
	  "{'ports':[]}", { "PORT0", "80", "PORTS", "", "PORT", "none" } },
};

static void test_a_task_is_launched_on_its_networks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(launches); i++) {
		const struct launch *launch = &launches[i];

		post_quoted(launch->definition);
		offer_ports(launch->ports);
		assert_int_equal(world.scheduler.n_tasks, i + 1);
		check_has(json_of(&task_at(i)->info->base), launch->task);
		check_has(task_view(world.controller, TAILQ_FIRST(&app("/a")->instances)), launch->shown);
		for (unsigned k = 0; k + 1 < ARRAY_SIZE(launch->variables) && launch->variables[k]; k += 2)
			assert_string_equal(variable(i, launch->variables[k]), launch->variables[k + 1]);
		assert_int_equal(apply(NULL, "/a", true), 0);
		let_it_be(UNKNOWN_HEALTH);
		let_it_be(UNKNOWN_HEALTH);
		assert_null(app("/a"));
	}
}

/* Neither asked for nor on the node: some number that the container may listen at. */
static void test_a_port_that_is_nobodys_is_chosen(void **state)
{
	const struct instance *instance;
	char text[16];

	(void)state;
	post_quoted(APP(",'networks':[{'name':'n'}]" MESOS("{},{},{'containerPort':1025}")));
	offer_ports("[31000-31000]");
	instance = TAILQ_FIRST(&app("/a")->instances);
	assert_int_equal(instance->n_ports, 3);
	for (unsigned i = 0; i < 2; i++)
		assert_true(instance->ports[i] > 1025);
	assert_int_not_equal(instance->ports[0], instance->ports[1]);
	assert_int_equal(instance->ports[2], 1025);
	(void)snprintf(text, sizeof(text), "%u", instance->ports[0]);
	assert_string_equal(variable(0, "PORT0"), text);
	assert_string_equal(variable(0, "PORT"), text);
	check_has(task_view(world.controller, instance), "{'ports':[]}");
	restart_controller();
	instance = TAILQ_FIRST(&app("/a")->instances);
	assert_int_equal(instance->ports[2], 1025);
	assert_int_equal(instance_host_port(instance, 0), 0);
}

static void test_a_host_port_is_waited_for_by_its_number(void **state)
{
	(void)state;
	post_quoted(APP(BRIDGE MESOS("{'containerPort':80,'hostPort':31005},{'containerPort':81}")));
	offer_ports("[31000-31004]");
	assert_int_equal(world.scheduler.n_tasks, 0);
	offer_ports("[31005-31005]");
	assert_int_equal(world.scheduler.n_tasks, 0);
	offer_ports("[31004-31005]");
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_service_ports_are_those_of_the_mappings(void **state)
{
	(void)state;
	post_quoted(APP(BRIDGE MESOS("{'containerPort':80,'servicePort':10080},{'containerPort':81}")));
	assert_int_equal(app_service_port(app("/a")->target, 0), 10080);
	assert_in_range(app_service_port(app("/a")->target, 1), 10000, 19999);
	assert_true(app_has_service_port(app("/a")->target, 10080));
}

static void test_ports_go_with_the_network_that_they_were_of(void **state)
{
	(void)state;
	post_quoted(APP(BRIDGE MESOS("{'containerPort':80}")));
	assert_int_equal(apply("{\"id\":\"/a\",\"networks\":[{\"mode\":\"host\"}]}", NULL, true), 0);
	assert_false(app("/a")->target->has_own_network);
	assert_int_equal(app_n_ports(app("/a")->target), 1);
	assert_int_equal(apply("{\"id\":\"/a\",\"networks\":[{\"name\":\"n\"}]}", NULL, true), 0);
	assert_true(app("/a")->target->has_own_network);
	assert_int_equal(app_n_host_ports(app("/a")->target), 0);
}

/* As its node tells that it runs. */
static void say_address(unsigned i, const char *address)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Update update = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__ContainerStatus container = MESOS__V1__CONTAINER_STATUS__INIT;
	Mesos__V1__NetworkInfo network = MESOS__V1__NETWORK_INFO__INIT, *networks[] = { &network };
	Mesos__V1__NetworkInfo__IPAddress v4 = MESOS__V1__NETWORK_INFO__IPADDRESS__INIT, v6 = v4;
	Mesos__V1__NetworkInfo__IPAddress *addresses[] = { &v4, &v6 };
	char text[32], text6[] = "fd00::2", name[] = "n";

	(void)snprintf(text, sizeof(text), "%s", address);
	v4.ip_address = text;
	v6.ip_address = text6;
	network.name = name;
	network.n_ip_addresses = 2;
	network.ip_addresses = addresses;
	container.n_network_infos = 1;
	container.network_infos = networks;
	status.task_id = task_at(i)->info->task_id;
	status.agent_id = task_at(i)->info->agent_id;
	status.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
	status.container_status = &container;
	update.status = &status;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE;
	event.update = &update;
	world.scheduler.event(world.scheduler.arg, &event);
	turn();
}

static void test_its_own_address_is_where_what_the_node_does_not_map_is_reached(void **state)
{
	const struct instance *instance;
	struct endpoint at;

	(void)state;
	post_quoted(APP(",'networks':[{'name':'n'}]"
			MESOS("{'containerPort':80,'name':'http'},{'containerPort':81,'hostPort':0,'name':'admin'}")));
	offer_ports("[31000-31000]");
	instance = TAILQ_FIRST(&app("/a")->instances);
	assert_false(endpoint_find(instance, "http", &at));
	assert_true(endpoint_find(instance, "admin", &at));
	assert_string_equal(at.host, "10.0.0.7");
	assert_int_equal(at.port, 31000);
	say_address(0, "172.29.0.2");
	assert_true(endpoint_find(instance, "http", &at));
	assert_string_equal(at.host, "172.29.0.2");
	assert_int_equal(at.port, 80);
	check_has(task_view(world.controller, instance),
		  "{'ipAddresses':[{'ipAddress':'172.29.0.2','protocol':'IPv4'},"
		  "{'ipAddress':'fd00::2','protocol':'IPv6'}],'ports':[31000]}");
	check_has(instance_networks_view(instance), "[{'name':'n','addresses':['172.29.0.2','fd00::2']}]");
}

/* The containers of a pod share one network, which is their executor's. */
static void test_a_pod_is_on_its_networks_as_a_whole(void **state)
{
	const struct instance *instance;

	(void)state;
	post_quoted("{'id':'/a','networks':[{'mode':'container/bridge'}],'containers':["
		    "{'name':'one','resources':{},'exec':{'command':{'shell':'x'}},'endpoints':["
		    "{'name':'http','containerPort':80,'hostPort':31001,'labels':{'VIP_0':'/web:80'}}],"
		    "'healthCheck':{'tcp':{'endpoint':'http'}}},"
		    "{'name':'two','resources':{},'exec':{'command':{'shell':'x'}},'endpoints':["
		    "{'name':'db','containerPort':5432,'protocol':['udp']}]}]}");
	offer_ports("[31000-31001]");
	assert_int_equal(world.scheduler.n_tasks, 2);
	check_has(json_of(&task_at(0)->info->executor->base),
		  "{'container':{'type':'MESOS','network_infos':[{'name':'mesos-bridge','port_mappings':["
		  "{'host_port':31001,'container_port':80,'protocol':'tcp'},"
		  "{'host_port':31000,'container_port':5432,'protocol':'udp'}]}]}}");
	check_has(json_of(&task_at(0)->info->base),
		  "{'health_check':{'tcp':{'port':80}},'discovery':{'ports':{'ports':[{'number':31001}]}}}");
	check_has(json_of(&task_at(1)->info->base), "{'discovery':{'ports':{'ports':[{'number':31000,"
						   "'protocol':'udp'}]}}}");
	assert_string_equal(variable(0, "EP_HOST_HTTP"), "31001");
	assert_string_equal(variable(1, "EP_CONTAINER_HTTP"), "80");
	assert_string_equal(variable(0, "ENDPOINT_DB"), "5432");
	instance = TAILQ_FIRST(&app("/a")->instances);
	check_has(pod_instance_status_view(instance),
		  "{'containers':[{'endpoints':[{'name':'http','allocatedHostPort':31001}]},"
		  "{'endpoints':[{'name':'db','allocatedHostPort':31000}]}]}");
}

static void test_a_pods_container_network_takes_nothing_of_the_node(void **state)
{
	(void)state;
	post_quoted("{'id':'/a','networks':[{'name':'n'}],'containers':["
		    "{'name':'one','resources':{},'exec':{'command':{'shell':'x'}},'endpoints':["
		    "{'name':'http','containerPort':80}],'healthCheck':{'http':{'endpoint':'http'}}}]}");
	offer_from("agent-1", "node", "cpus:8;mem:8192;disk:100", NULL);
	assert_int_equal(world.scheduler.n_tasks, 1);
	check_has(json_of(&task_at(0)->info->executor->base),
		  "{'container':{'network_infos':[{'name':'n'}]}}");
	check_has(json_of(&task_at(0)->info->base),
		  "{'health_check':{'http':{'port':80}},'discovery':{'ports':{'ports':[{'number':80}]}}}");
	assert_string_equal(variable(0, "EP_HOST_HTTP"), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_task_is_launched_on_its_networks),
		WORLD_TEST(test_a_port_that_is_nobodys_is_chosen),
		WORLD_TEST(test_a_host_port_is_waited_for_by_its_number),
		WORLD_TEST(test_service_ports_are_those_of_the_mappings),
		WORLD_TEST(test_ports_go_with_the_network_that_they_were_of),
		WORLD_TEST(test_its_own_address_is_where_what_the_node_does_not_map_is_reached),
		WORLD_TEST(test_a_pod_is_on_its_networks_as_a_whole),
		WORLD_TEST(test_a_pods_container_network_takes_nothing_of_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
