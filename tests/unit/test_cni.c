/* Networks of CNI: the operator's files, what plugins answer, and plugins that hang, die, flood or lie. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "net/cni.h"
#include "net/cni_list.h"
#include "net/cni_result.h"
#include "net/cni_words.h"

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static void assert_json(const json_t *value, const char *expected)
{
	AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
}

/* ---- a directory of files and programs ---- */

static char dir[] = "/tmp/test-cni-XXXXXX";
static char parts[64];  	/* DIR, another one that is not there, as plugins' directories */

static void write_file(const char *name, mode_t mode, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	assert_int_equal(fclose(file), 0);
}

static char *read_file(const char *name)
{
	char path[PATH_MAX], *text = calloc(1, 1 << 16);
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(!text || fd < 0 || read(fd, text, (1 << 16) - 1) >= 0);
	fd_close(&fd);
	return text;
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(parts, sizeof(parts), "/nonexistent:%s", dir);
	return 0;
}

static int remove_dir(void **state)
{
	DIR *entries = opendir(dir);
	const struct dirent *entry;

	(void)state;
	while ((entry = readdir(entries)))
		(void)unlinkat(dirfd(entries), entry->d_name, 0);
	(void)closedir(entries);
	return rmdir(dir);
}

/* ---- words ---- */

static void test_words(void **state)
{
	(void)state;
	assert_true(cni_is_name("a") && cni_is_name("0a_.-"));
	assert_false(cni_is_name("") || cni_is_name(".a") || cni_is_name("a/b") || cni_is_name("a b"));
	assert_true(cni_is_interface("eth0") && cni_is_interface("123456789012345"));
	assert_false(cni_is_interface("1234567890123456") || cni_is_interface("a/b") ||
		     cni_is_interface("..") || cni_is_interface("a:1") || cni_is_interface("a b"));
	assert_true(cni_is_mac("02:00:ac:1D:00:05"));
	assert_false(cni_is_mac("02:00:ac:1d:00:0") || cni_is_mac("02-00-ac-1d-00-05"));
	assert_int_equal(cni_network_family("10.0.0.1/32"), AF_INET);
	assert_int_equal(cni_network_family("fd00::1/128"), AF_INET6);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(cni_network_family((const char *[]){
			"10.0.0.1/33", "fd00::/129", "10.0.0.1", "10.0.0.1/", "/8", "10.0.0.1/8x",
			"10.0.0/8",
		}[i]), 0);
	assert_true(cni_are_variables("A=1") && cni_are_variables("A=1;B=") &&
		    cni_are_variables("A=1=2;B=3"));
	assert_false(cni_are_variables("") || cni_are_variables("A") || cni_are_variables("A=1;") ||
		     cni_are_variables("=1") || cni_are_variables("A=1;;B=2") ||
		     cni_are_variables("A=1\nB=2"));
	assert_int_equal(cni_version("0.4.0"), CNI_VERSION_CHECK);
	assert_int_equal(cni_version("1.1.0"), CNI_VERSION_GC);
	assert_int_equal(cni_version("0.2.0"), 0);
}

/* ---- the operator's files ---- */

static const struct {
	const char *document, *msg;
} broken_lists[] = {
	{ "[]", "not an object" },
	{ "{}", "name: '' is not the name of a network" },
	{ "{\"name\":\"../x\",\"type\":\"a\"}", "name: '../x' is not the name of a network" },
	{ "{\"name\":7,\"type\":\"a\"}", "name: '' is not the name of a network" },
	{ "{\"name\":\"x\",\"type\":\"a\",\"cniVersion\":\"0.2.0\"}",
	  "cniVersion: '0.2.0' is none of 0.3.0 to 1.1.0" },
	{ "{\"name\":\"x\",\"type\":\"a\",\"cniVersion\":4}",
	  "cniVersion: '' is none of 0.3.0 to 1.1.0" },
	{ "{\"name\":\"x\"}", "plugins[0].type: not the name of a plugin" },
	{ "{\"name\":\"x\",\"type\":\"../../bin/sh\"}", "plugins[0].type: not the name of a plugin" },
	{ "{\"name\":\"x\",\"plugins\":[]}", "plugins: not a list of 1 to 16" },
	{ "{\"name\":\"x\",\"plugins\":{}}", "plugins: not a list of 1 to 16" },
	{ "{\"name\":\"x\",\"plugins\":[{\"type\":\"a\"},7]}", "plugins[1]: not an object" },
	{ "{\"name\":\"x\",\"plugins\":[{\"type\":\"a\",\"capabilities\":[]}]}",
	  "plugins[0].capabilities: not an object" },
};

static void test_broken_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken_lists); i++) {
		json_auto_t *document = parse(broken_lists[i].document);
		struct err e = { 0 };
		json_t *list;

		assert_int_equal(cni_list_parse(document, &list, &e), -EINVAL);
		assert_string_equal(e.msg, broken_lists[i].msg);
	}
}

static void assert_list(const char *text, const char *expected)
{
	json_auto_t *document = parse(text), *list = NULL;
	struct err e = { 0 };

	assert_int_equal(cni_list_parse(document, &list, &e), 0);
	assert_json(list, expected);
}

static void test_lists(void **state)
{
	(void)state;
	/* As Mesos's own documentation has them: one plugin, no version. */
	assert_list("{\"name\":\"x\",\"type\":\"bridge\"}",
		    "{\"cniVersion\":\"0.3.0\",\"name\":\"x\",\"plugins\":[{\"name\":\"x\","
		    "\"type\":\"bridge\"}]}");
	/* The highest that we know of those that it is written for. */
	assert_list("{\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"9.9.9\"],"
		    "\"name\":\"x\",\"plugins\":[{\"type\":\"a\"}]}",
		    "{\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"9.9.9\"],"
		    "\"name\":\"x\",\"plugins\":[{\"type\":\"a\"}]}");
}

static unsigned n_reports;
static char reports[2048];

static void report(const struct err *why)
{
	size_t used = strlen(reports);

	n_reports++;
	(void)snprintf(reports + used, sizeof(reports) - used, "%s\n", why->msg);
}

static void test_directory(void **state)
{
	json_auto_t *lists = NULL, *list = NULL;
	struct err e = { 0 };

	(void)state;
	write_file("10-a.conf", 0644, "{\"name\":\"a\",\"type\":\"single\"}");
	write_file("20-a.conflist", 0644, "{\"name\":\"a\",\"plugins\":[{\"type\":\"list\"}]}");
	write_file("30-a.conflist", 0644, "{\"name\":\"a\",\"plugins\":[{\"type\":\"late\"}]}");
	write_file("40-b.json", 0644, "{\"name\":\"b\",\"type\":\"first\"}");
	write_file("50-b.conf", 0644, "{\"name\":\"b\",\"type\":\"second\"}");
	write_file("60-c.conf", 0644, "{\"name\":");
	write_file("70-d.txt", 0644, "{\"name\":\"d\",\"type\":\"x\"}");
	write_file("80-e.conf", 0644, "{\"name\":\"e\"}");
	n_reports = 0;
	assert_int_equal(cni_lists_load(dir, report, &lists, &e), 0);
	assert_int_equal(json_object_size(lists), 2);
	assert_json(json_object_get(json_object_get(lists, "a"), "plugins"), "[{\"type\":\"list\"}]");
	assert_json(json_object_get(json_object_get(lists, "b"), "plugins"),
		    "[{\"name\":\"b\",\"type\":\"first\"}]");
	assert_int_equal(n_reports, 4);
	assert_non_null(strstr(reports, "30-a.conflist: take network 'a' from another file\n"));
	assert_non_null(strstr(reports, "50-b.conf: take network 'b' from another file\n"));
	assert_non_null(strstr(reports, "60-c.conf: line 1 column"));
	assert_non_null(strstr(reports, "80-e.conf: plugins[0].type: not the name of a plugin\n"));
	assert_int_equal(cni_list_load(dir, "b", &list, &e), 0);
	assert_int_equal(cni_list_load(dir, "d", &list, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "find network 'd': there are in '"));
	assert_non_null(strstr(e.msg, ": a, b"));
	err_clear(&e);
	assert_int_equal(cni_list_load("/nonexistent", "a", &list, &e), -ENOENT);
	assert_string_equal(e.msg, "open directory '/nonexistent' of networks");
}

static void assert_described(const char *lists_text, size_t size, const char *expected)
{
	json_auto_t *lists = parse(lists_text);
	char buf[64];

	memset(buf, 'x', sizeof(buf));
	cni_lists_describe(lists, buf, size);
	assert_string_equal(buf, expected);
}

static void test_describe(void **state)
{
	(void)state;
	assert_described("{}", 64, "none");
	assert_described("{\"one\":{},\"two\":{}}", 64, "one, two");
	assert_described("{\"one\":{},\"two\":{},\"three\":{}}", 14, "one, two, ...");
}

/* ---- wishes ---- */

#define CHAIN "{\"name\":\"x\",\"cniVersion\":\"1.0.0\",\"plugins\":[" \
	"{\"type\":\"a\",\"runtimeConfig\":{\"forged\":1},\"args\":{\"own\":1}}," \
	"{\"type\":\"b\",\"capabilities\":{\"portMappings\":true,\"ips\":false}}]}"

static void test_wishes(void **state)
{
	json_auto_t *list = parse(CHAIN), *ports = parse("{\"portMappings\":[1]}"), *bound = NULL;
	json_auto_t *ips = parse("{\"ips\":[\"10.0.0.1\"]}"), *args = parse("{\"org\":{\"k\":2}}");
	struct cni_wishes wishes = { .capabilities = ports, .args = args, .variables = "IP=1" };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cni_list_bind(list, &wishes, &bound, &e), 0);
	assert_json(bound, "{\"CNI_ARGS\":\"IP=1\",\"cniVersion\":\"1.0.0\",\"name\":\"x\",\"plugins\":["
		    "{\"args\":{\"org\":{\"k\":2},\"own\":1},\"type\":\"a\"},"
		    "{\"args\":{\"org\":{\"k\":2}},\"runtimeConfig\":{\"portMappings\":[1]},"
		    "\"type\":\"b\"}]}");
	wishes.capabilities = ips;
	assert_int_equal(cni_list_bind(list, &wishes, &bound, &e), -ENOTSUP);
	assert_string_equal(e.msg, "give network 'x' 'ips': none of its plugins has that capability");
	err_clear(&e);
	wishes = (struct cni_wishes){ .variables = "A B" };
	assert_int_equal(cni_list_bind(list, &wishes, &bound, &e), -EINVAL);
}

/* ---- results ---- */

static const struct {
	const char *version, *result, *addresses;
} sound_results[] = {
	{ "1.0.0", "{\"cniVersion\":\"1.0.0\"}", "" },
	{ "0.3.0", "{\"cniVersion\":\"0.3.0\",\"interfaces\":null,\"ips\":[{\"version\":\"4\","
	  "\"address\":\"10.1.0.2/16\",\"gateway\":\"10.1.0.1\"}],\"dns\":{}}", "10.1.0.2/16 " },
	{ "0.4.0", "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"br\"},{\"name\":\"eth0\","
	  "\"mac\":\"02:00:00:00:00:01\",\"sandbox\":\"/proc/1/ns/net\"}],\"ips\":[{\"version\":\"6\","
	  "\"address\":\"fd00::2/64\",\"interface\":1},{\"version\":\"4\",\"address\":\"10.1.0.1/8\","
	  "\"interface\":0}]}", "fd00::2/64 " },
	{ "1.1.0", "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"\",\"mtu\":9000,"
	  "\"sandbox\":\"/n\"}],\"ips\":[{\"address\":\"10.1.0.2/16\",\"gateway\":\"\",\"interface\":0},"
	  "{\"address\":\"10.2.0.2/16\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"mtu\":1400},"
	  "{\"dst\":\"::/0\",\"gw\":\"fe80::1\"}],\"dns\":{\"nameservers\":[\"10.0.0.53\"],"
	  "\"domain\":\"a.b\",\"search\":[\"c.d\"],\"options\":[\"ndots:2\"]}}",
	  "10.1.0.2/16 10.2.0.2/16 " },
};

static void test_sound_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sound_results); i++) {
		json_auto_t *result = parse(sound_results[i].result);
		char *addresses[CNI_MAX_ADDRESSES], text[256] = "";
		struct err e = { 0 };
		size_t n = 0;

		assert_int_equal(cni_result_check(result, sound_results[i].version, &e), 0);
		assert_int_equal(cni_result_addresses(result, addresses, &n, &e), 0);
		for (size_t j = 0; j < n; j++) {
			strcat(strcat(text, addresses[j]), " ");
			free(addresses[j]);
		}
		assert_string_equal(text, sound_results[i].addresses);
	}
}

#define RESULT(members) "{\"cniVersion\":\"1.0.0\"," members "}"

static const struct {
	const char *result, *msg;
} broken_results[] = {
	{ "[]", "not an object" },
	{ "{}", "of version '', where '1.0.0' was asked for" },
	{ "{\"cniVersion\":\"0.4.0\"}", "of version '0.4.0', where '1.0.0' was asked for" },
	{ RESULT("\"ips\":{}"), "ips: not a list" },
	{ RESULT("\"ips\":[7]"), "ips[0]: '' is not an address with the length of its network" },
	{ RESULT("\"ips\":[{\"address\":\"10.1.0.2\"}]"),
	  "ips[0]: '10.1.0.2' is not an address with the length of its network" },
	{ RESULT("\"ips\":[{\"address\":\"10.1.0.2/16; rm -rf /\\u001b[31m\\n\"}]"),
	  "ips[0]: '10.1.0.2/16; rm -rf /' is not an address with the length of its network" },
	{ RESULT("\"ips\":[{\"address\":\"10.1.0.2/16\",\"version\":\"6\"}]"),
	  "ips[0]: '10.1.0.2/16' is not of the version that is said of it" },
	{ RESULT("\"ips\":[{\"address\":\"10.1.0.2/16\",\"gateway\":\"fd00::1\"}]"),
	  "ips[0]: 'fd00::1' is not a gateway for that address" },
	{ RESULT("\"ips\":[{\"address\":\"10.1.0.2/16\",\"interface\":0}]"),
	  "ips[0]: '10.1.0.2/16' is not at an interface that there is" },
	{ RESULT("\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"10.1.0.2/16\",\"interface\":-1}]"),
	  "ips[0]: '10.1.0.2/16' is not at an interface that there is" },
	{ RESULT("\"interfaces\":[{\"name\":\"../../etc\"}]"),
	  "interfaces[0]: '../../etc' is not the name of an interface" },
	{ RESULT("\"interfaces\":[{\"name\":\"a\",\"mac\":\"xyz\"}]"),
	  "interfaces[0]: 'xyz' is not a hardware address" },
	{ RESULT("\"interfaces\":[{\"name\":\"a\",\"sandbox\":\"x\"}]"),
	  "interfaces[0]: 'x' is not the path of a namespace" },
	{ RESULT("\"routes\":[{\"gw\":\"10.0.0.1\"}]"), "routes[0]: '' is not a network" },
	{ RESULT("\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"x\"}]"), "routes[0]: 'x' is not a gateway" },
	{ RESULT("\"dns\":[]"), "dns: not an object" },
	{ RESULT("\"dns\":{\"nameservers\":[\"ns.example\"]}"),
	  "nameservers[0]: 'ns.example' is not an address" },
	{ RESULT("\"dns\":{\"search\":[\"a\\nnameserver 6.6.6.6\"]}"),
	  "search[0]: 'a nameserver 6.6.6.6' is not a word" },
	{ RESULT("\"dns\":{\"domain\":\"a b\"}"), "dns.domain[0]: 'a b' is not a domain" },
};

static void test_broken_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken_results); i++) {
		json_auto_t *result = parse(broken_results[i].result);
		struct err e = { 0 };

		assert_int_equal(cni_result_check(result, "1.0.0", &e), -EINVAL);
		assert_string_equal(e.msg, broken_results[i].msg);
	}
}

/* ---- plugins: shell scripts ---- */

/* Writes down how it was called: "$CNI_COMMAND NAME", its input and its environment. */
#define NOTES "echo \"$CNI_COMMAND ${0##*/}\" >>@/calls; cat >@/$CNI_COMMAND-${0##*/}; env | sort >@/env; "
#define ANSWER(address) "[ $CNI_COMMAND = ADD ] || exit 0; echo '{\"cniVersion\":\"1.0.0\",\"ips\":" \
	"[{\"address\":\"" address "\"}]}'"

/* BODY with every "@" replaced by the directory. */
static void write_plugin(const char *name, const char *body)
{
	char text[8192] = "#!/bin/sh\n", *out = text + strlen(text);

	for (; *body; body++) {
		if (*body == '@')
			out = stpcpy(out, dir);
		else
			*out++ = *body;
	}
	strcpy(out, "\n");
	write_file(name, 0755, text);
}

static struct cni_host host = { .dirs = parts, .timeout_ms = 20000, .hold_fd = -EBADF };

static struct cni_attachment at = {
	.container_id = "c1", .interface = "eth0", .netns = "/proc/7/ns/net",
};

static json_t *make_list(const char *types, const char *version)
{
	json_t *plugins = json_array();
	char *copy = strdup(types), *rest = copy, *type;

	while ((type = strsep(&rest, " ")))
		assert_int_equal(json_array_append_new(plugins, json_pack("{s:s}", "type", type)), 0);
	free(copy);
	return json_pack("{s:s, s:s, s:o}", "name", "net", "cniVersion", version, "plugins",
			 plugins);
}

static void assert_calls(const char *expected)
{
	AUTO_FREE char *calls = read_file("calls");
	char path[PATH_MAX];

	assert_string_equal(calls, expected);
	(void)snprintf(path, sizeof(path), "%s/calls", dir);
	(void)unlink(path);
}

static void test_chain(void **state)
{
	json_auto_t *list = make_list("one two", "1.0.0"), *result = NULL;
	AUTO_FREE char *first = NULL, *second = NULL, *last = NULL, *env = NULL;
	char path[PATH_MAX];
	struct err e = { 0 };

	(void)state;
	write_plugin("one", NOTES ANSWER("10.0.0.1/8"));
	write_plugin("two", NOTES ANSWER("10.0.0.2/8"));
	assert_int_equal(json_object_set_new(list, CNI_VARIABLES, json_string("IP=1")), 0);
	at.list = list;
	assert_int_equal(setenv("SECRET", "leaked", 1), 0);
	assert_int_equal(cni_add(&host, &at, &result, &e), 0);
	assert_json(result, "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/8\"}]}");
	first = read_file("ADD-one");
	second = read_file("ADD-two");
	assert_string_equal(first, "{\"type\":\"one\",\"name\":\"net\",\"cniVersion\":\"1.0.0\"}");
	assert_string_equal(second, "{\"type\":\"two\",\"name\":\"net\",\"cniVersion\":\"1.0.0\","
			    "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":"
			    "\"10.0.0.1/8\"}]}}");
	env = read_file("env");
	assert_non_null(strstr(env, "CNI_ARGS=IP=1\nCNI_COMMAND=ADD\nCNI_CONTAINERID=c1\n"
			       "CNI_IFNAME=eth0\nCNI_NETNS=/proc/7/ns/net\n"));
	(void)snprintf(path, sizeof(path), "CNI_PATH=%s\n", parts);
	assert_non_null(strstr(env, path));
	assert_null(strstr(env, "SECRET"));
	at.result = result;
	assert_int_equal(cni_check(&host, &at, &e), 0);
	at.netns = NULL;
	assert_int_equal(cni_del(&host, &at, &e), 0);
	assert_calls("ADD one\nADD two\nCHECK one\nCHECK two\nDEL two\nDEL one\n");
	last = read_file("DEL-one");
	assert_non_null(strstr(last, "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":"
			       "\"10.0.0.2/8\"}]}"));
	free(env);
	env = read_file("env");
	assert_null(strstr(env, "CNI_NETNS"));
	at.result = NULL;
	at.netns = "/proc/7/ns/net";
}

/* Its list says so, or it is older than the verb. */
static void test_verbs_that_are_left_out(void **state)
{
	json_auto_t *list = make_list("one", "0.3.1"), *valid = json_array();
	struct err e = { 0 };

	(void)state;
	write_plugin("one", NOTES "[ $CNI_COMMAND != VERSION ] || echo '{\"supportedVersions\":[\"1.1.0\"]}'");
	at.list = list;
	assert_int_equal(cni_check(&host, &at, &e), 0);
	assert_int_equal(cni_gc(&host, list, valid, &e), 0);
	json_object_set_new(list, "cniVersion", json_string("1.1.0"));
	json_object_set_new(list, "disableCheck", json_true());
	json_object_set_new(list, "disableGC", json_true());
	assert_int_equal(cni_check(&host, &at, &e), 0);
	assert_int_equal(cni_gc(&host, list, valid, &e), 0);
	assert_calls("");
	json_object_del(list, "disableGC");
	assert_int_equal(cni_gc(&host, list, valid, &e), 0);
	assert_calls("VERSION one\nGC one\n");
	write_plugin("one", NOTES "[ $CNI_COMMAND != VERSION ] || echo '{\"supportedVersions\":[\"1.0.0\"]}'");
	assert_int_equal(cni_gc(&host, list, valid, &e), 0);
	assert_calls("VERSION one\n");
}

static void test_add_that_fails_is_undone(void **state)
{
	json_auto_t *list = make_list("one two three", "1.0.0");
	struct err e = { 0 };
	json_t *result;

	(void)state;
	write_plugin("one", NOTES ANSWER("10.0.0.1/8"));
	write_plugin("two", NOTES "echo '{\"code\":11,\"msg\":\"no room\",\"details\":\"for c1\"}'; exit 1");
	write_plugin("three", NOTES);
	at.list = list;
	assert_int_equal(cni_add(&host, &at, &result, &e), -ECANCELED);
	assert_string_equal(e.msg, "network 'net': ADD by plugin 'two': no room: for c1 (code 11)");
	/* The third was never begun with, and the second's failure to undo keeps not the first. */
	assert_calls("ADD one\nADD two\nDEL two\nDEL one\n");
}

static const struct {
	const char *body, *msg;
} misdeeds[] = {
	{ "exit 3", "it exited with status 3" },
	{ "echo first >&2; printf 'iptables: \\033[31mno such chain\\n' >&2; exit 2",
	  "it exited with status 2; it said: first iptables: no such chain" },
	{ "kill -9 $$", "it was killed by signal 9" },
	{ "exit 0", "its result: it printed none" },
	{ "echo hello", "what it printed is not JSON: line 1 column 5: invalid token near 'hello'" },
	{ "echo '{\"cniVersion\":\"1.0.0\"} {}'",
	  "what it printed is not JSON: line 1 column 24: end of file expected near '{'" },
	{ "echo '{\"code\":\"x\",\"msg\":7}'; exit 1", "it exited with status 1" },
	{ "echo '{\"code\":7,\"msg\":\"a\\\\nb\"}'; exit 1", "a b (code 7)" },
	{ "echo '{\"cniVersion\":\"0.4.0\"}'",
	  "its result: of version '0.4.0', where '1.0.0' was asked for" },
	{ "echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"nowhere\"}]}'",
	  "its result: ips[0]: 'nowhere' is not an address with the length of its network" },
	{ "yes", "it printed more than 1048576 bytes" },
	{ "yes '[[[[[[' | head -c 300 | tr -d '\\n'",
	  "what it printed is not JSON: line 1 column 33: nested deeper than 32 levels" },
	{ "printf '{\"cniVersion\":\"1.0.0\",\"ips\":[{}'; for i in $(seq 3000); do printf ',{}'; done; "
	  "printf ']}'", "its result: ips: 3001, which is more than 64" },
};

static void test_misdeeds(void **state)
{
	json_auto_t *list = make_list("bad", "1.0.0");

	(void)state;
	at.list = list;
	for (size_t i = 0; i < ARRAY_SIZE(misdeeds); i++) {
		struct err e = { 0 };
		char msg[600];
		json_t *result;

		write_plugin("bad", misdeeds[i].body);
		assert_true(cni_add(&host, &at, &result, &e) == -ECANCELED);
		(void)snprintf(msg, sizeof(msg), "network 'net': ADD by plugin 'bad': %s",
			       misdeeds[i].msg);
		assert_string_equal(e.msg, msg);
	}
}

static void test_missing(void **state)
{
	json_auto_t *list = make_list("absent", "1.0.0");
	char msg[600];
	struct err e = { 0 };
	json_t *result;

	(void)state;
	at.list = list;
	assert_int_equal(cni_add(&host, &at, &result, &e), -ECANCELED);
	(void)snprintf(msg, sizeof(msg), "network 'net': ADD by plugin 'absent': there is no such "
		       "program in '%s'", parts);
	assert_string_equal(e.msg, msg);
	write_file("absent", 0755, "#!/nonexistent/interpreter\n");
	err_clear(&e);
	assert_int_equal(cni_add(&host, &at, &result, &e), -ECANCELED);
	assert_string_equal(e.msg, "network 'net': ADD by plugin 'absent': it could not be executed");
	err_clear(&e);
	at.interface = "a/b";
	assert_int_equal(cni_add(&host, &at, &result, &e), -EINVAL);
	at.interface = "eth0";
}

/* It and what it started, which would go on holding its pipes, are killed. */
static void test_hang(void **state)
{
	json_auto_t *list = make_list("hang", "1.0.0");
	AUTO_FREE char *child = NULL;
	struct err e = { 0 };
	json_t *result;
	pid_t pid;

	(void)state;
	write_plugin("hang", "[ $CNI_COMMAND = ADD ] || exit 0; trap '' TERM; sleep 1000 & echo $! >@/pid;"
		     " echo stuck >&2; wait");
	at.list = list;
	host.timeout_ms = 1500;
	assert_int_equal(cni_add(&host, &at, &result, &e), -ECANCELED);
	assert_string_equal(e.msg,
			    "network 'net': ADD by plugin 'hang': it was not done in time and was killed");
	host.timeout_ms = 20000;
	child = read_file("pid");
	pid = atoi(child);
	assert_true(pid > 1);
	/* Nobody here reaps it: as a zombie, or not at all. */
	for (int64_t end = clock_boot_ms() + 20000; kill(pid, 0) == 0;) {
		char path[64];
		AUTO_FREE char *stat = NULL;
		size_t size = 0;
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "r");
		if (!file || getline(&stat, &size, file) < 0 || strstr(stat, ") Z "))
			end = 0;
		if (file)
			(void)fclose(file);
		if (end == 0)
			break;
		assert_true(clock_boot_ms() < end);
	}
}

/* What a plugin leaves running is not waited for, even where it keeps the pipes. */
static void test_daemon(void **state)
{
	json_auto_t *list = make_list("daemon", "1.0.0"), *result = NULL;
	AUTO_FREE char *child = NULL;
	struct err e = { 0 };

	(void)state;
	write_plugin("daemon", "sleep 1000 & echo $! >@/pid; " ANSWER("10.0.0.1/8"));
	at.list = list;
	assert_int_equal(cni_add(&host, &at, &result, &e), 0);
	child = read_file("pid");
	assert_int_equal(kill(atoi(child), SIGKILL), 0);
}

/* ---- versions ---- */

#define OLD(versions) NOTES "[ $CNI_COMMAND = VERSION ] && echo '{\"cniVersion\":\"1.0.0\"," \
	"\"supportedVersions\":[" versions "]}' && exit 0; grep -q '\"cniVersion\":\"0.4.0\"' " \
	"@/$CNI_COMMAND-${0##*/} || { echo '{\"code\":1,\"msg\":\"incompatible\"}'; exit 1; }; " \
	"[ $CNI_COMMAND = ADD ] && echo '{\"cniVersion\":\"0.4.0\"}'; exit 0"

static void test_negotiation(void **state)
{
	json_auto_t *list = make_list("one two", "1.1.0"), *result = NULL;
	struct err e = { 0 };

	(void)state;
	write_plugin("one", OLD("\"0.3.1\",\"0.4.0\""));
	write_plugin("two", OLD("\"0.3.1\",\"0.4.0\",\"1.0.0\""));
	at.list = list;
	assert_int_equal(cni_add(&host, &at, &result, &e), 0);
	assert_json(result, "{\"cniVersion\":\"0.4.0\"}");
	assert_calls("ADD one\nVERSION one\nVERSION two\nADD one\nADD two\n");
	/* What comes later is of the version that was found. */
	at.result = result;
	assert_int_equal(cni_check(&host, &at, &e), 0);
	assert_int_equal(cni_del(&host, &at, &e), 0);
	at.result = NULL;
	json_decref(TAKE_PTR(result));
	/* Nor does DEL need to be told, when ADD did not come so far as to say. */
	assert_calls("CHECK one\nCHECK two\nDEL two\nDEL one\n");
	assert_int_equal(cni_del(&host, &at, &e), 0);
	assert_calls("DEL two\nDEL one\nVERSION one\nVERSION two\nDEL two\nDEL one\n");
	write_plugin("two", OLD("\"0.1.0\""));
	assert_int_equal(cni_add(&host, &at, &result, &e), -ECANCELED);
	assert_string_equal(e.msg, "network 'net': its plugins have no version of CNI up to '1.1.0' in "
			    "common");
}

/* Whoever took the version that another one refuses is undone before it is asked again. */
static void test_negotiation_after_some_have_run(void **state)
{
	json_auto_t *list = make_list("one two", "1.1.0"), *result = NULL;
	AUTO_FREE char *undone = NULL;
	struct err e = { 0 };

	(void)state;
	write_plugin("one", NOTES "[ $CNI_COMMAND = VERSION ] && echo '{\"supportedVersions\":[\"0.4.0\","
		     "\"1.1.0\"]}' && exit 0; grep -q '\"cniVersion\":\"0.4.0\"' @/$CNI_COMMAND-one && "
		     "version=0.4.0 || version=1.1.0; "
		     "[ $CNI_COMMAND = DEL ] || echo \"{\\\"cniVersion\\\":\\\"$version\\\"}\"");
	write_plugin("two", OLD("\"0.4.0\""));
	at.list = list;
	assert_int_equal(cni_add(&host, &at, &result, &e), 0);
	assert_json(result, "{\"cniVersion\":\"0.4.0\"}");
	assert_calls("ADD one\nADD two\nDEL one\nVERSION one\nVERSION two\nADD one\nADD two\n");
	undone = read_file("DEL-one");
	assert_non_null(strstr(undone, "\"cniVersion\":\"1.1.0\""));
}

/* ---- a supervisor that was killed ---- */

/* A plugin of one that is gone holds the lock of the container: DEL comes after it. */
static void test_hold(void **state)
{
	json_auto_t *list = make_list("late", "1.0.0"), *result = NULL;
	AUTO_CLOSE int mine = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), other = -EBADF;
	struct err e = { 0 };
	int status;
	pid_t pid;

	(void)state;
	/* It hands its work to another process, as plugins do for addresses, and that lives on. */
	write_plugin("late", "[ $CNI_COMMAND = DEL ] && { [ -e @/done ] && echo late >@/seen; exit 0; }; "
		     "(touch @/begun; while [ ! -e @/go ]; do sleep 0.05; done; touch @/done) "
		     "</dev/null >/dev/null 2>&1 & wait");
	at.list = list;
	pid = fork();
	if (pid == 0) {
		host.hold_fd = mine;
		_exit(cni_add(&host, &at, &result, &e) != 0);
	}
	while (faccessat(mine, "begun", F_OK, 0) < 0)
		assert_int_equal(usleep(10000), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	other = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	host.hold_fd = other;
	/* Not free in time: ADD refuses. */
	host.timeout_ms = 300;
	fd_close(&mine);
	assert_int_equal(cni_add(&host, &at, &result, &e), -EBUSY);
	assert_string_equal(e.msg, "network 'net': plugins of an earlier call still run");
	err_clear(&e);
	host.timeout_ms = 20000;
	pid = fork();
	if (pid == 0) {
		(void)usleep(300000);
		write_file("go", 0644, "");
		_exit(0);
	}
	assert_int_equal(cni_del(&host, &at, &e), 0);
	assert_int_equal(faccessat(other, "seen", F_OK, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	host.hold_fd = -EBADF;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_broken_lists),
		cmocka_unit_test(test_lists),
		cmocka_unit_test_setup_teardown(test_directory, make_dir, remove_dir),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_sound_results),
		cmocka_unit_test(test_broken_results),
		cmocka_unit_test_setup_teardown(test_chain, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_verbs_that_are_left_out, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_add_that_fails_is_undone, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_misdeeds, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_missing, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_hang, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_daemon, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_negotiation, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_negotiation_after_some_have_run, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_hold, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
