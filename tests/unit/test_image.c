/* References, manifests, configurations, users of images: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/config.h"
#include "containerizer/image/digest.h"
#include "containerizer/image/layer.h"
#include "containerizer/image/manifest.h"
#include "containerizer/image/record.h"
#include "containerizer/image/reference.h"
#include "containerizer/image/passwd.h"
#include "containerizer/unpack/place.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA "sha256:" HEX64

/* ---- references ---- */

static const struct {
	const char *text;
	enum reference_kind kind;
	const char *path, *name, *tag, *digest;
} good_references[] = {
	{ "web", REFERENCE_STORED, "", "web", "latest", "" },
	{ "web:1.2_3-x", REFERENCE_STORED, "", "web", "1.2_3-x", "" },
	{ "docker.io/library/web", REFERENCE_STORED, "", "web", "latest", "" },
	{ "docker.io/me/web:1", REFERENCE_STORED, "", "me/web", "1", "" },
	{ "host:5000/a/b", REFERENCE_STORED, "", "host:5000/a/b", "latest", "" },
	{ "host:5000/a/b:t", REFERENCE_STORED, "", "host:5000/a/b", "t", "" },
	{ "web@" SHA, REFERENCE_STORED, "", "web", "latest", SHA },
	{ "@" SHA, REFERENCE_STORED, "", "", "", SHA },
	{ "oci:/a/b", REFERENCE_OCI, "/a/b", "", "", "" },
	{ "oci:a/b:v1", REFERENCE_OCI, "a/b", "", "v1", "" },
	{ "oci:/a:1/b", REFERENCE_OCI, "/a:1/b", "", "", "" },
	{ "oci-archive:a.tar:v1", REFERENCE_OCI_ARCHIVE, "a.tar", "", "v1", "" },
	{ "docker-archive:a.tar", REFERENCE_DOCKER_ARCHIVE, "a.tar", "", "", "" },
	{ "docker-archive:a.tar:x/y:3", REFERENCE_DOCKER_ARCHIVE, "a.tar", "x/y", "3", "" },
	{ "tar:/a:b.tar", REFERENCE_TAR, "/a:b.tar", "", "", "" },
	{ "dir:.", REFERENCE_DIRECTORY, ".", "", "", "" },
};

static void test_good_references(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good_references); i++) {
		struct reference ref;
		struct err e = { 0 };

		assert_int_equal(reference_parse(good_references[i].text, &ref, &e), 0);
		assert_int_equal(ref.kind, good_references[i].kind);
		assert_string_equal(ref.path, good_references[i].path);
		assert_string_equal(ref.name, good_references[i].name);
		assert_string_equal(ref.tag, good_references[i].tag);
		assert_string_equal(ref.digest, good_references[i].digest);
	}
}

static const char *const bad_references[] = {
	"", ":", ":tag", "/web", "web/", "a//b", "a/./b", "../x", "web:", "web:-x", "web:.x",
	"web:a/b", "we b", "web\n", "web:x\n", "w\xc3\xa9" "b", "web@", "web@sha256:12",
	"web@md5:d41d8cd98f00b204e9800998ecf8427e", "@", "@sha256:" "ABCDEF", "host:/a", "host:x/a",
	"a:1/b:2/c", "oci:", "oci::tag", "oci:a:-", "docker-archive:", "docker-archive:a:B B", "tar:",
	"dir:", "oci", "tar", "-web", "_web", ".web",
};

static void test_bad_references(void **state)
{
	char longest[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_references); i++) {
		struct reference ref;
		struct err e = { 0 };

		if (reference_parse(bad_references[i], &ref, &e) != -EINVAL)
			fail_msg("'%s' was read", bad_references[i]);
		assert_true(e.msg[0]);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t skip = 0; skip < 4700; skip += 4500) {
		struct reference ref;
		struct err e = { 0 };

		assert_int_equal(reference_parse(longest + skip, &ref, &e), -EINVAL);
		memcpy(longest, "tar:", 4);
	}
}

static void test_digests(void **state)
{
	char path[DIGEST_PATH_SIZE], digest[DIGEST_SIZE];
	struct err e = { 0 };

	(void)state;
	assert_true(digest_is_valid(SHA));
	assert_true(digest_is_valid("sha512:" HEX64 HEX64));
	assert_false(digest_is_valid("sha256:" HEX64 "0"));
	assert_false(digest_is_valid("sha256:../../" HEX64));
	assert_false(digest_is_valid("sha512:" HEX64));
	assert_false(digest_is_valid("sha256" HEX64));
	assert_string_equal(digest_path("blobs", SHA, path), "blobs/sha256/" HEX64);
	/* FIPS 180-4's own example. */
	assert_int_equal(hash_of("sha256", "abc", 3, digest, &e), 0);
	assert_string_equal(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
			    "0015ad");
	assert_int_equal(layer_chain_id(NULL, SHA, digest, &e), 0);
	assert_string_equal(digest, SHA);
}

/* ---- manifests ---- */

#define CONFIG "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"," \
	"\"digest\":\"" SHA "\",\"size\":2}"
#define LAYER "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" SHA \
	"\",\"size\":7,\"urls\":[]}"
#define INDEX_ITEM(more) "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"," \
	"\"digest\":\"" SHA "\",\"size\":2" more "}"
#define FOR(os, arch) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"

static int read_manifest(const char *text, const char *type, struct manifest *ret, struct err *e)
{
	json_auto_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(doc);
	return manifest_read(doc, type, ret, e);
}

static void test_manifest(void **state)
{
	struct manifest m;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(read_manifest("{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "," LAYER
				       "],\"annotations\":{}}",
				       "application/vnd.oci.image.manifest.v1+json", &m, &e), 0);
	assert_int_equal(m.class, MEDIA_MANIFEST);
	assert_int_equal(m.n_items, 2);
	assert_int_equal(m.items[1].size, 7);
	assert_string_equal(m.config.digest, SHA);
	manifest_done(&m);
}

static const struct {
	const char *text, *type, *msg;
} bad_manifests[] = {
	{ "{}", NULL, "manifest.schemaVersion: missing" },
	{ "[]", NULL, "manifest: not an object" },
	{ "{\"schemaVersion\":1}", NULL, "manifest.schemaVersion: 1 is outside 2..2" },
	{ "{\"schemaVersion\":2}", NULL, "manifest: neither an index nor an image" },
	{ "{\"schemaVersion\":2,\"layers\":[]}", NULL, "manifest: neither an index nor an image" },
	/* CVE-2021-41190 */
	{ "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]," CONFIG "}", NULL,
	  "manifest: both an index ('manifests') and an image ('layers', 'config')" },
	{ "{\"schemaVersion\":2,\"manifests\":[]," CONFIG "}", NULL,
	  "manifest: both an index ('manifests') and an image ('layers', 'config')" },
	{ "{\"schemaVersion\":2,\"manifests\":[]}", "application/vnd.oci.image.manifest.v1+json",
	  "manifest.mediaType: 'application/vnd.oci.image.manifest.v1+json' is not what it is" },
	{ "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"layers\":[],"
	  CONFIG "}", NULL,
	  "manifest.mediaType: 'application/vnd.oci.image.index.v1+json' is not what it is" },
	{ "{\"schemaVersion\":2,\"layers\":{}," CONFIG "}", NULL, "manifest.layers: not a list" },
	{ "{\"schemaVersion\":2,\"layers\":[7]," CONFIG "}", NULL,
	  "manifest.layers[0]: not an object" },
	{ "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x/y\",\"digest\":\"" SHA "\",\"size\":1}],"
	  CONFIG "}", NULL, "manifest.layers[0].mediaType: 'x/y' is not supported" },
	{ "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x/y\",\"digest\":\"sha256:../x\",\"size\":1}],"
	  CONFIG "}", NULL,
	  "manifest.layers[0].digest: 'sha256:../x' is not a digest that can be verified" },
	{ "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x/y\",\"digest\":\"" SHA "\",\"size\":-1}],"
	  CONFIG "}", NULL, "manifest.layers[0].size: not an unsigned integer" },
	{ "{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"application/json\",\"digest\":\""
	  SHA "\",\"size\":1}}", NULL,
	  "manifest.config.mediaType: 'application/json' is no image's" },
};

static void test_bad_manifests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_manifests); i++) {
		struct manifest m;
		struct err e = { 0 };

		assert_true(read_manifest(bad_manifests[i].text, bad_manifests[i].type, &m, &e) < 0);
		assert_string_equal(e.msg, bad_manifests[i].msg);
	}
}

static void test_platforms(void **state)
{
	char text[] = "linux/arm64/v8", plain[] = "linux/amd64", none[] = "plan9/mips";
	struct platform arm, amd, other;
	struct manifest m;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(platform_parse(text, &arm, &e), 0);
	assert_string_equal(arm.variant, "v8");
	arm.variant = NULL;
	assert_int_equal(platform_parse(plain, &amd, &e), 0);
	assert_int_equal(platform_parse(none, &other, &e), 0);
	assert_int_equal(read_manifest("{\"schemaVersion\":2,\"manifests\":["
				       INDEX_ITEM(FOR("unknown", "unknown")) ","
				       INDEX_ITEM(FOR("linux", "arm64")) ","
				       INDEX_ITEM(FOR("linux", "amd64")) "]}", NULL, &m, &e), 0);
	assert_ptr_equal(manifest_choose(&m, &arm), &m.items[1]);
	assert_ptr_equal(manifest_choose(&m, &amd), &m.items[2]);
	assert_null(manifest_choose(&m, &other));
	manifest_done(&m);
	assert_int_equal(read_manifest("{\"schemaVersion\":2,\"manifests\":[" INDEX_ITEM("") "]}", NULL,
				       &m, &e), 0);
	assert_ptr_equal(manifest_choose(&m, &other), &m.items[0]);
	manifest_done(&m);
}

/* ---- configurations ---- */

static const struct {
	const char *text, *msg;
} bad_configs[] = {
	{ "[]", "image: not an object" },
	{ "{\"config\":7}", "config: not an object" },
	{ "{\"config\":{\"Env\":[\"A\"]}}", "config.Env[0]: not NAME=VALUE" },
	{ "{\"config\":{\"Env\":[\"=1\"]}}", "config.Env[0]: not NAME=VALUE" },
	{ "{\"config\":{\"Env\":\"A=1\"}}", "config.Env: not a list of strings" },
	{ "{\"config\":{\"WorkingDir\":\"tmp\"}}", "config.WorkingDir: 'tmp' is not absolute" },
	{ "{\"config\":{\"Volumes\":[]}}", "config.Volumes: not an object" },
	{ "{\"config\":{\"Volumes\":{\"data\":{}}}}",
	  "config.Volumes: 'data' is not a directory's absolute path" },
	{ "{\"config\":{\"Volumes\":{\"/a/../b\":{}}}}",
	  "config.Volumes: '/a/../b' is not a directory's absolute path" },
	{ "{\"config\":{\"Cmd\":[1]}}", "config.Cmd: not a list of strings" },
};

static void test_bad_configs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_configs); i++) {
		json_auto_t *doc = json_loads(bad_configs[i].text, 0, NULL);
		struct image_config config;
		struct err e = { 0 };

		assert_int_equal(config_read(doc, &config, &e), -EINVAL);
		assert_string_equal(e.msg, bad_configs[i].msg);
	}
}

static void test_config(void **state)
{
	json_auto_t *doc = json_loads(
		"{\"os\":\"linux\",\"history\":[{}],\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" SHA
		"\"]},\"config\":{\"Env\":[\"A=\"],\"Cmd\":null,\"Hostname\":\"x\",\"StopSignal\":\"9\"}}",
		0, NULL);
	struct image_config config;
	char **ids = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(config_read(doc, &config, &e), 0);
	assert_string_equal(config.env[0], "A=");
	assert_null(config.cmd);
	assert_string_equal(config.stop_signal, "9");
	config_done(&config);
	assert_int_equal(config_read_diff_ids(doc, &ids, &e), 0);
	assert_string_equal(ids[0], SHA);
	assert_null(ids[1]);
	config_free_list(ids);
}

static char *words(const char *a, const char *b)
{
	static char text[2][64];
	static unsigned n;
	char *ret = text[n++ % 2];

	(void)snprintf(ret, sizeof(text[0]), "%s%s", a, b);
	return ret;
}

static void assert_args(const struct image *image, const struct image_overrides *o,
			const char *expected)
{
	json_auto_t *doc = json_object();
	struct err e = { 0 };

	assert_int_equal(image_to_spec(image, o, doc, &e), 0);
	AUTO_FREE char *text = json_dumps(json_object_get(json_object_get(doc, "process"), "args"),
					  JSON_COMPACT);

	assert_string_equal(text, expected);
}

static void test_who_says_what_is_run(void **state)
{
	char *entry[] = { words("/e", ""), NULL }, *cmd[] = { words("c", "1"), NULL };
	char a[] = "a", b[] = "b", name[] = "i", *args[] = { a, NULL }, *other[] = { b, NULL };
	struct image image = { .name = name, .config = { .cmd = cmd } };
	json_auto_t *doc = json_object();
	struct err e = { 0 };

	(void)state;
	assert_args(&image, &(struct image_overrides){ 0 }, "[\"c1\"]");
	assert_args(&image, &(struct image_overrides){ .args = args }, "[\"a\"]");
	image.config.entrypoint = entry;
	assert_args(&image, &(struct image_overrides){ 0 }, "[\"/e\",\"c1\"]");
	assert_args(&image, &(struct image_overrides){ .args = args }, "[\"/e\",\"a\"]");
	assert_args(&image, &(struct image_overrides){ .entrypoint = other }, "[\"b\"]");
	assert_args(&image, &(struct image_overrides){ .entrypoint = other, .args = args },
		    "[\"b\",\"a\"]");
	image.config = (struct image_config){ 0 };
	assert_int_equal(image_to_spec(&image, &(struct image_overrides){ 0 }, doc, &e), -EINVAL);
	assert_string_equal(e.msg, "run image 'i': it has no command, and none is given");
}

static void test_environment_and_directory(void **state)
{
	char path[] = "PATH=/x", a1[] = "A=1", a2[] = "A=2", home[] = "HOME=/h", sh[] = "sh";
	char *env[] = { path, a1, NULL }, *more[] = { home, a2, NULL }, *cmd[] = { sh, NULL };
	char dir[] = "/srv", name[] = "i";
	struct image image = { .name = name, .config = { .cmd = cmd, .env = env, .working_dir = dir } };
	json_auto_t *doc = json_pack("{s:{s:b}}", "process", "terminal", 0);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(image_to_spec(&image, &(struct image_overrides){ .env = more }, doc, &e), 0);
	AUTO_FREE char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, "{\"process\":{\"args\":[\"sh\"],\"cwd\":\"/srv\",\"env\":[\"PATH=/x\","
			    "\"HOME=/h\",\"A=2\"],\"terminal\":false,\"user\":{\"additionalGids\":[],"
			    "\"gid\":0,\"uid\":0}}}");
}

/* ---- users ---- */

static void test_ids(void **state)
{
	static const char *const bad[] = {
		"", "00", "01", "+0", "-1", "4294967295", "4294967296", "18446744073709551616", "1e3",
		" 0", "0 ", "0\n", "0x0", "1000:",
	};
	uint32_t id = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (passwd_parse_id(bad[i], &id))
			fail_msg("'%s' was read as %u", bad[i], id);
	}
	assert_int_equal(id, 7);
	assert_true(passwd_parse_id("0", &id) && id == 0);
	assert_true(passwd_parse_id("4294967294", &id) && id == 4294967294);
}

static const char passwd[] =
	"# a comment\nroot:x:0:0:root:/root:/bin/sh\n1000:x:0:0::/evil:/bin/sh\n:x:1:1::/:\nshort:x\n"
	"neg:x:-1:5::/:\nbig:x:4294967296:0::/:\napp:x:1000:1001:,,:/srv/app:/bin/sh\n"
	"rel:x:7:8::not/absolute:\nlast:x:9:9::/:";

static void test_passwd(void **state)
{
	char text[sizeof(passwd)];
	struct passwd_entry entry;

	(void)state;
	memcpy(text, passwd, sizeof(text));
	assert_int_equal(passwd_find(text, &(struct passwd_key){ .name = "app" }, &entry), 0);
	assert_int_equal(entry.uid, 1000);
	assert_int_equal(entry.gid, 1001);
	assert_string_equal(entry.home, "/srv/app");
	memcpy(text, passwd, sizeof(text));
	assert_int_equal(passwd_find(text, &(struct passwd_key){ .id = 1000 }, &entry), 0);
	assert_string_equal(entry.name, "app");
	memcpy(text, passwd, sizeof(text));
	assert_int_equal(passwd_find(text, &(struct passwd_key){ .name = "rel" }, &entry), 0);
	assert_null(entry.home);
	memcpy(text, passwd, sizeof(text));
	assert_int_equal(passwd_find(text, &(struct passwd_key){ .name = "last" }, &entry), 0);
	for (size_t i = 0; i < 3; i++) {
		static const char *const absent[] = { "neg", "big", "short" };

		memcpy(text, passwd, sizeof(text));
		assert_int_equal(passwd_find(text, &(struct passwd_key){ .name = absent[i] }, &entry),
				 -ENOENT);
	}
}

static void test_group(void **state)
{
	static const char group[] =
		"root:x:0:\nadm:x:4:app,other\nbad:x:x:app\nnope:x:5:apps\nweb:x:33:x,app\n";
	struct passwd_groups groups = { 0 };
	char text[sizeof(group)];

	(void)state;
	memcpy(text, group, sizeof(text));
	assert_int_equal(passwd_find_groups(text, NULL, "app", &groups), 0);
	assert_int_equal(groups.n, 2);
	assert_int_equal(groups.ids[0], 4);
	assert_int_equal(groups.ids[1], 33);
	memcpy(text, group, sizeof(text));
	assert_int_equal(passwd_find_groups(text, "nope", NULL, &groups), 0);
	assert_int_equal(groups.ids[0], 5);
	memcpy(text, group, sizeof(text));
	assert_int_equal(passwd_find_groups(text, "bad", NULL, &groups), -ENOENT);
}

static void test_user_forms(void **state)
{
	static const char *const bad[] = {
		":0", "1000:", "00", "+0", "-1", "4294967295", "4294967296", "1e3", " 0", "0\n",
		"0:00", "0:4294967296", "a:b:c", "nobody",
	};
	char name[] = "i";
	struct image image = { .name = name };	/* no layers, no files */
	struct image_user user;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		if (image_user_find(&image, bad[i], &user, &e) >= 0)
			fail_msg("'%s' was read as %u", bad[i], user.uid);
	}
	err_clear(&e);
	assert_int_equal(image_user_find(&image, "", &user, &e), 0);
	assert_int_equal(user.uid, 0);
	image_user_done(&user);
	assert_int_equal(image_user_find(&image, "5:6", &user, &e), 0);
	assert_int_equal(user.uid, 5);
	assert_int_equal(user.gid, 6);
	image_user_done(&user);
	assert_int_equal(image_user_find(&image, "5", &user, &e), 0);
	assert_int_equal(user.gid, 0);
	image_user_done(&user);
}

/* ---- paths ---- */

static const struct {
	const char *raw, *clean;	/* NULL: refused */
} paths[] = {
	{ "a", "a" }, { "./a", "a" }, { "/a", "a" }, { "//a///b//", "a/b" }, { "a/./b/.", "a/b" },
	{ ".", "" }, { "/", "" }, { "./", "" }, { "a..", "a.." }, { "...", "..." }, { "..", NULL },
	{ "../a", NULL }, { "a/../b", NULL }, { "a/..", NULL }, { "/../a", NULL }, { "./../a", NULL },
	{ "a/b/c/d/e", NULL },
};

static void test_paths(void **state)
{
	char clean[PATH_MAX], *longest;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		err_clear(&e);
		if (paths[i].clean) {
			assert_int_equal(place_clean(paths[i].raw, 4, clean, &e), 0);
			assert_string_equal(clean, paths[i].clean);
		} else {
			assert_int_equal(place_clean(paths[i].raw, 4, clean, &e), -EINVAL);
		}
	}
	longest = calloc(1, 8192);
	assert_non_null(longest);
	memset(longest, 'x', 256);
	err_clear(&e);
	assert_int_equal(place_clean(longest, 4, clean, &e), -EINVAL);
	for (size_t i = 1; i < 8192; i += 2)
		memcpy(longest + i - 1, "/x", 2);
	longest[8191] = '\0';
	err_clear(&e);
	assert_int_equal(place_clean(longest, 100000, clean, &e), -EINVAL);
	free(longest);
}

static void test_record_names(void **state)
{
	char file[RECORD_FILE_SIZE];

	(void)state;
	assert_string_equal(record_file("web:1", file), "web:1.json");
	assert_string_equal(record_file("a/b/c:1", file), "a%2Fb%2Fc:1.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_references),
		cmocka_unit_test(test_bad_references),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_bad_manifests),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_bad_configs),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_who_says_what_is_run),
		cmocka_unit_test(test_environment_and_directory),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_passwd),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_user_forms),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_record_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
