#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_origin.h"

static const struct http_origin loopback = { "127.0.0.1:5050", "node1.example", NULL };
static const struct http_origin loopback6 = { "[::1]:5050", "fd00::7", NULL };
static const struct http_origin wide = { "0.0.0.0:5050", "node1.example", NULL };
static const struct http_origin trusting = {
	"127.0.0.1:5050", NULL, "http://ui.example, https://other.example:8443",
};
static const struct http_origin starred = { "127.0.0.1:5050", NULL, "*" };
static const struct http_origin wide6 = { "[fd00::1]:5050", NULL, NULL };

static const struct {
	const struct http_origin *self;
	enum http_method method;
	struct http_origin_headers headers;
	const char *refusal;	/* NULL: let in */
} rows[] = {
	/* Origins that are trusted by name. */
	{ &trusting, HTTP_POST, { "127.0.0.1", "http://ui.example", "cross-site" }, NULL },
	{ &trusting, HTTP_POST, { "127.0.0.1", "https://Other.example:8443", NULL }, NULL },
	{ &trusting, HTTP_POST, { "127.0.0.1", "https://other.example", NULL }, "refuse request of origin" },
	{ &trusting, HTTP_POST, { "127.0.0.1", "http://ui.example.evil", NULL }, "refuse request of origin" },
	{ &trusting, HTTP_POST, { "127.0.0.1", "", NULL }, "refuse request of origin" },
	{ &trusting, HTTP_POST, { "evil.example", "http://ui.example", NULL }, "refuse host" },
	{ &starred, HTTP_POST, { "127.0.0.1", "http://ui.example", NULL }, "refuse request of origin" },
	{ &starred, HTTP_POST, { "127.0.0.1", "*", NULL }, "refuse request of origin" },
	/* Hosts, for any method. */
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "127.0.0.1", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "127.9.9.9:1", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "[::1]:5050", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "LocalHost:5050", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "Node1.Example:5050", NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { NULL, NULL, NULL }, NULL },
	{ &loopback, HTTP_POST, { "evil.example:5050", NULL, NULL },
	  "refuse host 'evil.example:5050': this is 127.0.0.1:5050, name it with --hostname" },
	{ &loopback, HTTP_GET, { "evil.example", NULL, NULL },
	  "refuse host 'evil.example': this is 127.0.0.1:5050, name it with --hostname" },
	{ &loopback, HTTP_OPTIONS, { "evil.example", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "node1.example.evil", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "127.0.0.1.evil.example", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "localhost.evil.example", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "10.0.0.1:5050", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "[fd00::1]:5050", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { ":5050", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "[::1", NULL, NULL }, "refuse host" },
	{ &loopback, HTTP_GET, { "[::1]evil.example", NULL, NULL }, "refuse host" },
	{ &loopback6, HTTP_GET, { "[::1]:5050", NULL, NULL }, NULL },
	{ &loopback6, HTTP_GET, { "[fd00::7]:5050", NULL, NULL }, NULL },
	{ &loopback6, HTTP_GET, { "10.0.0.1", NULL, NULL }, "refuse host" },
	{ &wide, HTTP_POST, { "10.0.0.1:5050", NULL, NULL }, NULL },
	{ &wide, HTTP_POST, { "[fd00::1]:5050", NULL, NULL }, NULL },
	{ &wide, HTTP_POST, { "0.0.0.0:5050", NULL, NULL }, NULL },
	{ &wide, HTTP_POST, { "node1.example:5050", NULL, NULL }, NULL },
	{ &wide, HTTP_GET, { "evil.example:5050", NULL, NULL }, "refuse host" },
	{ &wide6, HTTP_GET, { "[FD00::1]:5050", NULL, NULL }, NULL },
	{ &wide6, HTTP_GET, { "evil.example", NULL, NULL }, "refuse host" },
	/* Origins, where something changes. */
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", "http://127.0.0.1:5050", NULL }, NULL },
	{ &loopback, HTTP_POST, { "LOCALHOST:5050", "http://localhost:5050", NULL }, NULL },
	{ &loopback, HTTP_POST, { "node1.example", "https://node1.example", NULL }, NULL },
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", "http://evil.example", NULL },
	  "refuse request of origin 'http://evil.example': this is '127.0.0.1:5050'" },
	{ &loopback, HTTP_PUT, { "127.0.0.1:5050", "http://127.0.0.1:31000", NULL },
	  "refuse request of origin" },
	{ &loopback, HTTP_DELETE, { "127.0.0.1:5050", "null", NULL }, "refuse request of origin" },
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", "http://\xff\xfe", NULL }, "origin '?'" },
	{ &loopback, HTTP_PATCH, { "127.0.0.1:5050", "", NULL }, "refuse request of origin" },
	{ &loopback, HTTP_POST, { NULL, "http://127.0.0.1:5050", NULL },
	  "refuse request of origin 'http://127.0.0.1:5050': this is '127.0.0.1:5050'" },
	{ &loopback, HTTP_GET, { "127.0.0.1:5050", "http://evil.example", NULL }, NULL },
	/* What the browser says of the page. */
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", NULL, "none" }, NULL },
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", "http://127.0.0.1:5050", "same-origin" }, NULL },
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", NULL, "cross-site" },
	  "refuse request of another site: its Sec-Fetch-Site is 'cross-site'" },
	{ &loopback, HTTP_DELETE, { "127.0.0.1:5050", NULL, "same-site" }, "another site" },
	{ &loopback, HTTP_POST, { "127.0.0.1:5050", NULL, "" }, "another site" },
	{ &loopback, HTTP_GET, { "127.0.0.1:5050", NULL, "cross-site" }, NULL },
	{ &loopback, HTTP_HEAD, { "127.0.0.1:5050", "null", "cross-site" }, NULL },
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };
		int r = http_origin_judge(rows[i].self, rows[i].method, &rows[i].headers, &e);

		if (r != (rows[i].refusal ? -EPERM : 0) ||
		    (rows[i].refusal && !strstr(e.msg, rows[i].refusal)))
			fail_msg("row %zu: %d '%s'", i, r, e.msg);
	}
}

static void test_a_long_host_fits_the_sentence(void **state)
{
	char host[8192];
	struct http_origin_headers headers = { .host = host };
	struct err e = { 0 };

	(void)state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	assert_int_equal(http_origin_judge(&loopback, HTTP_GET, &headers, &e), -EPERM);
	assert_non_null(strstr(e.msg, "name it with --hostname"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_a_long_host_fits_the_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
