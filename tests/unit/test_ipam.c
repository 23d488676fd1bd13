/* Addresses: as text and back, and which are whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/ipam.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/ip_prefix.h"
#include "net/link.h"

/* ---- text ---- */

static const struct {
	const char *text, *again;	/* NULL: it is refused */
} texts[] = {
	{ "10.1.2.3/16", "10.1.2.3/16" },
	{ "10.1.2.3", "10.1.2.3/32" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "fd00::1/64", "fd00::1/64" },
	{ "FD00:0:0::1", "fd00::1/128" },
	{ "10.1.2.3/33", NULL }, { "10.1.2.3/", NULL }, { "10.1.2.3/+1", NULL }, { "10.1.2.3/1x", NULL },
	{ "10.1.2.3/-1", NULL }, { "10.1.2.3/ 1", NULL }, { "10.1.2", NULL }, { "", NULL }, { "/8", NULL },
	{ "fd00::1/129", NULL }, { "fd00::x", NULL }, { "a.b.c.d", NULL }, { "10.1.2.3/8/8", NULL },
	{ "fd00::1%eth0/64", NULL },
	{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8", NULL },
};

static void test_addresses_are_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_prefix prefix = { 0 };
		char text[IP_PREFIX_TEXT_SIZE];
		struct err e = { 0 };
		int r = ip_prefix_parse(texts[i].text, &prefix, &e);

		assert_int_equal(r, texts[i].again ? 0 : -EINVAL);
		if (texts[i].again)
			assert_string_equal(ip_prefix_format(&prefix, text), texts[i].again);
	}
}

static struct ip_prefix parse(const char *text)
{
	struct ip_prefix prefix;
	struct err e = { 0 };

	assert_int_equal(ip_prefix_parse(text, &prefix, &e), 0);
	return prefix;
}

static const struct {
	const char *network, *address;
	int64_t number;			/* -1: it is not there, or too far */
} numbers[] = {
	{ "10.1.0.0/16", "10.1.0.0", 0 },
	{ "10.1.0.0/16", "10.1.2.3", 0x203 },
	{ "10.1.0.0/16", "10.2.2.3", -1 },
	{ "10.1.2.128/25", "10.1.2.129", 1 },
	{ "10.1.2.128/25", "10.1.2.127", -1 },
	{ "0.0.0.0/0", "255.255.255.255", 0xffffffff },
	{ "fd00::/64", "fd00::1:2", 0x10002 },
	{ "fd00::/64", "fd00::1:0:0:0", -1 },
	{ "fd00::/64", "fd00:0:0:1::1", -1 },
	{ "fd00::/64", "10.1.2.3", -1 },
	{ "fd00::ffff:ff00/120", "fd00::ffff:ff07", 7 },
};

static void test_hosts_have_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct ip_prefix network = parse(numbers[i].network);
		struct ip_prefix address = parse(numbers[i].address), host;
		uint32_t number = 0;
		int r = ip_prefix_number(&network, &address, &number);

		assert_int_equal(r, numbers[i].number < 0 ? -ERANGE : 0);
		if (r < 0)
			continue;
		assert_int_equal(number, numbers[i].number);
		host = ip_prefix_host(&network, number);
		assert_memory_equal(host.bytes, address.bytes, sizeof(host.bytes));
		assert_int_equal(host.length, network.length);
	}
}

static const struct {
	const char *name;
	bool is_valid;
} names[] = {
	{ "tepui0", true }, { "a", true }, { "fifteen-letters", true }, { "sixteen--letters", false },
	{ "", false }, { ".", false }, { "..", false }, { "a/b", false }, { "a b", false },
	{ "eth0:1", false }, { "eth%d", false }, { "a\n", false },
};

static void test_links_have_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(link_name_is_valid(names[i].name), names[i].is_valid);
}

/* ---- who has which ---- */

static const struct {
	const char *subnet, *subnet6, *told;
} subnets[] = {
	{ "10.0.0.0/7", "", "'10.0.0.0/7' is not a network of IPv4 with 8 to 30 bits" },
	{ "10.0.0.0/31", "", "'10.0.0.0/31' is not a network of IPv4 with 8 to 30 bits" },
	{ "10.0.0.1/24", "", "'10.0.0.1/24' is not a network: it has bits behind its prefix" },
	{ "127.0.0.0/16", "", "'127.0.0.0/16' is not a network of which hosts can have addresses" },
	{ "224.0.0.0/8", "", "'224.0.0.0/8' is not a network of which hosts can have addresses" },
	{ "fd00::/64", "", "'fd00::/64' is not a network of IPv4 with 8 to 30 bits" },
	{ "10.0.0.0/24", "10.0.0.0/24", "'10.0.0.0/24' is not a network of IPv6 with 8 to 112 bits" },
	{ "10.0.0.0/24", "fd00::/113", "'fd00::/113' is not a network of IPv6 with 8 to 112 bits" },
	{ "x", "", "read 'x': not an IP address" },
};

static void test_impossible_subnets_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subnets); i++) {
		struct err e = { 0 };
		struct ipam ipam;

		assert_int_equal(ipam_init(subnets[i].subnet, subnets[i].subnet6, &ipam, &e),
				 -EINVAL);
		assert_string_equal(e.msg, subnets[i].told);
	}
}

static struct ipam make(const char *subnet, const char *subnet6)
{
	struct ipam ipam;
	struct err e = { 0 };

	assert_int_equal(ipam_init(subnet, subnet6, &ipam, &e), 0);
	return ipam;
}

static uint32_t take(struct ipam *ipam)
{
	struct err e = { 0 };
	uint32_t number;

	assert_int_equal(ipam_take(ipam, &number, &e), 0);
	return number;
}

static int take_address(struct ipam *ipam, const char *text, uint32_t *ret)
{
	struct ip_prefix address = parse(text);
	struct err e = { 0 };

	return ipam_take_address(ipam, &address, ret, &e);
}

static void test_each_is_given_once_and_rests_when_it_is_given_back(void **state)
{
	struct ipam ipam = make("10.0.0.0/29", "fd00::/64");
	struct err e = { 0 };
	uint32_t number;

	(void)state;
	for (uint32_t i = 2; i <= 6; i++)
		assert_int_equal(take(&ipam), i);
	assert_int_equal(ipam_take(&ipam, &number, &e), -ENOSPC);
	assert_string_equal(e.msg, "take an address: all 5 of 10.0.0.0/29 are in use");
	ipam_give_back(&ipam, 5);
	ipam_give_back(&ipam, 3);
	assert_int_equal(take(&ipam), 3);
	ipam_give_back(&ipam, 3);
	assert_int_equal(take(&ipam), 5);
	assert_int_equal(take(&ipam), 3);
	ipam_done(&ipam);
}

static void test_an_address_can_be_asked_for(void **state)
{
	struct ipam ipam = make("10.0.0.0/24", "fd00::/64");
	char text[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix host;
	uint32_t number;

	(void)state;
	assert_int_equal(take_address(&ipam, "10.0.0.3", &number), 0);
	host = ipam_address6(&ipam, number);
	assert_string_equal(ip_prefix_format(&host, text), "fd00::3/64");
	assert_int_equal(take_address(&ipam, "fd00::3", &number), -EADDRINUSE);
	assert_int_equal(take_address(&ipam, "fd00::10", &number), 0);
	host = ipam_address(&ipam, number);
	assert_string_equal(ip_prefix_format(&host, text), "10.0.0.16/24");
	/* The network's own, the bridge's, broadcast, beyond the containers, elsewhere. */
	assert_int_equal(take_address(&ipam, "10.0.0.0", &number), -EINVAL);
	assert_int_equal(take_address(&ipam, "10.0.0.1", &number), -EINVAL);
	assert_int_equal(take_address(&ipam, "10.0.0.255", &number), -EINVAL);
	assert_int_equal(take_address(&ipam, "fd00::ff", &number), -EINVAL);
	assert_int_equal(take_address(&ipam, "10.0.1.5", &number), -EINVAL);
	assert_int_equal(take(&ipam), 2);
	assert_int_equal(take(&ipam), 4);
	ipam_done(&ipam);
}

static void test_without_ipv6_there_is_no_such_address(void **state)
{
	struct ipam ipam = make("10.0.0.0/30", "");
	struct err e = { 0 };
	uint32_t number;

	(void)state;
	assert_int_equal(take_address(&ipam, "fd00::2", &number), -EINVAL);
	assert_int_equal(take(&ipam), 2);
	assert_int_equal(ipam_take(&ipam, &number, &e), -ENOSPC);
	ipam_done(&ipam);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_are_read_and_written),
		cmocka_unit_test(test_hosts_have_numbers),
		cmocka_unit_test(test_links_have_names),
		cmocka_unit_test(test_impossible_subnets_are_told),
		cmocka_unit_test(test_each_is_given_once_and_rests_when_it_is_given_back),
		cmocka_unit_test(test_an_address_can_be_asked_for),
		cmocka_unit_test(test_without_ipv6_there_is_no_such_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
