/* mounts: what is refused, with which words, and what becomes of the options. */
#include <errno.h>
#include <sys/mount.h>

#include "isolators/mount_options.h"
#include "isolators/rootfs.h"
#include "lib/cleanup.h"
#include "tests/unit/spec_cases.h"

static const char base[] =
	"{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/bin/true\"],\"cwd\":\"/\","
	"\"user\":{\"uid\":0,\"gid\":0}},\"root\":{\"path\":\"/srv/root\"},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"}]}}";

#define BIND(destination, options) \
	"[{\"destination\":\"" destination "\",\"type\":\"bind\",\"source\":\"/x\"," \
	"\"options\":[" options "]}]"
#define OTHER(destination, type, options) \
	"[{\"destination\":\"" destination "\",\"type\":\"" type "\",\"options\":[" options "]}]"

static const struct spec_case bad[] = {
	{ "mounts", "{}", -EINVAL, "mounts: not a list" },
	{ "mounts", "[7]", -EINVAL, "mounts[0]: not an object" },
	{ "mounts", "[{}]", -EINVAL, "mounts[0].destination: missing" },
	{ "mounts", "[{\"destination\":7}]", -EINVAL, "mounts[0].destination: not a string" },
	{ "mounts", "[{\"destination\":\"x\"}]", -EINVAL,
	  "mounts[0].destination: 'x' is not absolute" },
	{ "mounts", "[{\"destination\":\"/x\",\"type\":7}]", -EINVAL,
	  "mounts[0].type: not a string" },
	{ "mounts", "[{\"destination\":\"/x\",\"source\":[]}]", -EINVAL,
	  "mounts[0].source: not a string" },
	{ "mounts", "[{\"destination\":\"/x\",\"options\":\"ro\"}]", -EINVAL,
	  "mounts[0].options: not a list of strings" },
	{ "mounts", "[{\"destination\":\"/x\",\"uidMappings\":7}]", -EINVAL,
	  "mounts[0].uidMappings: not a list" },
	{ "mounts", "[{\"destination\":\"/x\",\"gidMappings\":[{}]}]", -EINVAL,
	  "mounts[0].gidMappings[0].containerID: missing" },

	/* Places. */
	{ "mounts", BIND("/", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/' is not a place below the root" },
	{ "mounts", BIND("//./", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/' is not a place below the root" },
	{ "mounts", BIND("/a/../..", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/' is not a place below the root" },
	{ "mounts", BIND("/proc", ""), -EINVAL,
	  "filesystem: mounts[0].type: 'bind' is not for '/proc'" },
	{ "mounts", BIND("//proc/./", ""), -EINVAL,
	  "filesystem: mounts[0].type: 'bind' is not for '/proc'" },
	{ "mounts", BIND("/./proc//sys", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/proc/sys' is among the kernel's files" },
	{ "mounts", BIND("/proc/self/attr", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/proc/self/attr' is among the kernel's files" },
	{ "mounts", OTHER("/sys/kernel", "tmpfs", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/sys/kernel' is among the kernel's files" },
	{ "mounts", BIND("/sys", ""), -EINVAL,
	  "filesystem: mounts[0].source: only '/sys' is bound on '/sys'" },
	{ "mounts", OTHER("/dev", "devtmpfs", ""), -EINVAL,
	  "filesystem: mounts[0].type: 'devtmpfs' is not for '/dev'" },
	{ "mounts", BIND("/dev/null", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/dev/null' is a device" },
	{ "mounts", BIND("/dev/pts/0", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/dev/pts/0' is there already" },
	{ "mounts", BIND("/dev/console", ""), -EINVAL,
	  "filesystem: mounts[0].destination: '/dev/console' is there already" },

	/* Sources. */
	{ "mounts", "[{\"destination\":\"/a\"}]", -EINVAL,
	  "filesystem: mounts[0].source: '' is not an absolute path" },
	{ "mounts", "[{\"destination\":\"/a\",\"source\":\"x\"}]", -EINVAL,
	  "filesystem: mounts[0].source: 'x' is not an absolute path" },

	/* Options. */
	{ "mounts", BIND("/a", "\"ro\",\"size=1\""), -EINVAL,
	  "filesystem: mounts[0].options[1]: 'size=1' is not supported" },
	{ "mounts", BIND("/a", "\"remount\""), -EINVAL,
	  "filesystem: mounts[0].options[0]: 'remount' is not supported" },
	{ "mounts", OTHER("/a", "tmpfs", "\"remount\""), -EINVAL,
	  "filesystem: mounts[0].options[0]: 'remount' is not supported" },
	{ "mounts", BIND("/a", "\"rsync\""), -EINVAL,
	  "filesystem: mounts[0].options[0]: 'rsync' is not supported" },
	{ "mounts", BIND("/a", "\"sync\""), -EINVAL,
	  "filesystem: mounts[0].options[0]: 'sync' is for a file system, which a bind shares" },
	{ "mounts", BIND("/a", "\"tmpcopyup\""), -EINVAL,
	  "filesystem: mounts[0].options: 'tmpcopyup' is for tmpfs" },
	{ "mounts", OTHER("/a", "tmpfs", "\"size=1\",\"evil=1\""), -EINVAL,
	  "filesystem: mounts[0].options: 'size=1,evil=1' is not for tmpfs" },
	{ "mounts", OTHER("/a", "tmpfs", "\"size=1,,mode=1\""), -EINVAL,
	  "filesystem: mounts[0].options: 'size=1,,mode=1' is not for tmpfs" },
	{ "mounts", OTHER("/proc", "proc", "\"hidepid=2\",\"size=1\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/proc'" },
	{ "mounts", OTHER("/proc", "proc", "\"suid\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/proc'" },
	{ "mounts", OTHER("/sys", "sysfs", "\"rw\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/sys'" },
	{ "mounts", OTHER("/sys/fs/cgroup", "cgroup", "\"exec\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/sys/fs/cgroup'" },
	{ "mounts", OTHER("/dev", "tmpfs", "\"exec\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/dev'" },
	{ "mounts", OTHER("/proc", "proc", "\"shared\""), -EINVAL,
	  "filesystem: mounts[0].options: one of them is not for '/proc'" },

	/* Ids. */
	{ "mounts", BIND("/a", "\"idmap\""), -EINVAL, "filesystem: mounts[0].options: 'idmap' has "
	  "neither uidMappings nor a user namespace" },
	{ "mounts", OTHER("/a", "tmpfs", "\"ridmap\""), -ENOTSUP,
	  "filesystem: mounts[0]: map the ids of tmpfs" },
	{ "mounts", "[{\"destination\":\"/a\",\"source\":\"/x\",\"uidMappings\":"
	  "[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]", -EINVAL,
	  "filesystem: mounts[0].gidMappings: missing" },
	{ "annotations", "{\"io.tepui.idmapped-root\":\"true\"}", -EINVAL,
	  "user: annotations.io.tepui.idmapped-root: there is no user namespace" },
};

static void test_bad_mounts_are_named(void **state)
{
	(void)state;
	spec_check_refused(base, bad, ARRAY_SIZE(bad));
}

static void test_too_many_mounts(void **state)
{
	json_t *doc = spec_parse_json(base), *list = json_array();
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < 257; i++)
		json_array_append_new(list, spec_parse_json("{\"destination\":\"/a\",\"source\":"
							     "\"/b\"}"));
	json_object_set_new(doc, "mounts", list);
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), -E2BIG);
	assert_string_equal(e.msg, "filesystem: mounts: more than 256 entries");
	spec_done(&spec);
	json_decref(doc);
}

static const struct {
	const char *type, *options;
	unsigned long set, clear, clear_below, propagation;
	const char *data;
} good[] = {
	{ "bind", "[]", MS_NOSUID | MS_NODEV, 0, 0, MS_PRIVATE, "" },
	{ "bind", "[\"defaults\",\"bind\",\"silent\",\"loud\"]", MS_NOSUID | MS_NODEV, MS_SILENT, 0,
	  MS_PRIVATE, "" },
	{ "bind", "[\"ro\",\"rw\"]", MS_NOSUID | MS_NODEV, MS_RDONLY, 0, MS_PRIVATE, "" },
	{ "bind", "[\"rw\",\"ro\"]", MS_NOSUID | MS_NODEV | MS_RDONLY, 0, 0, MS_PRIVATE, "" },
	{ "bind", "[\"rro\",\"rnoexec\"]", MS_NOSUID | MS_NODEV | MS_RDONLY | MS_NOEXEC, 0, 0,
	  MS_PRIVATE, "" },
	{ "bind", "[\"rrw\",\"rexec\",\"suid\",\"dev\"]", 0,
	  MS_RDONLY | MS_NOEXEC | MS_NOSUID | MS_NODEV, MS_RDONLY | MS_NOEXEC, MS_PRIVATE, "" },
	{ "bind", "[\"rrw\",\"ro\"]", MS_NOSUID | MS_NODEV | MS_RDONLY, 0, 0, MS_PRIVATE, "" },
	{ "bind", "[\"noatime\",\"relatime\",\"strictatime\"]",
	  MS_NOSUID | MS_NODEV | MS_STRICTATIME, MS_NOATIME | MS_RELATIME, 0, MS_PRIVATE, "" },
	{ "bind", "[\"nosymfollow\",\"nodiratime\",\"rslave\"]",
	  MS_NOSUID | MS_NODEV | 256 | MS_NODIRATIME, 0, 0, MS_SLAVE, "" },
	{ "bind", "[\"slave\",\"rshared\"]", MS_NOSUID | MS_NODEV, 0, 0, MS_SHARED, "" },
	{ "bind", "[\"runbindable\"]", MS_NOSUID | MS_NODEV, 0, 0, MS_UNBINDABLE, "" },
	{ "tmpfs", "[\"size=1m\",\"sync\",\"noexec\",\"mode=700\"]",
	  MS_NOSUID | MS_NODEV | MS_SYNCHRONOUS | MS_NOEXEC, 0, 0, MS_PRIVATE, "size=1m,mode=700" },
};

static void test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		json_t *doc = spec_parse_json(base), *mount = spec_parse_json("{}");
		struct mount_options o;
		struct spec spec;
		struct err e = { 0 };

		spec_patch(mount, "destination", "\"/a\"");
		spec_patch(mount, "source", "\"/x\"");
		json_object_set_new(mount, "type", json_string(good[i].type));
		spec_patch(mount, "options", good[i].options);
		json_object_set_new(doc, "mounts", json_pack("[o]", mount));
		assert_int_equal(spec_from_json(doc, &spec, &e), 0);
		assert_int_equal(isolators_validate(&spec, &e), 0);
		assert_int_equal(mount_options_parse(&spec.mounts[0], 0, &o, &e), 0);
		assert_int_equal(o.set, good[i].set);
		assert_int_equal(o.clear, good[i].clear);
		assert_int_equal(o.clear_below, good[i].clear_below);
		assert_int_equal(o.propagation, good[i].propagation);
		assert_string_equal(o.data, good[i].data);
		spec_done(&spec);
		json_decref(doc);
	}
}

static void test_the_floor_of_what_is_always_there(void **state)
{
	const unsigned long inert = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	json_t *doc = spec_parse_json(base);
	struct mount_options o;
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	spec_patch(doc, "mounts", "[{\"destination\":\"/proc\",\"type\":\"proc\",\"options\":"
		   "[\"hidepid=2\",\"ro\"]},{\"destination\":\"/dev\",\"type\":\"tmpfs\"},"
		   "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"options\":[\"noexec\",\"size=1m\"]},"
		   "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"rw\"]}]");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), 0);
	assert_int_equal(mounts_fixed(&spec, "/proc", NULL, &o, &e), 0);
	assert_int_equal(o.set, inert | MS_RDONLY);
	assert_string_equal(o.data, "hidepid=2");
	assert_int_equal(mounts_fixed(&spec, "/dev", "mode=755", &o, &e), 0);
	assert_int_equal(o.set, MS_NOSUID | MS_NOEXEC);
	assert_string_equal(o.data, "mode=755");
	assert_int_equal(mounts_fixed(&spec, "/dev/shm", "size=64m", &o, &e), 0);
	assert_int_equal(o.set, inert);
	assert_string_equal(o.data, "size=1m");
	assert_int_equal(mounts_fixed(&spec, "/sys/fs/cgroup", NULL, &o, &e), 0);
	assert_int_equal(o.clear, MS_RDONLY);
	assert_int_equal(mounts_fixed(&spec, "/sys", NULL, &o, &e), 0);
	assert_int_equal(o.set, inert | MS_RDONLY);
	spec_done(&spec);
	json_decref(doc);
}

/* Any mount can be there; a tmpfs that is as others are is mounted with them. */
static void test_whose_turn_it_is_to_mount_shm(void **state)
{
	static const struct {
		const char *mounts;
		bool is_other;
	} rows[] = {
		{ "[]", false },
		{ OTHER("/dev/shm", "tmpfs", "\"size=1m\""), false },
		{ OTHER("/dev/shm", "tmpfs", "\"tmpcopyup\""), true },
		{ OTHER("/dev/shm", "tmpfs", "\"shared\""), true },
		{ BIND("/dev/shm", "\"rw\""), true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = spec_parse_json(base);
		struct spec spec;
		struct err e = { 0 };

		spec_patch(doc, "mounts", rows[i].mounts);
		assert_int_equal(spec_from_json(doc, &spec, &e), 0);
		assert_int_equal(mounts_has_other_shm(&spec), rows[i].is_other);
		spec_done(&spec);
		json_decref(doc);
	}
}

static void test_bind_is_told_by_its_options(void **state)
{
	json_t *doc = spec_parse_json(base);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	spec_patch(doc, "mounts", "[{\"destination\":\"//a/./b/\",\"source\":\"/x\"},"
		   "{\"destination\":\"/c\",\"type\":\"none\",\"source\":\"/x\",\"options\":"
		   "[\"ro\",\"rbind\"]},{\"destination\":\"/d\",\"type\":\"ext4\","
		   "\"source\":\"/dev/vdz\"}]");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_string_equal(spec.mounts[0].destination, "/a/b");
	assert_string_equal(spec.mounts[0].type, "bind");
	assert_string_equal(spec.mounts[1].type, "bind");
	assert_string_equal(spec.mounts[2].type, "ext4");
	spec_done(&spec);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_mounts_are_named),
		cmocka_unit_test(test_too_many_mounts),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_the_floor_of_what_is_always_there),
		cmocka_unit_test(test_whose_turn_it_is_to_mount_shm),
		cmocka_unit_test(test_bind_is_told_by_its_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
