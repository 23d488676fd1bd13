#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/http_parser.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"

/* Bytes with their size, because some have a NUL within. */
#define BYTES(text) (text), sizeof(text) - 1

/* One row for every form in reference/reliability.md 3.2; DONE means the whole head. */
enum { DONE = 1 };

static const struct {
	const char *data;
	size_t size;
	int r;
} requests[] = {
	/* Content-Length with Transfer-Encoding, in either order. */
	{ BYTES(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), -400 },
	/* Lengths. */
	{ BYTES(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 0, 0\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: +5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 0x5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 5 5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: \r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length:\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: -1\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 05\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 5;\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length:\t5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length : 5\r\n\r\n"), -400 },
	{ BYTES(POST "Content-Length: 9223372036854775807\r\n\r\n"), DONE },
	{ BYTES(POST "Content-Length: 18446744073709551616\r\n\r\n"), DONE },
	{ BYTES(POST "Content-Length: 0\r\n\r\n"), DONE },
	/* Codings. */
	{ BYTES(POST "Transfer-Encoding: chunked\r\n\r\n"), DONE },
	{ BYTES(POST "transfer-encoding: CHUNKED\r\n\r\n"), DONE },
	{ BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n"), -501 },
	{ BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), -501 },
	{ BYTES(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), -501 },
	{ BYTES(POST "Transfer-Encoding: identity\r\n\r\n"), -501 },
	{ BYTES(POST "Transfer-Encoding:\r\n\r\n"), -501 },
	{ BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding : chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding:\tchunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding: chunked\t\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding:\x0b" "chunked\r\n\r\n"), -400 },
	{ BYTES(POST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), -400 },
	{ BYTES(POST "Transfer-Encoding: chunked\r\n\tx\r\n\r\n"), -400 },
	{ BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), -400 },
	/* Line ends, NUL, names, white space. */
	{ BYTES("GET / HTTP/1.1\nHost: x\n\n"), -400 },
	{ BYTES(GET "X: a\nY: b\r\n\r\n"), -400 },
	{ BYTES(GET "X: a\rY: b\r\n\r\n"), -400 },
	{ BYTES(GET "X: a\r\r\n\r\n"), -400 },
	{ BYTES(GET "\n"), -400 },
	{ BYTES(GET "X: a\0b\r\n\r\n"), -400 },
	{ BYTES(GET "X: a\x01" "b\r\n\r\n"), -400 },
	{ BYTES(GET "X: a\x7f\r\n\r\n"), -400 },
	{ BYTES("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES(GET ": empty name\r\n\r\n"), -400 },
	{ BYTES(GET "no colon\r\n\r\n"), -400 },
	{ BYTES(GET "nocolon\r\n\r\n"), -400 },
	{ BYTES(GET "X : y\r\n\r\n"), -400 },
	{ BYTES(GET "X\t: y\r\n\r\n"), -400 },
	{ BYTES(GET "X(: y\r\n\r\n"), -400 },
	{ BYTES(GET "X\xc3\xa9: y\r\n\r\n"), -400 },
	{ BYTES(" GET / HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), -400 },
	{ BYTES("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET /  HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / a HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES(GET "X: \ty z\t \r\n\r\n"), DONE },
	{ BYTES(GET "X: caf\xc3\xa9\r\n\r\n"), DONE },
	{ BYTES(GET "X:\r\n\r\n"), DONE },
	/* Hosts and targets. */
	{ BYTES("GET / HTTP/1.1\r\n\r\n"), -400 },
	{ BYTES(GET "Host: y\r\n\r\n"), -400 },
	{ BYTES(GET "host: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\nHost: x, y\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.1\r\nHost: [::1]:5050\r\n\r\n"), DONE },
	{ BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), DONE },
	{ BYTES("GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET foo HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET * HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"), -405 },
	{ BYTES("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"), -405 },
	{ BYTES("GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET //etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"), DONE },
	{ BYTES("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"), DONE },
	/* Methods, versions, expectations, bodies. */
	{ BYTES("get / HTTP/1.1\r\nHost: x\r\n\r\n"), -405 },
	{ BYTES("GETT / HTTP/1.1\r\nHost: x\r\n\r\n"), -405 },
	{ BYTES("GET /\r\n"), -400 },
	{ BYTES("GET / HTTP/0.9\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/9.9\r\nHost: x\r\n\r\n"), -505 },
	{ BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), -505 },
	{ BYTES("GET / HTTP/1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.10\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/11\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.x\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / http/1.1\r\nHost: x\r\n\r\n"), -400 },
	{ BYTES("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), DONE },
	{ BYTES("GET / HTTP/1.0\r\n\r\n"), DONE },
	{ BYTES(POST "Expect: junk\r\n\r\n"), -417 },
	{ BYTES(POST "Expect: 100-continue, junk\r\n\r\n"), -417 },
	{ BYTES(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), DONE },
	{ BYTES(GET "Content-Length: 5\r\n\r\n"), DONE },
	{ BYTES(GET "Transfer-Encoding: chunked\r\n\r\n"), -400 },
	{ BYTES(GET "Content-Length: 0\r\n\r\n"), DONE },
	{ BYTES("DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"), DONE },
	/* Other protocols. */
	{ BYTES("\x16\x03\x01\x02\x00\x01"), -400 },
	{ BYTES("SSH-2.0-OpenSSH_9.2\r\n"), -400 },
	/* Not there yet. */
	{ BYTES(""), 0 },
	{ BYTES("G"), 0 },
	{ BYTES("GET / HTTP/1.1\r"), 0 },
	{ BYTES(GET), 0 },
	{ BYTES(GET "\r"), 0 },
	{ BYTES(GET "X: y\r\n"), 0 },
};

static void test_every_listed_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct http_head head;
		/* A copy of exactly that size: a read beyond it is an error of its own. */
		char *copy = malloc(requests[i].size + 1);
		int r, expected = requests[i].r == DONE ? (int)requests[i].size : requests[i].r;

		assert_non_null(copy);
		copy = realloc(copy, requests[i].size ? requests[i].size : 1);
		assert_non_null(copy);
		memcpy(copy, requests[i].data, requests[i].size);
		r = http_parse_request(copy, requests[i].size, &head);
		if (r != expected)
			fail_msg("'%s' gave %d, not %d", requests[i].data, r, expected);
		free(copy);
	}
}

/* No prefix of a sound request is refused, and none is taken for the whole. */
static void test_prefixes_need_more(void **state)
{
	static const char request[] = POST "Content-Length: 12\r\nX-Y: z\r\n\r\n";
	struct http_head head;

	(void)state;
	for (size_t n = 0; n < sizeof(request) - 1; n++)
		assert_int_equal(http_parse_request(request, n, &head), 0);
	assert_int_equal(http_parse_request(request, sizeof(request) - 1, &head),
			 sizeof(request) - 1);
}

static void test_what_is_in_a_head(void **state)
{
	static const char request[] = "PUT /v2/apps/a?force=true HTTP/1.1\r\nhOsT:x\r\n"
				      "Content-Length: 12\r\nX-Y:  z \r\nEmpty:\r\n\r\nbody";
	const struct http_header *header;
	struct http_head head;

	(void)state;
	assert_int_equal(http_parse_request(request, sizeof(request) - 1, &head),
			 sizeof(request) - 1 - 4);
	assert_int_equal(head.method, HTTP_PUT);
	assert_int_equal(head.target.size, strlen("/v2/apps/a?force=true"));
	assert_memory_equal(head.target.data, "/v2/apps/a?force=true", head.target.size);
	assert_int_equal(head.minor_version, 1);
	assert_true(head.has_length);
	assert_int_equal(head.length, 12);
	assert_false(head.is_chunked);
	assert_true(head.keep_alive);
	assert_int_equal(head.n_headers, 4);
	header = http_head_find(&head, "x-y");
	assert_non_null(header);
	assert_int_equal(header->value.size, 1);
	assert_int_equal(header->value.data[0], 'z');
	header = http_head_find(&head, "EMPTY");
	assert_non_null(header);
	assert_int_equal(header->value.size, 0);
	assert_null(http_head_find(&head, "X"));
}

static void test_keep_alive(void **state)
{
	static const struct {
		const char *request;
		bool keep_alive;
	} rows[] = {
		{ GET "\r\n", true },
		{ GET "Connection: close\r\n\r\n", false },
		{ GET "Connection: Keep-Alive, CLOSE\r\n\r\n", false },
		{ GET "Connection: foo ,\tclose\r\n\r\n", false },
		{ GET "Connection: closed\r\n\r\n", true },
		{ GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_head head;

		assert_true(http_parse_request(rows[i].request, strlen(rows[i].request), &head) > 0);
		assert_int_equal(head.keep_alive, rows[i].keep_alive);
	}
}

static void test_bounds_of_a_head(void **state)
{
	char *text = malloc(10 << 20);
	struct http_head head;
	size_t n;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 10 << 20);

	/* A target of exactly the bound, and one byte more. */
	memcpy(text, "GET /", 5);
	n = 4 + HTTP_MAX_TARGET;
	memcpy(text + n, " HTTP/1.1\r\nHost: x\r\n\r\n", 22);
	assert_int_equal(http_parse_request(text, n + 22, &head), n + 22);
	text[n] = 'a';
	memcpy(text + n + 1, " HTTP/1.1\r\nHost: x\r\n\r\n", 22);
	assert_int_equal(http_parse_request(text, n + 23, &head), -414);
	memset(text + 5, 'a', 64 << 10);
	assert_int_equal(http_parse_request(text, 64 << 10, &head), -414);

	/* A head of exactly the bound, and one byte more; one header of 8 MB. */
	n = sizeof(GET "X: ") - 1;
	memcpy(text, GET "X: ", n);
	memset(text + n, 'a', 10 << 10);
	memcpy(text + HTTP_MAX_HEAD - 4, "\r\n\r\n", 4);
	memset(text + n, 'a', HTTP_MAX_HEAD - 4 - n);
	assert_int_equal(http_parse_request(text, HTTP_MAX_HEAD, &head), HTTP_MAX_HEAD);
	text[HTTP_MAX_HEAD - 4] = 'a';
	memcpy(text + HTTP_MAX_HEAD - 3, "\r\n\r\n", 4);
	assert_int_equal(http_parse_request(text, HTTP_MAX_HEAD + 1, &head), -431);
	memset(text + n, 'a', 8 << 20);
	assert_int_equal(http_parse_request(text, 8 << 20, &head), -431);

	/* As many headers as there may be, and one more; 20,000. */
	n = sizeof(GET) - 1;
	for (int i = 1; i < HTTP_MAX_HEADERS; i++, n += 6)
		memcpy(text + n, "a: b\r\n", 6);
	memcpy(text + n, "\r\n", 2);
	assert_int_equal(http_parse_request(text, n + 2, &head), n + 2);
	assert_int_equal(head.n_headers, HTTP_MAX_HEADERS);
	for (int i = 0; i < 20000; i++, n += 6)
		memcpy(text + n, "a: b\r\n", 6);
	assert_int_equal(http_parse_request(text, n, &head), -431);
	free(text);
}

static const struct {
	const char *data;
	size_t size;
	int r;
	int status;
} responses[] = {
	{ BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), DONE, 200 },
	{ BYTES("HTTP/1.1 200 \r\n\r\n"), DONE, 200 },
	{ BYTES("HTTP/1.1 204\r\n\r\n"), DONE, 204 },
	{ BYTES("HTTP/1.0 404 Not Found\r\nServer: y\r\n\r\n"), DONE, 404 },
	{ BYTES("HTTP/1.1 200 caf\xc3\xa9\r\nTransfer-Encoding: chunked\r\n\r\n"), DONE, 200 },
	{ BYTES("HTTP/1.1 200 OK\r\n"), 0, 0 },
	{ BYTES("HTT"), 0, 0 },
	{ BYTES("HTTP/2.0 200 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 20 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 2000 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 099 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 600 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1  200 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 200 O\x01K\r\n\r\n"), -400, 0 },
	{ BYTES("ICY 200 OK\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 200 OK\nServer: y\n\n"), -400, 0 },
	{ BYTES("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), -400, 0 },
	{ BYTES("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), -400, 0 },
};

static void test_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(responses); i++) {
		struct http_head head;
		int r = http_parse_response(responses[i].data, responses[i].size, &head);
		int expected = responses[i].r == DONE ? (int)responses[i].size : responses[i].r;

		if (r != expected)
			fail_msg("'%s' gave %d, not %d", responses[i].data, r, expected);
		if (r > 0)
			assert_int_equal(head.status, responses[i].status);
	}
}

static const struct {
	const char *data;
	int r;
	const char *payload;
	const char *rest;
} bodies[] = {
	{ "5\r\nhello\r\n0\r\n\r\nGET", 1, "hello", "GET" },
	{ "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", 1, "abc0123456789", "" },
	{ "a\r\n0123456789\r\n000\r\n\r\n", 1, "0123456789", "" },
	{ "00000005\r\nhello\r\n0\r\n\r\n", 1, "hello", "" },
	{ "0\r\n\r\n", 1, "", "" },
	{ "5\r\nhel", 0, "hel", "" },
	{ "5", 0, "", "" },
	{ "0\r\n\r", 0, "", "" },
	{ "5;a=b\r\nhello\r\n", -400, "", NULL },
	{ "0x5\r\nhello\r\n", -400, "", NULL },
	{ "+5\r\nhello\r\n", -400, "", NULL },
	{ " 5\r\nhello\r\n", -400, "", NULL },
	{ "5 \r\nhello\r\n", -400, "", NULL },
	{ "-5\r\nhello\r\n", -400, "", NULL },
	{ "5\nhello\n0\n\n", -400, "", NULL },
	{ "5\rhello", -400, "", NULL },
	{ "\r\n", -400, "", NULL },
	{ "g\r\n", -400, "", NULL },
	{ "5\r\nhelloX", -400, "hello", NULL },
	{ "5\r\nhello\n", -400, "hello", NULL },
	{ "5\r\nhello\rX", -400, "hello", NULL },
	{ "000000005\r\nhello\r\n", -400, "", NULL },
	{ "FFFFFFFFFFFFFFFF\r\n", -400, "", NULL },
	{ "0\r\nTrailer: x\r\n\r\n", -400, "", NULL },
	{ "0\r\n\rX", -400, "", NULL },
	{ "0\r\n\n", -400, "", NULL },
};

/* Feed DATA in pieces of STEP bytes; PAYLOAD gets what comes out.  Returns the decoder's last word. */
static int feed(const char *data, size_t step, char *payload, size_t *ret_used)
{
	struct http_chunks chunks = { 0 };
	size_t at = 0, size = strlen(data), end;
	int r = 0;

	for (end = 0; end < size && r == 0;) {
		end = end + step < size ? end + step : size;
		while (at < end && r == 0) {
			struct http_text piece;
			size_t used = 0;

			r = http_chunks_feed(&chunks, data + at, end - at, &used, &piece);
			memcpy(payload, piece.data, piece.size);
			payload += piece.size;
			assert_true(used <= end - at);
			at += used;
			if (used == 0 && r == 0)
				break;
		}
	}
	*payload = '\0';
	*ret_used = at;
	return r;
}

static void test_chunks_in_any_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		for (size_t step = 1; step <= strlen(bodies[i].data); step++) {
			char payload[64];
			size_t used = 0;
			int r = feed(bodies[i].data, step, payload, &used);

			if (r != bodies[i].r)
				fail_msg("'%s' gave %d, not %d", bodies[i].data, r, bodies[i].r);
			assert_string_equal(payload, bodies[i].payload);
			if (bodies[i].rest)
				assert_string_equal(bodies[i].data + used, bodies[i].rest);
		}
	}
}

static void test_chunks_stay_bad(void **state)
{
	struct http_chunks chunks = { 0 };
	struct http_text piece;
	size_t used = 0;

	(void)state;
	assert_int_equal(http_chunks_feed(&chunks, "x", 1, &used, &piece), -400);
	assert_int_equal(http_chunks_feed(&chunks, "5\r\n", 3, &used, &piece), -400);
	assert_int_equal(used, 0);
}

static const struct {
	const char *data;
	enum http_code code;
	int r;
	const char *text;
} codes[] = {
	{ "", HTTP_CODE_PATH, 0, "" },
	{ "a+b", HTTP_CODE_PATH, 3, "a+b" },
	{ "a+b", HTTP_CODE_QUERY, 3, "a b" },
	{ "%41%2f%2B", HTTP_CODE_PATH, 3, "A/+" },
	{ "%2541", HTTP_CODE_PATH, 3, "%41" },
	{ "caf%C3%A9", HTTP_CODE_PATH, 5, "caf\xc3\xa9" },
	{ "%", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%4", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%4g", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%zz", HTTP_CODE_PATH, -EINVAL, "" },
	{ "a%00b", HTTP_CODE_PATH, -EINVAL, "" },
	{ "a%0ab", HTTP_CODE_QUERY, -EINVAL, "" },
	{ "%7f", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%ff", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%c0%af", HTTP_CODE_PATH, -EINVAL, "" },
	{ "%ed%a0%80", HTTP_CODE_PATH, -EINVAL, "" },
	{ "a\tb", HTTP_CODE_PATH, -EINVAL, "" },
	{ "a\tb", HTTP_CODE_QUERY, -EINVAL, "" },
	{ "[\n\t1,+%7B%0d%0A]", HTTP_CODE_FORM, 10, "[\n\t1, {\r\n]" },
	{ "a%00b", HTTP_CODE_FORM, -EINVAL, "" },
	{ "a%1b", HTTP_CODE_FORM, -EINVAL, "" },
};

static void test_decoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		size_t size = strlen(codes[i].data);
		char *text = malloc(size + 1);
		int r;

		assert_non_null(text);
		r = http_decode(codes[i].data, size, codes[i].code, text);
		if (r != codes[i].r)
			fail_msg("'%s' gave %d, not %d", codes[i].data, r, codes[i].r);
		if (r >= 0)
			assert_string_equal(text, codes[i].text);
		free(text);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(http_method_name(HTTP_PATCH), "PATCH");
	assert_string_equal(http_method_name(N_HTTP_METHODS), "UNKNOWN");
	assert_string_equal(http_status_text(431), "Request Header Fields Too Large");
	assert_string_equal(http_status_text(799), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_listed_request),
		cmocka_unit_test(test_prefixes_need_more),
		cmocka_unit_test(test_what_is_in_a_head),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_bounds_of_a_head),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_chunks_in_any_split),
		cmocka_unit_test(test_chunks_stay_bad),
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
