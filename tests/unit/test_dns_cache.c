#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/names_config.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/dns_cache.h"
#include "net/dns_message.h"

static struct dns_query ask(const char *name, uint16_t type)
{
	struct dns_query query = { .type = type, .class = DNS_CLASS_IN };

	assert_int_equal(dns_name_parse(name, &query.name), 0);
	return query;
}

static const char *get(struct dns_cache *cache, const struct dns_query *query, int64_t now_ms,
		       uint32_t *ret_age)
{
	size_t size;

	return dns_cache_get(cache, query, now_ms, &size, ret_age);
}

static void test_answers_hold_for_their_time(void **state)
{
	struct dns_cache *cache = dns_cache_new(4);
	struct dns_query query = ask("web.example", DNS_A), other = ask("WEB.Example", DNS_A);
	uint32_t age = 0;

	(void)state;
	dns_cache_put(cache, &query, "one", 4, 1000, 60);
	assert_string_equal(get(cache, &other, 1000, &age), "one");
	assert_string_equal(get(cache, &query, 60999, &age), "one");
	assert_int_equal(age, 59);
	assert_null(get(cache, &query, 61000, &age));
	assert_int_equal(dns_cache_count(cache), 0);
	/* One that does not hold takes the place of one that did. */
	dns_cache_put(cache, &query, "one", 4, 0, 60);
	dns_cache_put(cache, &query, "two", 4, 0, 60);
	assert_string_equal(get(cache, &query, 0, &age), "two");
	dns_cache_put(cache, &query, "three", 6, 0, 0);
	assert_null(get(cache, &query, 0, &age));
	dns_cache_free(cache);
}

static void test_what_an_answer_depends_on_is_told_apart(void **state)
{
	struct dns_cache *cache = dns_cache_new(8);
	struct dns_query queries[] = {
		ask("web.example", DNS_A), ask("web.example", DNS_AAAA), ask("web.example", DNS_A),
		ask("web.example", DNS_A), ask("web.example", DNS_A), ask("web.examplf", DNS_A),
	};
	uint32_t age;

	(void)state;
	queries[2].has_edns = true;
	queries[3].has_edns = queries[3].wants_dnssec = true;
	queries[4].flags = 0x0010;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		assert_null(get(cache, &queries[i], 0, &age));
		dns_cache_put(cache, &queries[i], &(char){ (char)i }, 1, 0, 60);
	}
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		assert_int_equal(*get(cache, &queries[i], 0, &age), i);
	dns_cache_free(cache);
}

static void test_the_longest_unused_go(void **state)
{
	struct dns_cache *cache = dns_cache_new(2), *none = dns_cache_new(0);
	struct dns_query a = ask("a", DNS_A), b = ask("b", DNS_A), c = ask("c", DNS_A);
	char large[DNS_CACHE_MAX_ANSWER + 1] = "";
	uint32_t age;

	(void)state;
	dns_cache_put(cache, &a, "a", 2, 0, 60);
	dns_cache_put(cache, &b, "b", 2, 0, 60);
	assert_non_null(get(cache, &a, 0, &age));
	dns_cache_put(cache, &c, "c", 2, 0, 60);
	assert_null(get(cache, &b, 0, &age));
	assert_non_null(get(cache, &a, 0, &age));
	dns_cache_put(cache, &b, large, sizeof(large), 0, 60);
	assert_null(get(cache, &b, 0, &age));
	assert_int_equal(dns_cache_count(cache), 2);
	dns_cache_put(none, &a, "a", 2, 0, 60);
	assert_null(get(none, &a, 0, &age));
	dns_cache_free(cache);
	dns_cache_free(none);
}

/* ---- addresses of servers ---- */

static void assert_addresses(const struct names_addresses *all, const char *wanted)
{
	char text[8 * ADDRESS_TEXT_SIZE] = "", one[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < all->n; i++) {
		address_format(&all->of[i], one);
		sprintf(text + strlen(text), "%s%s", i ? " " : "", one);
	}
	assert_string_equal(text, wanted);
}

static void test_lists_of_servers(void **state)
{
	static const struct {
		const char *text, *addresses;	/* NULL: refused */
	} rows[] = {
		{ "none", "" },
		{ "10.0.0.1", "10.0.0.1:53" },
		{ "10.0.0.1:5353,::1,[fd00::1]:54,[fd00::2]", "10.0.0.1:5353 [::1]:53 [fd00::1]:54 [fd00::2]:53" },
		{ "", NULL },
		{ ",", NULL },
		{ "host", NULL },
		{ "10.0.0.1,none", NULL },
		{ "unix:/x", NULL },
		{ "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct names_addresses all;
		struct err e = { 0 };
		int r = names_addresses_parse(rows[i].text, &all, &e);

		assert_int_equal(r, rows[i].addresses ? 0 : -EINVAL);
		if (r >= 0)
			assert_addresses(&all, rows[i].addresses);
	}
}

static void test_servers_of_resolv_conf(void **state)
{
	struct names_addresses all;

	(void)state;
	names_addresses_resolver("# nameserver 9.9.9.9\nsearch example\nnameserver 10.0.0.1\n"
				 "nameserver\t fd00::1%eth0\nnameserver\t fd00::2\n nameserver 10.0.0.3\nnameserver x\n"
				 "nameservers 10.0.0.4\nnameserver 10.0.0.5", &all);
	assert_addresses(&all, "10.0.0.1:53 [fd00::2]:53 10.0.0.5:53");
	names_addresses_resolver("", &all);
	assert_int_equal(all.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_hold_for_their_time),
		cmocka_unit_test(test_what_an_answer_depends_on_is_told_apart),
		cmocka_unit_test(test_the_longest_unused_go),
		cmocka_unit_test(test_lists_of_servers),
		cmocka_unit_test(test_servers_of_resolv_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
