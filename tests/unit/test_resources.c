#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

static void parse(const char *text, struct resources *r)
{
	struct err e = { 0 };

	*r = (struct resources){ 0 };
	assert_int_equal(resources_parse(text, r, &e), 0);
}

static void assert_text(const struct resources *r, const char *expected)
{
	char *text = resources_format(r);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text, *expected;
	} good[] = {
		{ "", "" },
		{ "cpus:4;mem:1024;disk:2048;ports:[31000-32000]",
		  "cpus:4;mem:1024;disk:2048;ports:[31000-32000]" },
		{ " ports : [1-2, 3] ; cpus: 0.1 ;", "cpus:0.1;ports:[1-3]" },
		{ "cpus:0.0004;mem:0.0005", "mem:0.001" },
		{ "cpus:1.25;mem:1.050;disk:0.001;gpus:2", "cpus:1.25;mem:1.05;disk:0.001;gpus:2" },
		{ "cpus:.5", "cpus:0.5" },
		{ "disk(b/c):5;cpus(a):1;disk:2;disk(b):0.5", "disk:2;cpus(a):1;disk(b):0.5;disk(b/c):5" },
		{ "disk(a):0", "" },
		{ "ports(b):[5-9];cpus(a/b):2;ports:[1-4];ports(a):[7]",
		  "cpus(a/b):2;ports(a):[7];ports(b):[5-9];ports:[1-4]" },
		{ " [{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2},\"role\":\"a\"},"
		  "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":["
		  "{\"type\":\"STATIC\",\"role\":\"a\"}]},"
		  "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,"
		  "\"end\":2}]}}]", "cpus(a):3;ports:[1-2]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct resources r;

		parse(good[i].text, &r);
		assert_text(&r, good[i].expected);
		resources_done(&r);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *text, *msg;
	} bad[] = {
		{ "cpus", "read resource 'cpus': not of the form name:value" },
		{ "cpus:", "read resource 'cpus': '' is not a number" },
		{ "cpus:x", "read resource 'cpus': 'x' is not a number" },
		{ "cpus:-1", "read resource 'cpus': '-1' is not a number" },
		{ "cpus:inf", "read resource 'cpus': 'inf' is not a number" },
		{ "cpus:1.2.3", "read resource 'cpus': '1.2.3' is not a number" },
		{ "cpus:.", "read resource 'cpus': '.' is not a number" },
		{ "cpus:1;cpus:2", "read resource 'cpus': named twice" },
		{ "cpu:1", "read resource 'cpu': unknown name" },
		{ ":1", "read resource '': unknown name" },
		{ "gpus:0.5", "read resource 'gpus': '0.5' is not a whole number" },
		{ "ports:[1-2",
		  "read resource 'ports': '[1-2' is not ranges such as [31000-32000]" },
		{ "ports:31000",
		  "read resource 'ports': '31000' is not ranges such as [31000-32000]" },
		{ "ports:[1,65536]",
		  "read resource 'ports': '[1,65536]' is not ranges such as [31000-32000]" },
		{ "ports:[1];ports:[2]", "read resource 'ports': named twice" },
		{ "disk(role):x", "read resource 'disk(role)': 'x' is not a number" },
		{ "disk(*):5", "read resource 'disk(*)': no role is called so" },
		{ "disk(a//b):5", "read resource 'disk(a//b)': no role is called so" },
		{ "disk():5", "read resource 'disk()': no role is called so" },
		{ "disk(a:5", "read resource 'disk(a': unknown name" },
		{ "disk(a):5;disk(a):6", "read resource 'disk(a)': named twice" },
		{ "ports(a):1",
		  "read resource 'ports(a)': '1' is not ranges such as [31000-32000]" },
		{ "ports(a):[1];ports(a):[2]", "read resource 'ports(a)': named twice" },
		{ "[{]", "read resources: not a JSON array: string or '}' expected near ']'" },
		{ "[{\"type\":\"SCALAR\"}]",
		  "read resources: missing required field 'name'" },
		{ "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":\"a\","
		  "\"reservation\":{}}]",
		  "read resources: more than a static reservation is told for role 'a'" },
		{ "mem:9999999999999999",
		  "read resource 'mem': '9999999999999999' is not a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct resources r = { .scalar = { 77 } };
		struct err e = { 0 };

		assert_int_equal(resources_parse(bad[i].text, &r, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].msg);
		assert_int_equal(r.scalar[0], 77);
	}
}

/* The classic: ten times a tenth is one, which doubles do not know. */
static void test_arithmetic_is_exact(void **state)
{
	struct resources sum = { 0 }, part, whole, copy;

	(void)state;
	parse("cpus:0.1;mem:32;ports:[31000-31001]", &part);
	parse("cpus:1;mem:320;ports:[31000-31001]", &whole);
	for (int i = 0; i < 10; i++)
		assert_int_equal(resources_add(&sum, &part), 0);
	assert_true(resources_equal(&sum, &whole));
	assert_int_equal(resources_copy(&sum, &copy), 0);
	assert_int_equal(resources_subtract(&copy, &part), 0);
	assert_text(&copy, "cpus:0.9;mem:288");
	assert_true(resources_contain(&sum, &part));
	assert_false(resources_contain(&copy, &part));
	assert_false(resources_is_empty(&copy));
	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		copy.scalar[i] = 0;
	assert_true(resources_is_empty(&copy));
	resources_done(&sum);
	resources_done(&part);
	resources_done(&whole);
	resources_done(&copy);
}

/* A volume of SIZE MiB that is called ID, on disk of ROLE. */
static void add_volume(struct resources *r, const char *role, const char *id, int64_t size)
{
	char role_copy[32], id_copy[32], path[] = "data";
	struct resource_part part = {
		.kind = RESOURCE_DISK, .role = role_copy, .volume = id_copy,
		.container_path = path, .value = size * 1000,
	};

	(void)snprintf(role_copy, sizeof(role_copy), "%s", role);
	(void)snprintf(id_copy, sizeof(id_copy), "%s", id);
	assert_int_equal(resource_parts_add(&r->parts, &part), 0);
}

static void test_reservations_are_counted_by_role(void **state)
{
	struct resources all, part, mine;

	(void)state;
	parse("cpus:1;disk:10;disk(a):5;disk(a/b):6;disk(ab):7", &all);
	assert_int_equal(resources_quantity(&all, RESOURCE_DISK), 28000);
	parse("disk:11", &part);
	assert_false(resources_contain(&all, &part));
	resources_done(&part);
	parse("disk(a):6", &part);
	assert_false(resources_contain(&all, &part));
	resources_done(&part);
	parse("disk(a):4", &part);
	assert_true(resources_contain(&all, &part));
	assert_int_equal(resources_for_role(&all, "a/b", &mine), 0);
	assert_text(&mine, "cpus:1;disk:10;disk(a):5;disk(a/b):6");
	resources_done(&mine);
	assert_int_equal(resources_for_role(&all, "*", &mine), 0);
	assert_text(&mine, "cpus:1;disk:10");
	resources_done(&mine);
	assert_int_equal(resources_subtract(&all, &part), 0);
	assert_text(&all, "cpus:1;disk:10;disk(a):1;disk(a/b):6;disk(ab):7");
	resources_take_away(&all, &part);
	assert_text(&all, "cpus:1;disk:10;disk(a/b):6;disk(ab):7");
	resources_done(&all);
	resources_done(&part);
}

static void test_volumes_never_merge_and_are_never_divided(void **state)
{
	struct resources all, copy, one = { 0 }, other = { 0 }, less = { 0 }, disk;

	(void)state;
	parse("disk(r):100", &all);
	add_volume(&one, "r", "1", 10);
	add_volume(&other, "r", "2", 10);
	add_volume(&less, "r", "1", 9);
	assert_int_equal(resources_add(&all, &one), 0);
	assert_int_equal(resources_add(&all, &other), 0);
	assert_text(&all, "disk(r):100;disk(r)[1:data]:10;disk(r)[2:data]:10");
	assert_int_equal(resources_quantity(&all, RESOURCE_DISK), 120000);
	assert_true(resources_contain(&all, &one));
	assert_false(resources_contain(&all, &less));
	assert_false(resources_contain(&one, &other));
	/* What has it twice contains neither one nor two. */
	assert_int_equal(resources_copy(&one, &copy), 0);
	assert_int_equal(resources_add(&copy, &one), 0);
	assert_false(resources_contain(&all, &copy));
	assert_false(resources_contain(&copy, &one));
	resources_done(&copy);
	/* Exactly that one goes, and what it was on is told. */
	assert_int_equal(resources_subtract(&all, &one), 0);
	assert_text(&all, "disk(r):100;disk(r)[2:data]:10");
	assert_int_equal(resources_below_volumes(&all, &disk), 0);
	assert_text(&disk, "disk(r):10");
	/* The same id in another role is another volume; where it is mounted does not matter. */
	resources_done(&one);
	add_volume(&one, "r/s", "2", 10);
	assert_false(resources_contain(&all, &one));
	free(other.parts.items[0].container_path);
	other.parts.items[0].container_path = strdup("elsewhere");
	assert_true(resources_contain(&all, &other));
	resources_done(&all);
	resources_done(&one);
	resources_done(&other);
	resources_done(&less);
	resources_done(&disk);
}

static void test_reservations_and_volumes_in_messages(void **state)
{
	struct resources all, again;
	Mesos__V1__Resource **messages;
	struct err e = { 0 };
	size_t n;

	(void)state;
	parse("cpus:1;mem(r):5;disk(r):100;ports:[1-2]", &all);
	add_volume(&all, "r", "1", 10);
	all.parts.items[2].principal = strdup("who");
	assert_int_equal(resources_to_messages(&all, "r", &messages, &n), 0);
	assert_int_equal(n, 5);
	assert_string_equal(messages[1]->reservations[0]->role, "r");
	assert_string_equal(messages[3]->disk->persistence->id, "1");
	assert_string_equal(messages[3]->disk->persistence->principal, "who");
	assert_string_equal(messages[3]->disk->volume->container_path, "data");
	assert_int_equal(resources_from_messages(messages, n, &again, &e), 0);
	assert_true(resources_equal(&all, &again));
	resources_done(&again);
	assert_int_equal(resources_messages_downgrade(messages, n), 0);
	assert_int_equal(messages[1]->n_reservations, 0);
	assert_string_equal(messages[0]->role, "*");
	assert_string_equal(messages[1]->role, "r");
	assert_string_equal(messages[3]->role, "r");
	assert_int_equal(resources_from_messages(messages, n, &again, &e), 0);
	assert_true(resources_equal(&all, &again));
	resources_messages_free(messages, n);
	resources_done(&again);
	resources_done(&all);
}

static void test_parts_are_bounded(void **state)
{
	struct resources all = { 0 }, again;
	Mesos__V1__Resource **messages;
	struct err e = { 0 };
	char id[16];
	size_t n;

	(void)state;
	for (int i = 0; i <= RESOURCE_MAX_PARTS; i++) {
		(void)snprintf(id, sizeof(id), "%05d", i);
		add_volume(&all, "r", id, 1);
	}
	assert_int_equal(resources_to_messages(&all, NULL, &messages, &n), 0);
	assert_int_equal(resources_from_messages(messages, n, &again, &e), -EINVAL);
	assert_string_equal(e.msg, "read resource 'disk': more than 4096 reservations and volumes");
	assert_int_equal(resources_from_messages(messages, n - 1, &again, &e), 0);
	resources_messages_free(messages, n);
	resources_done(&again);
	resources_done(&all);
}

static void test_scalars(void **state)
{
	int64_t value = 7;

	(void)state;
	assert_int_equal(resources_scalar_from_double(0.1 + 0.2, &value), 0);
	assert_int_equal(value, 300);
	assert_int_equal(resources_scalar_from_double(0.0005, &value), 0);
	assert_int_equal(value, 1);
	assert_true(resources_scalar_to_double(1234) == 1.234);
	assert_int_equal(resources_scalar_from_double(-0.001, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(NAN, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(HUGE_VAL, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(1e18, &value), -ERANGE);
	assert_int_equal(value, 1);
	assert_int_equal(resource_kind_find("mem"), RESOURCE_MEM);
	assert_int_equal(resource_kind_find("ports"), -ENOENT);
}

static void test_to_messages_and_back(void **state)
{
	struct resources r, again = { 0 };
	struct err e = { 0 };
	Mesos__V1__Resource **messages;
	ProtobufCMessage *copy;
	char *text;
	size_t n, size;

	(void)state;
	parse("cpus:0.5;mem:64;ports:[31000-31001,31005]", &r);
	assert_int_equal(resources_to_messages(&r, "web", &messages, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(pb_to_json_text(&messages[0]->base, &text, &size, &e), 0);
	assert_string_equal(text,
			    "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},"
			    "\"allocation_info\":{\"role\":\"web\"}}");
	free(text);
	assert_int_equal(pb_to_json_text(&messages[2]->base, &text, &size, &e), 0);
	assert_string_equal(text,
			    "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":["
			    "{\"begin\":31000,\"end\":31001},{\"begin\":31005,\"end\":31005}]},"
			    "\"allocation_info\":{\"role\":\"web\"}}");
	free(text);
	copy = pb_copy(&messages[2]->base);
	assert_non_null(copy);
	protobuf_c_message_free_unpacked(copy, NULL);
	assert_int_equal(resources_from_messages(messages, n, &again, &e), 0);
	assert_true(resources_equal(&r, &again));
	resources_messages_free(messages, n);
	resources_done(&again);

	assert_int_equal(resources_to_messages(&again, NULL, &messages, &n), 0);
	assert_int_equal(n, 0);
	resources_messages_free(messages, n);
	assert_int_equal(resources_to_messages(&r, NULL, &messages, &n), 0);
	assert_null(messages[0]->allocation_info);
	resources_messages_free(messages, n);
	resources_messages_free(NULL, 0);
	resources_done(&r);
}

static int from_json(const char *text, struct resources *r, struct err *e)
{
	json_t *json = json_loads(text, 0, NULL);
	ProtobufCMessage *message = NULL;
	Mesos__V1__AgentInfo *info;
	int result;

	assert_non_null(json);
	assert_int_equal(pb_from_json(&mesos__v1__agent_info__descriptor, json, &message, e), 0);
	info = (Mesos__V1__AgentInfo *)(void *)message;
	result = resources_from_messages(info->resources, info->n_resources, r, e);
	protobuf_c_message_free_unpacked(message, NULL);
	json_decref(json);
	return result;
}

#define AGENT(resources) "{\"hostname\":\"h\",\"resources\":[" resources "]}"

/* The same name twice adds up: offers come in such pieces. */
static void test_messages_add_up(void **state)
{
	struct resources r = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
		from_json(
			AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1.5}},"
			      "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},"
			      "\"role\":\"*\"},"
			      "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":{"
			      "\"begin\":5,\"end\":9}}}"),
			&r, &e),
		0);
	assert_text(&r, "cpus:2;ports:[5-9]");
	resources_done(&r);
}

#define STATIC(role) "{\"type\":\"STATIC\",\"role\":\"" role "\"}"
#define DYNAMIC(role) "{\"type\":\"DYNAMIC\",\"role\":\"" role "\"}"
#define CPUS(more) AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}," more "}")
#define PLACE "\"volume\":{\"mode\":\"RW\",\"container_path\":\"x\"}"
#define DISK(info) AGENT("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}," \
			 "\"role\":\"web\",\"disk\":{" info "}}")

static const struct {
	const char *json, *msg;
} bad_messages[] = {
	{ AGENT("{\"name\":\"x\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}"),
	  "read resource 'x': unknown name" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\"}"), "read resource 'cpus': not a scalar" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SET\",\"set\":{\"item\":[\"a\"]}}"),
	  "read resource 'cpus': not a scalar" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":-1}}"),
	  "read resource 'cpus': -1 is negative or out of range" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":\"Infinity\"}}"),
	  "read resource 'cpus': inf is negative or out of range" },
	{ AGENT("{\"name\":\"gpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5}}"),
	  "read resource 'gpus': 0.5 is not a whole number" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}"),
	  "read resource 'ports': not ranges" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":9,"
		"\"end\":5}]}}"),
	  "read resource 'ports': 9-5 is not a range of ports" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"RANGES\","
		"\"ranges\":{\"range\":[{\"begin\":1,\"end\":4294967301}]}}"),
	  "read resource 'ports': 1-4294967301 is not a range of ports" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":"
		"\"web\",\"reservations\":[" STATIC("web") "]}"),
	  "read resource 'cpus': both 'role' and 'reservations' are set" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":["
		"{}]}"),
	  "read resource 'cpus': '' is not a valid role" },
	{ CPUS("\"reservations\":[{\"role\":\"a\"}]"),
	  "read resource 'cpus': the reservation for role 'a' has no type" },
	{ CPUS("\"reservations\":[" DYNAMIC("a") "," STATIC("a/b") "]"),
	  "read resource 'cpus': the reservation for role 'a/b' is static, but not the first" },
	{ CPUS("\"reservations\":[" STATIC("a") "," DYNAMIC("ab") "]"),
	  "read resource 'cpus': the reservation for role 'ab' refines one for 'a', which it is not"
	  " below" },
	{ CPUS("\"reservations\":[" STATIC("a") "," DYNAMIC("a") "]"),
	  "read resource 'cpus': the reservation for role 'a' refines one for 'a', which it is not"
	  " below" },
	{ CPUS("\"reservation\":{}"),
	  "read resource 'cpus': role '*' cannot be dynamically reserved" },
	{ CPUS("\"reservation\":{},\"reservations\":[" STATIC("a") "]"),
	  "read resource 'cpus': both 'reservation' and 'reservations' are set" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":"
		"\"a b\"}"),
	  "read resource 'cpus': 'a b' is not a valid role" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":["
		STATIC("*") "]}"),
	  "read resource 'cpus': '*' is not a valid role" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"disk\":{}}"),
	  "read resource 'cpus': DiskInfo should not be set for another resource than disk" },
	{ DISK("\"volume\":{\"mode\":\"RW\",\"container_path\":\"x\"}"),
	  "read resource 'disk': Non-persistent volume not supported" },
	{ DISK("\"source\":{\"type\":\"MOUNT\"}"),
	  "read resource 'disk': disks with a source are not supported" },
	{ DISK("\"persistence\":{\"id\":\"1\"}"),
	  "read resource 'disk': Expecting 'volume' to be set for persistent volume" },
	{ DISK("\"persistence\":{\"id\":\"..\"}," PLACE),
	  "read resource 'disk': Invalid persistence ID for persistent volume" },
	{ DISK("\"persistence\":{\"id\":\"a/b\"}," PLACE),
	  "read resource 'disk': Invalid persistence ID for persistent volume" },
	{ DISK("\"persistence\":{\"id\":\"1\"},\"volume\":{\"mode\":\"RW\",\"container_path\":\"x\","
	       "\"host_path\":\"/y\"}"),
	  "read resource 'disk': Expecting 'host_path' to be unset for persistent volume" },
	{ AGENT("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"disk\":{"
		"\"persistence\":{\"id\":\"1\"}," PLACE "}}"),
	  "read resource 'disk': Persistent volumes cannot be created from unreserved resources" },
	{ AGENT("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0},\"role\":\"web\","
		"\"disk\":{\"persistence\":{\"id\":\"1\"}," PLACE "}}"),
	  "read resource 'disk': volume '1' has no size" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"revocable\":{}"
		"}"),
	  "read resource 'cpus': revocable resources are not supported" },
	{ AGENT("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"disk\":{}}"),
	  "read resource 'disk': DiskInfo is set but empty" },
};

static void read_agent(const char *text, struct resources *r)
{
	struct err e = { 0 };

	if (from_json(text, r, &e) < 0)
		fail_msg("%s", e.msg);
}

#define LABEL(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"
#define OPS(labels) "{\"type\":\"DYNAMIC\",\"role\":\"a/b\",\"principal\":\"ops\",\"labels\":{\"labels\":[" \
	labels "]}}"

/* Who reserved it, and why, is part of what a resource is; in what order it was said is not. */
static void test_stacks_tell_resources_apart(void **state)
{
	struct resources one, same, other, less;

	(void)state;
	read_agent(CPUS("\"reservations\":[" STATIC("a") "," OPS(LABEL("x", "1") "," LABEL("y", "2")) "]"),
		   &one);
	read_agent(CPUS("\"reservations\":[" STATIC("a") "," OPS(LABEL("y", "2") "," LABEL("x", "1")) "]"),
		   &same);
	read_agent(CPUS("\"reservations\":[" STATIC("a") "," OPS(LABEL("x", "1")) "]"), &other);
	read_agent(CPUS("\"reservations\":[" STATIC("a") "," DYNAMIC("a/b") "]"), &less);
	assert_text(&one, "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b,ops,{x: 1, y: 2})]):1");
	assert_true(resources_equal(&one, &same));
	assert_false(resources_contain(&one, &other));
	assert_false(resources_contain(&one, &less));
	assert_int_equal(resources_add(&one, &same), 0);
	assert_int_equal(one.parts.n, 1);
	assert_int_equal(resources_add(&one, &other), 0);
	assert_int_equal(one.parts.n, 2);
	assert_int_equal(resources_quantity(&one, RESOURCE_CPUS), 3000);
	resources_done(&one);
	resources_done(&same);
	resources_done(&other);
	resources_done(&less);
}

static void test_the_last_reservation_is_taken_off(void **state)
{
	struct resources r, below, lowest;

	(void)state;
	read_agent(AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":["
			 STATIC("a") "," DYNAMIC("a/b") "," DYNAMIC("a/b/c") "]},"
			 "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,"
			 "\"end\":2}]},\"role\":\"a\",\"reservation\":{\"principal\":\"p\"}}"), &r);
	assert_int_equal(resources_below_reservations(&r, &below), 0);
	assert_text(&below, "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1;ports:[1-2]");
	assert_int_equal(resources_below_reservations(&below, &lowest), 0);
	assert_text(&lowest, "cpus(a):1;ports:[1-2]");
	resources_done(&lowest);
	assert_int_equal(resources_below_dynamic(&r, &lowest), 0);
	assert_text(&lowest, "cpus(a):1;ports:[1-2]");
	resources_done(&lowest);
	assert_int_equal(resources_unreserve(&r, &lowest), 0);
	assert_text(&lowest, "cpus:1;ports:[1-2]");
	resources_done(&lowest);
	resources_done(&below);
	assert_int_equal(resources_without_refined(&r, &below), 0);
	assert_text(&below, "ports(reservations: [(DYNAMIC,a,p)]):[1-2]");
	add_volume(&r, "a", "1", 1);
	assert_int_equal(resources_below_reservations(&r, &lowest), -EINVAL);
	resources_done(&below);
	resources_done(&r);
}

/* Out in the old form and back; what has no old form is not written in it. */
static void test_old_form_of_dynamic_reservations(void **state)
{
	struct resources r, again;
	Mesos__V1__Resource **messages;
	struct err e = { 0 };
	size_t n;

	(void)state;
	read_agent(CPUS("\"role\":\"a/b\",\"reservation\":{\"principal\":\"ops\",\"labels\":{\"labels\":["
			LABEL("k", "v") "]}}"), &r);
	assert_text(&r, "cpus(reservations: [(DYNAMIC,a/b,ops,{k: v})]):1");
	assert_int_equal(resources_to_messages(&r, NULL, &messages, &n), 0);
	assert_int_equal(n, 1);
	assert_null(messages[0]->reservation);
	assert_int_equal(messages[0]->n_reservations, 1);
	assert_int_equal(resources_messages_downgrade(messages, n), 0);
	assert_int_equal(messages[0]->n_reservations, 0);
	assert_string_equal(messages[0]->role, "a/b");
	assert_string_equal(messages[0]->reservation->principal, "ops");
	assert_null(messages[0]->reservation->role);
	assert_false(messages[0]->reservation->has_type);
	assert_int_equal(resources_from_messages(messages, n, &again, &e), 0);
	assert_true(resources_equal(&r, &again));
	resources_messages_free(messages, n);
	resources_done(&again);
	resources_done(&r);
	read_agent(CPUS("\"reservations\":[" STATIC("a") "," DYNAMIC("a/b") "]"), &r);
	assert_int_equal(resources_to_messages(&r, NULL, &messages, &n), 0);
	assert_int_equal(resources_messages_downgrade(messages, n), -EINVAL);
	resources_messages_free(messages, n);
	resources_done(&r);
}

static void test_reserved_ports(void **state)
{
	struct resources all, part, mine;

	(void)state;
	parse("ports:[1-9];ports(a):[20-29];ports(b):[30-39]", &all);
	parse("ports(a):[22-24]", &part);
	assert_true(resources_contain(&all, &part));
	assert_int_equal(resources_subtract(&all, &part), 0);
	assert_text(&all, "ports(a):[20-21,25-29];ports(b):[30-39];ports:[1-9]");
	assert_false(resources_contain(&all, &part));
	assert_int_equal(resources_for_role(&all, "a/x", &mine), 0);
	assert_text(&mine, "ports(a):[20-21,25-29];ports:[1-9]");
	resources_done(&part);
	assert_int_equal(resources_copy(&mine, &part), 0);
	assert_int_equal(resources_subtract(&mine, &part), 0);
	assert_true(resources_is_empty(&mine));
	resources_done(&part);
	resources_done(&mine);
	resources_done(&all);
}

static void test_bad_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_messages); i++) {
		struct resources r = { .scalar = { 77 } };
		struct err e = { 0 };

		assert_int_equal(from_json(bad_messages[i].json, &r, &e), -EINVAL);
		assert_string_equal(e.msg, bad_messages[i].msg);
		assert_int_equal(r.scalar[0], 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_arithmetic_is_exact),
		cmocka_unit_test(test_reservations_are_counted_by_role),
		cmocka_unit_test(test_volumes_never_merge_and_are_never_divided),
		cmocka_unit_test(test_reservations_and_volumes_in_messages),
		cmocka_unit_test(test_parts_are_bounded),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_to_messages_and_back),
		cmocka_unit_test(test_messages_add_up),
		cmocka_unit_test(test_stacks_tell_resources_apart),
		cmocka_unit_test(test_the_last_reservation_is_taken_off),
		cmocka_unit_test(test_old_form_of_dynamic_reservations),
		cmocka_unit_test(test_reserved_ports),
		cmocka_unit_test(test_bad_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
