/* Files of credentials in both forms, and who is let in by them where. */
#include "tests/unit/http_world.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "net/credentials.h"
#include "net/http_auth.h"

static char path[] = "/tmp/tepui-unit-XXXXXX";

static void write_file(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static int make_file(void **state)
{
	int fd;

	memset(path + strlen(path) - 6, 'X', 6);
	fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

/* ---- files ---- */

static const struct {
	const char *text;
	mode_t mode;
	const char *known;	/* separated by blanks; or of the error, after the file's name */
	int code;
} files[] = {
	{ "{\"credentials\":[{\"principal\":\"a\",\"secret\":\"1\"},{\"principal\":\"b\",\"secret\":"
	  "\"2:x\"}]}", 0600, "a:1 b:2:x", 0 },
	{ " {\"principal\":\"a\",\"secret\":\"1\"}\n", 0640, "a:1", 0 },
	{ "a 1\r\n\n  b\t2\n", 0400, "a:1 b:2", 0 },
	{ "a 1", 0604, ": others have access to it (mode 604), chmod 600", -EPERM },
	{ "a 1", 0602, ": others have access to it", -EPERM },
	{ "", 0600, ": there is no credential in it", -EINVAL },
	{ "{\"credentials\":[]}", 0600, ": there is no credential in it", -EINVAL },
	{ "a 1\nb\n", 0600, ": credential 2 is not a principal without colon and its secret",
	  -EINVAL },
	{ "a 1 2", 0600, ": credential 1 is not", -EINVAL },
	{ "a:b 1", 0600, ": credential 1 is not", -EINVAL },
	{ "{\"credentials\":[{\"principal\":\"a\"}]}", 0600, ": credential 1 is not", -EINVAL },
	{ "{\"credentials\":[{\"principal\":\"\",\"secret\":\"1\"}]}", 0600,
	  ": credential 1 is not", -EINVAL },
	{ "{\"credentials\":[7]}", 0600, ": credential 1 is not", -EINVAL },
	{ "{\"credentials\":{}}", 0600, ": there is no credential in it", -EINVAL },
	{ "{\"credentials\":", 0600, ": line 1", -EINVAL },
};

static void expect_known(const struct credentials *credentials, const char *known)
{
	for (; *known; known += strcspn(known, " "), known += strspn(known, " ")) {
		size_t size = strcspn(known, " ");

		assert_true(credentials_have(credentials, known, size));
		assert_false(credentials_have(credentials, known, size - 1));
		assert_false(credentials_have(credentials, known + 1, size - 1));
	}
	assert_false(credentials_have(credentials, "", 0));
	assert_false(credentials_have(credentials, "a:", 2));
}

static void reads_both_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct credentials *credentials = NULL;
		struct err e = { 0 };
		int r;

		write_file(files[i].text, files[i].mode);
		r = credentials_load(path, &credentials, &e);
		if (r != files[i].code || (r < 0 && !strstr(e.msg, files[i].known)))
			fail_msg("row %zu: %d %s", i, r, e.msg);
		if (r == 0)
			expect_known(credentials, files[i].known);
		credentials_free(credentials);
	}
}

static void one_is_a_header(void **state)
{
	char url[sizeof(path) + 16];
	char *header = NULL;
	struct err e = { 0 };

	(void)state;
	write_file("Aladdin open_sesame", 0600);
	(void)snprintf(url, sizeof(url), "file://%s", path);
	assert_int_equal(credentials_load_header(url, &header, &e), 0);
	assert_string_equal(header, "Basic QWxhZGRpbjpvcGVuX3Nlc2FtZQ==");
	free(header);
	write_file("a 1\nb 2", 0600);
	assert_int_equal(credentials_load_header(path, &header, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "more than one credential"));
	err_clear(&e);
	(void)unlink(path);
	assert_int_equal(credentials_load_header(path, &header, &e), -ENOENT);
}

/* ---- requests ---- */

static const struct http_area_rule areas[] = {
	{ "/peer", HTTP_AREA_OPEN },
	{ "/apps/*", HTTP_AREA_READWRITE },
	{ "/query", HTTP_AREA_READWRITE },
	{ "/one/:a/two/:b", HTTP_AREA_SCHEDULER },
};

static struct http_auth auth = {
	.name = "mesos-master", .prefix = "/v2", .rules = areas, .n_rules = ARRAY_SIZE(areas),
};
static char principal[16];

static int gate(void *arg, struct http_request *req, struct err *e)
{
	int r = http_auth_check(arg, req, e);

	(void)snprintf(principal, sizeof(principal), "%s",
		       http_request_principal(req) ? http_request_principal(req) : "-");
	return r;
}

/* YTox is a:1, YToy a:2, "Og==" a colon alone. */
#define AS(code) "Authorization: Basic " code "\r\n"

static const struct {
	const char *request, *headers, *challenge;	/* NULL: let in */
	const char *principal;
} requests[] = {
	{ "GET /hello", "", "mesos-master-readonly", "-" },
	{ "GET /hello", AS("YTox"), NULL, "a" },
	{ "GET /hello", "authorization: bAsIc YTox\r\n", NULL, "a" },
	{ "GET /hello", AS("YToy"), "mesos-master-readonly", "-" },
	{ "GET /hello", AS("Og=="), "mesos-master-readonly", "-" },
	{ "GET /hello", AS(""), "mesos-master-readonly", "-" },
	{ "GET /hello", AS("YTo*"), "mesos-master-readonly", "-" },
	{ "GET /hello", "Authorization: Bearer YTox\r\n", "mesos-master-readonly", "-" },
	{ "HEAD /hello", "", "mesos-master-readonly", "-" },
	{ "GET //hello/", "", "mesos-master-readonly", "-" },
	{ "POST /echo", "Content-Length: 0\r\n", "mesos-master-readwrite", "-" },
	{ "POST /echo", AS("YTox") "Content-Length: 0\r\n", NULL, "a" },
	{ "DELETE /fail", "", "mesos-master-readwrite", "-" },
	{ "GET /query", "", "mesos-master-readwrite", "-" },
	{ "GET /%71uery?x=1", "", "mesos-master-readwrite", "-" },
	{ "GET /v2/apps/x", "", "mesos-master-readwrite", "-" },
	{ "GET /v2/apps/x", AS("YTox"), NULL, "a" },
	/* Open or not closed: nobody is asked, and nobody is believed. */
	{ "GET /peer", "", NULL, "-" },
	{ "GET /peer", AS("YTox"), NULL, "-" },
	{ "GET /one/1/two/2", "", NULL, "-" },
	{ "GET /one/1/two/2", AS("YTox"), NULL, "-" },
};

static void request(size_t row)
{
	char text[512];
	int fd = dial();

	*principal = '\0';
	(void)snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
		       requests[row].request, requests[row].headers);
	ask(fd, text);
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	(void)close(fd);
}

static struct credentials *close_areas(void **state)
{
	struct credentials *credentials;
	struct err e = { 0 };

	write_file("a 1", 0600);
	assert_int_equal(credentials_load(path, &credentials, &e), 0);
	auth.credentials = credentials;
	for (size_t i = 0; i < ARRAY_SIZE(auth.is_closed); i++)
		auth.is_closed[i] = i != HTTP_AREA_SCHEDULER;
	start(state);
	http_server_set_gate(world.server, gate, &auth);
	return credentials;
}

static void areas_are_closed(void **state)
{
	struct credentials *credentials = close_areas(state);

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *challenge = requests[i].challenge;
		char wanted[96] = "";

		request(i);
		if (challenge)
			(void)snprintf(wanted, sizeof(wanted),
				       "WWW-Authenticate: Basic realm=\"%s\"\r\n", challenge);
		if (status_of(world.answer) != (challenge ? 401 : 200) ||
		    !strstr(world.answer, wanted) || strcmp(principal, requests[i].principal) != 0)
			fail_msg("row %zu: %s %s", i, principal, world.answer);
	}
	stop(state);
	credentials_free(credentials);
}

/* Who may not come in is told so while the body is still to come. */
static void the_body_is_not_waited_for(void **state)
{
	struct credentials *credentials = close_areas(state);
	int fd = dial();

	ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 401);
	assert_int_equal(world.n_served, 0);
	(void)close(fd);
	stop(state);
	credentials_free(credentials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_both_forms, make_file, remove_file),
		cmocka_unit_test_setup_teardown(one_is_a_header, make_file, remove_file),
		cmocka_unit_test_setup_teardown(areas_are_closed, make_file, remove_file),
		cmocka_unit_test_setup_teardown(the_body_is_not_waited_for, make_file, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
