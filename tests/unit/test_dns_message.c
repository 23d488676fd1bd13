#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/dns_message.h"

/* As octets: their number and a string with escapes. */
#define BYTES(text) (text), sizeof(text) - 1

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void assert_name(const struct dns_name *name, const char *text)
{
	char found[DNS_NAME_TEXT_SIZE];

	dns_name_format(name, found);
	assert_string_equal(found, text);
}

/* ---- names ---- */

static void test_names_as_text(void **state)
{
	static const struct {
		const char *text, *shown;	/* NULL: refused */
	} rows[] = {
		{ "web.marathon.mesos", "web.marathon.mesos." },
		{ "Web.Mesos.", "Web.Mesos." },
		{ "_http._tcp.x", "_http._tcp.x." },
		{ "", "." },
		{ ".", "." },
		{ "a b!", "a\\032b\\033." },
		{ "a..b", NULL },
		{ ".a", NULL },
		{ "a..", NULL },
		{ "a\\.b", NULL },
		{ "123456789012345678901234567890123456789012345678901234567890123.x",
		  "123456789012345678901234567890123456789012345678901234567890123.x." },
		{ "1234567890123456789012345678901234567890123456789012345678901234.x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dns_name name;
		int r = dns_name_parse(rows[i].text, &name);

		assert_int_equal(r, rows[i].shown ? 0 : -EINVAL);
		if (rows[i].shown)
			assert_name(&name, rows[i].shown);
	}
}

static void test_a_name_of_300_characters_is_none(void **state)
{
	char text[302] = { 0 };
	struct dns_name name;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		text[i] = i % 10 == 9 ? '.' : 'a';
	assert_int_equal(dns_name_parse(text, &name), -EINVAL);
	text[253] = '\0';
	assert_int_equal(dns_name_parse(text, &name), 0);
	assert_int_equal(name.size, DNS_MAX_NAME);
	text[253] = 'a';
	text[254] = '\0';
	assert_int_equal(dns_name_parse(text, &name), -EINVAL);
}

static void test_parts_of_names(void **state)
{
	struct dns_name domain = name_of("mesos"), name = name_of("web.Marathon.MESOS"), joined;
	struct dns_name other = name_of("web.amesos"), root = name_of("");
	struct in6_addr v6;
	struct in_addr v4;

	(void)state;
	assert_int_equal(dns_name_split(&name, &domain), 13);
	assert_int_equal(dns_name_split(&domain, &domain), 0);
	assert_int_equal(dns_name_split(&name, &root), name.size - 1);
	assert_int_equal(dns_name_split(&other, &domain), -ENOENT);
	assert_int_equal(dns_name_split(&domain, &name), -ENOENT);
	other = name_of("_tcp");
	assert_int_equal(dns_name_join(&other, &name, 4, &joined), 0);
	assert_name(&joined, "_tcp.Marathon.MESOS.");
	dns_name_lower(&joined);
	assert_name(&joined, "_tcp.marathon.mesos.");
	assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &v4), 1);
	dns_name_reverse(AF_INET, &v4, &joined);
	assert_name(&joined, "3.2.1.10.in-addr.arpa.");
	assert_int_equal(inet_pton(AF_INET6, "fd00::12:1", &v6), 1);
	dns_name_reverse(AF_INET6, &v6, &joined);
	assert_name(&joined, "1.0.0.0.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.");
}

/* ---- queries ---- */

#define HEAD "\x12\x34\x01\x00"
#define WEB  "\x03web\x05mesos\x00\x00\x01\x00\x01"
#define OPT(size, version, flags) "\x00\x00\x29" size "\x00" version flags

static const struct {
	const char *bytes;
	size_t size;
	int verdict;
} queries[] = {
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00" WEB), 0 },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB OPT("\x10\x00", "\x00", "\x80\x00") "\x00\x00"), 0 },
	/* An option, sound and not. */
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB OPT("\x10\x00", "\x00", "\x00\x00")
		"\x00\x06\x00\x0a\x00\x02\x01\x02"), 0 },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB OPT("\x10\x00", "\x00", "\x00\x00")
		"\x00\x06\x00\x0a\x00\x03\x01\x02"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB OPT("\x10\x00", "\x01", "\x00\x00") "\x00\x00"), DNS_BADVERS },
	/* Two of them; one that has a name. */
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x02" WEB OPT("\x10\x00", "\x00", "\x00\x00") "\x00\x00"
		OPT("\x10\x00", "\x00", "\x00\x00") "\x00\x00"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB "\x01x" OPT("\x10\x00", "\x00", "\x00\x00") "\x00\x00"), DNS_FORMERR },
	/* No head, and none for us. */
	{ BYTES(""), -EBADMSG },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00"), -EBADMSG },
	{ BYTES("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" WEB), -EBADMSG },
	/* Opcodes: STATUS, NOTIFY, UPDATE. */
	{ BYTES("\x12\x34\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00" WEB), DNS_NOTIMP },
	{ BYTES("\x12\x34\x20\x00\x00\x01\x00\x00\x00\x00\x00\x00" WEB), DNS_NOTIMP },
	{ BYTES("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00" WEB), DNS_NOTIMP },
	/* Counts. */
	{ BYTES(HEAD "\x00\x00\x00\x00\x00\x00\x00\x00"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x02\x00\x00\x00\x00\x00\x00" WEB WEB), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x01\x00\x00\x00\x00" WEB), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x01\x00\x00" WEB), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x01" WEB), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\xff\xff" WEB), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00" WEB "x"), DNS_FORMERR },
	/* Names: a pointer, to itself too; what is neither length nor pointer; no end. */
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x01x\xc0\x0c\x00\x01\x00\x01"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x40x\x00\x00\x01\x00\x01"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x3fweb"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x03web"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"), DNS_FORMERR },
	/* Types and classes: AXFR, TKEY, OPT, CH. */
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xfc\x00\x01"), DNS_NOTIMP },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xf9\x00\x01"), DNS_NOTIMP },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x29\x00\x01"), DNS_FORMERR },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x03"), DNS_REFUSED },
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\x00\x01"), 0 },
	/* Of a type that nobody knows (RFC 3597). */
	{ BYTES(HEAD "\x00\x01\x00\x00\x00\x00\x00\x00\x00\xfe\x12\x00\x01"), 0 },
};

static void test_queries_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		/* Exactly as long, so that a read beyond is seen. */
		uint8_t *copy = malloc(queries[i].size + !queries[i].size);
		struct dns_query query;
		int verdict;

		memcpy(copy, queries[i].bytes, queries[i].size);
		verdict = dns_query_parse(copy, queries[i].size, &query);
		if (verdict != queries[i].verdict)
			fail_msg("query %zu: %d instead of %d", i, verdict, queries[i].verdict);
		free(copy);
	}
}

static void test_what_a_query_says(void **state)
{
	struct dns_query query;

	(void)state;
	assert_int_equal(dns_query_parse(queries[0].bytes, queries[0].size, &query), 0);
	assert_int_equal(query.id, 0x1234);
	assert_name(&query.name, "web.mesos.");
	assert_int_equal(query.type, DNS_A);
	assert_true(dns_query_wants_recursion(&query));
	assert_false(query.has_edns);
	assert_int_equal(query.udp_size, DNS_PLAIN_UDP);
	assert_int_equal(dns_query_parse(queries[1].bytes, queries[1].size, &query), 0);
	assert_true(query.has_edns);
	assert_true(query.wants_dnssec);
	assert_int_equal(query.udp_size, 4096);
}

/* What we ask others is what we would take ourselves. */
static void test_queries_written_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		struct dns_query query, again;
		uint8_t data[DNS_PLAIN_UDP];
		size_t size;

		if (dns_query_parse(queries[i].bytes, queries[i].size, &query) != 0)
			continue;
		size = dns_query_write(&query, 0xbeef, data);
		assert_int_equal(dns_query_parse(data, size, &again), 0);
		assert_int_equal(again.id, 0xbeef);
		assert_int_equal(again.type, query.type);
		assert_int_equal(again.has_edns, query.has_edns);
		assert_int_equal(again.wants_dnssec, query.wants_dnssec);
		assert_memory_equal(&again.name, &query.name, sizeof(query.name));
	}
}

/* ---- replies ---- */

static struct dns_query ask(const char *name, uint16_t type)
{
	return (struct dns_query){ .id = 7, .flags = 0x0100, .name = name_of(name), .type = type,
				   .class = DNS_CLASS_IN, .has_question = true,
				   .udp_size = DNS_PLAIN_UDP };
}

static void test_names_of_a_reply_are_compressed(void **state)
{
	static const char wanted[] =
		"\x00\x07\x85\x80\x00\x01\x00\x02\x00\x01\x00\x01" "\x03Web\x05mesos\x00\x00\x21\x00\x01"
		/* The question's name in its case, and a target that is never compressed. */
		"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00\x14\x00\x00\x00\x01\x1f\x90\x06web-s0\x05mesos\x00"
		"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x05\x00\x05\x02ns\xc0\x10"
		"\xc0\x10\x00\x06\x00\x01\x00\x00\x00\x05\x00\x1e\xc0\x47\x05" "admin\xc0\x10"
		"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05"
		/* OPT. */
		"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
	struct dns_query query = ask("Web.mesos", DNS_SRV);
	struct dns_name target = name_of("web-s0.mesos"), domain = name_of("mesos");
	struct dns_name server = name_of("ns.mesos"), mailbox = name_of("admin.mesos");
	struct dns_record srv = { .owner = &query.name, .type = DNS_SRV, .ttl = 5,
				  .srv = { 0, 1, 8080, &target } };
	struct dns_record ptr = { .owner = &query.name, .type = DNS_PTR, .ttl = 5, .target = &server };
	struct dns_record soa = { .owner = &domain, .type = DNS_SOA, .ttl = 5,
				  .soa = { &server, &mailbox, 1, 2, 3, 4, 5 } };
	uint8_t data[DNS_PLAIN_UDP];
	struct dns_reply reply;

	(void)state;
	query.has_edns = true;
	dns_reply_begin(&reply, &query, DNS_AUTHORITATIVE | DNS_RECURSES, data, sizeof(data));
	assert_true(dns_reply_add(&reply, DNS_ANSWER, &srv));
	assert_true(dns_reply_add(&reply, DNS_ANSWER, &ptr));
	assert_true(dns_reply_add(&reply, DNS_AUTHORITY, &soa));
	assert_int_equal(dns_reply_end(&reply, DNS_NOERROR), sizeof(wanted) - 1);
	assert_memory_equal(data, wanted, sizeof(wanted) - 1);
}

static void test_a_reply_that_is_too_long_is_cut_between_records(void **state)
{
	struct dns_query query = ask("web.mesos", DNS_A);
	struct dns_record a = { .owner = &query.name, .type = DNS_A, .ttl = 5 };
	uint8_t data[DNS_PLAIN_UDP];
	struct dns_answer answer;
	struct dns_reply reply;
	unsigned n = 0;
	size_t size;

	(void)state;
	query.has_edns = true;
	dns_reply_begin(&reply, &query, 0, data, sizeof(data));
	while (dns_reply_add(&reply, DNS_ANSWER, &a))
		n++;
	size = dns_reply_end(&reply, DNS_NOERROR);
	/* 512 less the head, the question and OPT, by 16 for each. */
	assert_int_equal(n, (512 - 12 - 15 - 11) / 16);
	assert_true(size <= sizeof(data));
	assert_int_equal(data[7], n);
	assert_int_equal(dns_answer_parse(data, size, &query, 7, &answer), 0);
	assert_true(answer.is_truncated);
}

static void test_refusals_repeat_what_they_understood(void **state)
{
	struct dns_query query;
	uint8_t data[DNS_PLAIN_UDP];
	struct dns_reply reply;

	(void)state;
	/* An UPDATE: nothing but its head. */
	assert_int_equal(dns_query_parse("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12,
					 &query), DNS_NOTIMP);
	dns_reply_begin(&reply, &query, 0, data, sizeof(data));
	assert_int_equal(dns_reply_end(&reply, DNS_NOTIMP), DNS_HEADER_SIZE);
	assert_memory_equal(data, "\x12\x34\xa9\x04\x00\x00\x00\x00\x00\x00\x00\x00", 12);
	/* The upper bits of BADVERS are in the OPT record. */
	query = ask("x", DNS_A);
	query.has_edns = true;
	dns_reply_begin(&reply, &query, 0, data, sizeof(data));
	assert_int_equal(dns_reply_end(&reply, DNS_BADVERS), 12 + 7 + 11);
	assert_int_equal(data[3] & 15, 0);
	assert_int_equal(data[12 + 7 + 5], 1);
}

/* ---- answers of others ---- */

#define ANSWER_HEAD(flags, answers, authorities) "\x00\x07" flags "\x00\x01" answers authorities "\x00\x00"
#define ASKED "\x03WEB\x05mesos\x00\x00\x01\x00\x01"
#define A_RECORD(owner, ttl) owner "\x00\x01\x00\x01" ttl "\x00\x04\x0a\x00\x00\x01"
#define SOA_RECORD(ttl, minimum) \
	"\xc0\x10\x00\x06\x00\x01" ttl "\x00\x18\x01n\x00\x00" \
	"\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01" minimum

static const struct {
	const char *bytes;
	size_t size;
	int r;
	uint32_t ttl;
} answers[] = {
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x02", "\x00\x00") ASKED A_RECORD("\xc0\x0c", "\x00\x00\x00\x3c")
		A_RECORD("\xc0\x0c", "\x00\x00\x00\x1e")), 0, 30 },
	/* A TTL of more than 31 bits is none. */
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x01", "\x00\x00") ASKED A_RECORD("\xc0\x0c", "\x80\x00\x00\x3c")), 0, 0 },
	/* Negative: the SOA's TTL, or its last field, whichever is less; without one it is not kept. */
	{ BYTES(ANSWER_HEAD("\x81\x83", "\x00\x00", "\x00\x01") ASKED SOA_RECORD("\x00\x00\x00\x3c", "\x00\x00\x00\x0a")), 0, 10 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x00", "\x00\x01") ASKED SOA_RECORD("\x00\x00\x00\x05", "\x00\x00\x00\x0a")), 0, 5 },
	{ BYTES(ANSWER_HEAD("\x81\x83", "\x00\x00", "\x00\x00") ASKED), 0, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x82", "\x00\x00", "\x00\x01") ASKED SOA_RECORD("\x00\x00\x00\x3c", "\x00\x00\x00\x0a")), 0, 0 },
	/* Another id, another question, a query. */
	{ BYTES("\x00\x08\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" ASKED), -ENOMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x00", "\x00\x00") "\x03wex\x05mesos\x00\x00\x01\x00\x01"), -ENOMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x00", "\x00\x00") "\x03web\x05mesos\x00\x00\x1c\x00\x01"), -ENOMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x01\x80", "\x00\x00", "\x00\x00") ASKED), -ENOMSG, 0 },
	/* Pointers: to themselves, forwards, into the head. */
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x01", "\x00\x00") ASKED A_RECORD("\xc0\x1b", "\x00\x00\x00\x3c")), -EBADMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x01", "\x00\x00") ASKED A_RECORD("\xc0\x20", "\x00\x00\x00\x3c")), -EBADMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x01", "\x00\x00") ASKED A_RECORD("\xc0\x05", "\x00\x00\x00\x3c")), -EBADMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x01", "\x00\x00") ASKED A_RECORD("\x01x\xc0\x1b", "\x00\x00\x00\x3c")), -EBADMSG, 0 },
	/* More promised than there, more there than promised. */
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x02", "\x00\x00") ASKED A_RECORD("\xc0\x0c", "\x00\x00\x00\x3c")), -EBADMSG, 0 },
	{ BYTES(ANSWER_HEAD("\x81\x80", "\x00\x00", "\x00\x00") ASKED "x"), -EBADMSG, 0 },
};

static void test_answers_of_others(void **state)
{
	struct dns_query query = ask("web.mesos", DNS_A);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		uint8_t *copy = malloc(answers[i].size);
		struct dns_answer answer;
		int r;

		memcpy(copy, answers[i].bytes, answers[i].size);
		r = dns_answer_parse(copy, answers[i].size, &query, 7, &answer);
		if (r != answers[i].r || (r == 0 && answer.ttl != answers[i].ttl))
			fail_msg("answer %zu: %d, ttl %u", i, r, r == 0 ? answer.ttl : 0);
		free(copy);
	}
}

static void test_an_answer_is_told_again_as_it_was_asked(void **state)
{
	struct dns_query query = ask("wEb.meSos", DNS_A);
	uint8_t data[128];

	(void)state;
	query.id = 0x0909;
	query.flags = 0;
	memcpy(data, answers[0].bytes, answers[0].size);
	dns_answer_adopt(data, answers[0].size, &query, 10, 50);
	assert_memory_equal(data, "\x09\x09\x80\x80", 4);
	assert_memory_equal(data + 12, "\x03wEb\x05meSos\x00", 11);
	/* The least of 60 and 50, less 10; and 30 less 10. */
	assert_memory_equal(data + 27, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x28", 10);
	assert_memory_equal(data + 43, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x14", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_as_text),
		cmocka_unit_test(test_a_name_of_300_characters_is_none),
		cmocka_unit_test(test_parts_of_names),
		cmocka_unit_test(test_queries_are_read_strictly),
		cmocka_unit_test(test_what_a_query_says),
		cmocka_unit_test(test_queries_written_are_read),
		cmocka_unit_test(test_names_of_a_reply_are_compressed),
		cmocka_unit_test(test_a_reply_that_is_too_long_is_cut_between_records),
		cmocka_unit_test(test_refusals_repeat_what_they_understood),
		cmocka_unit_test(test_answers_of_others),
		cmocka_unit_test(test_an_answer_is_told_again_as_it_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
