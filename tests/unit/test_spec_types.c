/*
 * A document with every field, each in turn with a value of every other type, and each object with
 * a field that there is not: an error that names it.
 */
#include <errno.h>

#include "lib/cleanup.h"
#include "tests/unit/spec_cases.h"

static const char full[] =
	"{\"ociVersion\":\"1.2.0\",\"hostname\":\"h\",\"domainname\":\"d\","
	"\"process\":{\"args\":[\"a\"],\"env\":[\"A=1\"],\"cwd\":\"/\",\"terminal\":false,"
	"\"noNewPrivileges\":true,\"oomScoreAdj\":5,\"apparmorProfile\":\"p\",\"selinuxLabel\":\"\","
	"\"user\":{\"uid\":0,\"gid\":0,\"umask\":18,\"additionalGids\":[5]},"
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	"\"permitted\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1}],"
	"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"flags\":[\"SCHED_FLAG_RECLAIM\"],"
	"\"nice\":0,\"priority\":0,\"runtime\":1,\"deadline\":2,\"period\":3},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0\"}},"
	"\"root\":{\"path\":\"/r\",\"readonly\":true},"
	"\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/x\","
	"\"options\":[\"rbind\",\"idmap\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}]},"
	"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[\"size=1m\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
	"{\"type\":\"user\"},{\"type\":\"time\"},{\"type\":\"network\",\"path\":\"/n\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":1,\"nanosecs\":5},\"boottime\":{\"secs\":7}},"
	"\"sysctl\":{\"net/ipv4/ip_forward\":\"1\"},"
	"\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]},"
	"\"rootfsPropagation\":\"rshared\",\"mountLabel\":\"\",\"cgroupsPath\":\"/c\","
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],"
	"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":438,"
	"\"uid\":0,\"gid\":0}],"
	"\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,"
	"\"access\":\"rw\"}],"
	"\"memory\":{\"limit\":1000,\"reservation\":500,\"swap\":1000},"
	"\"cpu\":{\"shares\":512,\"quota\":1000,\"period\":100000,\"cpus\":\"0\",\"mems\":\"0\"},"
	"\"pids\":{\"limit\":10},\"blockIO\":{\"weight\":100,\"throttleReadBpsDevice\":"
	"[{\"major\":8,\"minor\":0,\"rate\":1048576}]},"
	"\"unified\":{\"memory.high\":\"900\"}}},"
	"\"annotations\":{\"io.tepui.idmapped-root\":\"true\",\"a\":\"b\"}}";

static const char *const others[] = { "7", "1.5", "\"x\"", "true", "[]", "{}" };

enum { MAX_PATH_SIZE = 160 };

/* Where a value of one type has the meaning of another. */
static bool is_of_type(const json_t *value, const json_t *other)
{
	return json_typeof(value) == json_typeof(other) ||
		(json_is_boolean(value) && json_is_boolean(other));
}

/* The error names the field, or the list of strings that it is in. */
static bool is_named(const char *msg, const char *path, const char *parent)
{
	return strstr(msg, path) || (path[strlen(path) - 1] == ']' && strstr(msg, parent));
}

static void check_one(const json_t *doc, const char *path, const char *parent, const char *other)
{
	struct spec spec;
	struct err e = { 0 };
	int r = spec_from_json(doc, &spec, &e);

	if (r == 0) {
		r = isolators_validate(&spec, &e);
		spec_done(&spec);
	}
	if (r < 0 && is_named(e.msg, path, parent))
		return;
	fail_msg("%s = %s: %d, \"%s\"", path, other, r, e.msg);
}

static json_t *get(json_t *in, const char *key, size_t i)
{
	return key ? json_object_get(in, key) : json_array_get(in, i);
}

static void put(json_t *in, const char *key, size_t i, json_t *value)
{
	if (key)
		json_object_set(in, key, value);
	else
		json_array_set(in, i, value);
}

static void walk(json_t *doc, json_t *in, const char *path);

/* No number in a document may be that small. */
static void try_smallest(json_t *doc, json_t *in, const char *key, size_t i, const char *path)
{
	json_t *value = json_incref(get(in, key, i)), *other = json_integer(INT64_MIN);

	put(in, key, i, other);
	check_one(doc, path, "", "-2^63");
	put(in, key, i, value);
	json_decref(other);
	json_decref(value);
}

/* Where a later version of the specification may have more than we know. */
static bool is_open(const char *path)
{
	static const char *const objects[] = {
		"", "process", "process.user", "root", "linux", "hooks",
	};

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (strcmp(objects[i], path) == 0)
			return true;
	}
	return strncmp(path, "hooks.", 6) == 0 ||
		(strncmp(path, "mounts[", 7) == 0 && !strchr(path, '.'));
}

static void try_unknown(json_t *doc, json_t *in, const char *path)
{
	char where[MAX_PATH_SIZE];
	struct spec spec;
	struct err e = { 0 };

	(void)snprintf(where, sizeof(where), "%s%szzz", path, *path ? "." : "");
	json_object_set_new(in, "zzz", json_integer(7));
	if (!is_open(path)) {
		check_one(doc, where, "", "7");
	} else {
		assert_int_equal(spec_from_json(doc, &spec, &e), 0);
		spec_done(&spec);
	}
	json_object_del(in, "zzz");
}

static void try_others(json_t *doc, json_t *in, const char *key, size_t i, const char *path,
		       const char *parent)
{
	json_t *value = json_incref(get(in, key, i));

	for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
		json_t *other = spec_parse_json(others[k]);

		if (!is_of_type(value, other)) {
			put(in, key, i, other);
			check_one(doc, path, parent, others[k]);
			put(in, key, i, value);
		}
		json_decref(other);
	}
	if (json_is_integer(value))
		try_smallest(doc, in, key, i, path);
	json_decref(value);
	walk(doc, get(in, key, i), path);
}

static void walk(json_t *doc, json_t *in, const char *path)
{
	char where[MAX_PATH_SIZE];
	const char *key;
	json_t *value;
	void *next;

	if (json_is_object(in))
		try_unknown(doc, in, path);
	json_object_foreach_safe(in, next, key, value) {
		(void)snprintf(where, sizeof(where), "%s%s%s", path, *path ? "." : "", key);
		try_others(doc, in, key, 0, where, path);
	}
	for (size_t i = 0; i < json_array_size(in); i++) {
		(void)snprintf(where, sizeof(where), "%s[%zu]", path, i);
		try_others(doc, in, NULL, i, where, path);
	}
}

static void test_every_field_of_every_other_type(void **state)
{
	json_t *doc = spec_parse_json(full);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), 0);
	spec_done(&spec);
	walk(doc, doc, "");
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_of_every_other_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
