/* linux.namespaces and the id maps: what is refused, with which words. */
#include <errno.h>

#include "isolators/id_map.h"
#include "lib/cleanup.h"
#include "tests/unit/spec_cases.h"

static const char base[] =
	"{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/bin/true\"],\"cwd\":\"/\","
	"\"user\":{\"uid\":1000,\"gid\":1000}},\"root\":{\"path\":\"/srv/root\"},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
	"{\"type\":\"ipc\"},{\"type\":\"user\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]}}";

#define ROW(inside, outside, count) \
	"{\"containerID\":" #inside ",\"hostID\":" #outside ",\"size\":" #count "}"

static const struct spec_case bad[] = {
	{ "linux.namespaces", "{}", -EINVAL, "linux.namespaces: not a list" },
	{ "linux.namespaces", "[7]", -EINVAL, "linux.namespaces[0]: not an object" },
	{ "linux.namespaces", "[{}]", -EINVAL, "linux.namespaces[0].type: missing" },
	{ "linux.namespaces", "[{\"type\":7}]", -EINVAL,
	  "linux.namespaces[0].type: not a string" },
	{ "linux.namespaces", "[{\"type\":\"net\"}]", -EINVAL,
	  "linux.namespaces[0].type: 'net' is not supported" },
	{ "linux.namespaces", "[{\"type\":\"user\"},{\"type\":\"user\"}]", -EINVAL,
	  "linux.namespaces[1].type: 'user' is there twice" },
	{ "linux.namespaces", "[{\"type\":\"pid\"},{\"type\":\"mount\"}]", -EINVAL,
	  "user: linux.uidMappings: there is no user namespace" },

	{ "linux.namespaces", "[{\"type\":\"ipc\",\"path\":7}]", -EINVAL,
	  "linux.namespaces[0].path: not a string" },
	{ "linux.namespaces", "[{\"type\":\"ipc\",\"path\":\"/a\"},{\"type\":\"ipc\"}]", -EINVAL,
	  "linux.namespaces[1].type: 'ipc' is there twice" },
	{ "linux.namespaces", "[{\"type\":\"mount\",\"path\":\"/a\"}]", -ENOTSUP,
	  "join: linux.namespaces: join mount namespace '/a'" },
	{ "linux.namespaces", "[{\"type\":\"user\",\"path\":\"a\"}]", -EINVAL,
	  "join: linux.namespaces: path 'a' of the user namespace is not absolute" },
	{ "linux.timeOffsets", "[]", -EINVAL, "linux.timeOffsets: not an object" },
	{ "linux.timeOffsets", "{\"realtime\":{}}", -EINVAL,
	  "linux.timeOffsets.realtime: unknown field" },
	{ "linux.timeOffsets", "{\"boottime\":7}", -EINVAL,
	  "linux.timeOffsets.boottime: not an object" },
	{ "linux.timeOffsets", "{\"monotonic\":{\"secs\":\"1\"}}", -EINVAL,
	  "linux.timeOffsets.monotonic.secs: not an integer" },
	{ "linux.timeOffsets", "{\"monotonic\":{\"secs\":9223372037}}", -ERANGE,
	  "linux.timeOffsets.monotonic.secs: 9223372037 is outside -9223372036..9223372036" },
	{ "linux.timeOffsets", "{\"boottime\":{\"nanosecs\":1000000000}}", -ERANGE,
	  "linux.timeOffsets.boottime.nanosecs: 1000000000 is outside 0..999999999" },
	{ "linux.timeOffsets", "{\"boottime\":{\"secs\":1}}", -EINVAL,
	  "time: linux.timeOffsets: there is no new time namespace" },

	{ "linux.uidMappings", "7", -EINVAL, "linux.uidMappings: not a list" },
	{ "linux.uidMappings", "[7]", -EINVAL, "linux.uidMappings[0]: not an object" },
	{ "linux.uidMappings", "[{\"containerID\":0,\"hostID\":0}]", -EINVAL,
	  "linux.uidMappings[0].size: missing" },
	{ "linux.uidMappings", "[" ROW(0, 0, 0) "]", -ERANGE,
	  "linux.uidMappings[0].size: 0 is outside 1..4294967295" },
	{ "linux.uidMappings", "[" ROW(-1, 0, 1) "]", -EINVAL,
	  "linux.uidMappings[0].containerID: not an unsigned integer" },
	{ "linux.uidMappings", "[" ROW(0, 4294967295, 1) "]", -ERANGE,
	  "linux.uidMappings[0].hostID: 4294967295 is outside 0..4294967294" },
	{ "linux.uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1,\"x\":1}]", -EINVAL,
	  "linux.uidMappings[0].x: unknown field" },
	{ "linux.uidMappings", "", -EINVAL, "user: linux.uidMappings: missing" },
	{ "linux.uidMappings", "[]", -EINVAL, "user: linux.uidMappings: missing" },
	{ "linux.gidMappings", "", -EINVAL, "user: linux.gidMappings: missing" },
	{ "linux.gidMappings", "[" ROW(0, 1, 4294967295) "]", -ERANGE,
	  "user: linux.gidMappings[0]: runs over the last id" },
	{ "linux.uidMappings", "[" ROW(0, 5, 1001) "," ROW(1000, 9000, 1) "]", -EINVAL,
	  "user: linux.uidMappings[1]: overlaps with [0]" },
	{ "linux.uidMappings", "[" ROW(0, 5, 1001) "," ROW(5000, 1005, 1) "]", -EINVAL,
	  "user: linux.uidMappings[1]: overlaps with [0]" },
	{ "linux.uidMappings", "[" ROW(1, 100000, 65536) "]", -EINVAL,
	  "user: linux.uidMappings: root, which init is, is not in it" },
	{ "linux.gidMappings", "[" ROW(1, 100000, 65536) "]", -EINVAL,
	  "user: linux.gidMappings: root, which init is, is not in it" },
	{ "linux.uidMappings", "[" ROW(0, 100000, 1000) "]", -EINVAL,
	  "user: process.user.uid: 1000 is not in linux.uidMappings" },
	{ "linux.gidMappings", "[" ROW(0, 100000, 1000) "]", -EINVAL,
	  "user: process.user.gid: 1000 is not in linux.gidMappings" },
	{ "process.user.additionalGids", "[5,65536]", -EINVAL,
	  "user: process.user.additionalGids[1]: 65536 is not in linux.gidMappings" },
	{ "annotations", "{\"io.tepui.host-root\":\"true\"}", -EINVAL,
	  "user: linux.namespaces: a user namespace needs a root of its own" },
	{ "annotations", "{\"io.tepui.idmapped-root\":\"1\"}", -EINVAL,
	  "annotations.io.tepui.idmapped-root: neither 'true' nor 'false'" },
};

static void test_bad_namespaces_and_maps_are_named(void **state)
{
	(void)state;
	spec_check_refused(base, bad, ARRAY_SIZE(bad));
}

static void test_good_maps(void **state)
{
	json_t *doc = spec_parse_json(base);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	spec_patch(doc, "linux.uidMappings", "[" ROW(0, 5, 10) "," ROW(1000, 15, 1) ","
		   ROW(10, 4294967294, 1) "]");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), 0);
	assert_int_equal(spec.id_maps.n_uids, 3);
	assert_int_equal(spec.id_maps.uids[1].inside, 1000);
	assert_int_equal(spec.id_maps.uids[1].outside, 15);
	assert_int_equal(spec.id_maps.gids[0].count, 65536);
	assert_true(id_map_has(spec.id_maps.uids, 3, 9));
	assert_true(id_map_has(spec.id_maps.uids, 3, 10));
	assert_false(id_map_has(spec.id_maps.uids, 3, 11));
	assert_false(id_map_has(spec.id_maps.uids, 3, UINT32_MAX));
	spec_done(&spec);
	json_decref(doc);
}

/* The kernel takes 340 rows, and less than a page of text in the one write that it allows. */
static void test_maps_that_the_kernel_would_not_take(void **state)
{
	static struct spec_id_map rows[341];
	struct spec_id_maps maps = { .uids = rows, .gids = rows, .n_gids = 1 };
	struct err e = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 341; i++)
		rows[i] = (struct spec_id_map){ .inside = i, .outside = i, .count = 1 };
	maps.n_uids = 340;
	assert_int_equal(id_maps_validate(&maps, "linux", &e), 0);
	maps.n_uids = 341;
	assert_int_equal(id_maps_validate(&maps, "linux", &e), -E2BIG);
	assert_string_equal(e.msg, "linux.uidMappings: more than 340 rows or 4095 bytes of text");
	err_clear(&e);
	for (uint32_t i = 0; i < 340; i++)
		rows[i].outside += 4000000000;
	maps.n_uids = 340;
	assert_int_equal(id_maps_validate(&maps, "linux", &e), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_namespaces_and_maps_are_named),
		cmocka_unit_test(test_good_maps),
		cmocka_unit_test(test_maps_that_the_kernel_would_not_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
