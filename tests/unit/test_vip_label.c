/* Labels that ask for stable addresses: what is read of them, and what is refused with which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/vip_label.h"

static const struct {
	const char *text, *host;	/* NULL: refused */
	unsigned port;
	bool is_name;
} places[] = {
	{ "/web:80", "web", 80, true },
	{ "/a.b-c.d:65535", "a.b-c.d", 65535, true },
	/* An app's id as it stands. */
	{ "/prod/db:5432", "proddb", 5432, true },
	{ "10.1.2.3:1", "10.1.2.3", 1, false },
	{ "web:80", NULL, 0, false },
	{ "/web", NULL, 0, false },
	{ "/:80", NULL, 0, false },
	{ "//:80", NULL, 0, false },
	{ ":80", NULL, 0, false },
	{ "", NULL, 0, false },
	{ "/web:0", NULL, 0, false },
	{ "/web:65536", NULL, 0, false },
	{ "/web:8o", NULL, 0, false },
	{ "/web:", NULL, 0, false },
	{ "/web: 80", NULL, 0, false },
	{ "/Web:80", NULL, 0, false },
	{ "/-web:80", NULL, 0, false },
	{ "/we_b:80", NULL, 0, false },
	{ "/web..x:80", NULL, 0, false },
	{ "/10.1.2.3:80", NULL, 0, false },
	{ "127.0.0.1:80", NULL, 0, false },
	{ "0.0.0.1:80", NULL, 0, false },
	{ "224.0.0.1:80", NULL, 0, false },
	{ "10.1.2:80", NULL, 0, false },
	{ "::1:80", NULL, 0, false },
};

static void test_a_place_is_a_name_or_an_address_and_a_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct vip_label vip;
		struct err e = { 0 };
		int r = vip_read(places[i].text, &vip, &e);

		if ((r == 0) != (places[i].host != NULL))
			fail_msg("'%s': %d %s", places[i].text, r, e.msg);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			assert_true(e.msg[0]);
			continue;
		}
		assert_string_equal(vip.host, places[i].host);
		assert_int_equal(vip.port, places[i].port);
		assert_int_equal(vip.address == 0, places[i].is_name);
	}
}

static void test_names_and_their_parts_are_bounded(void **state)
{
	char text[400] = "/";
	struct vip_label vip;
	struct err e = { 0 }, other = { 0 };

	(void)state;
	memset(text + 1, 'a', 64);
	strcpy(text + 64, ":80");
	assert_int_equal(vip_read(text, &vip, &e), 0);
	text[64] = 'a';
	strcpy(text + 65, ":80");
	assert_int_equal(vip_read(text, &vip, &e), -EINVAL);
	for (size_t i = 1; i <= VIP_NAME_MAX; i++)
		text[i] = i % 50 ? 'a' : '.';
	strcpy(text + 1 + VIP_NAME_MAX, ":80");
	assert_int_equal(vip_read(text, &vip, &e), 0);
	strcpy(text + 1 + VIP_NAME_MAX, "a:80");
	assert_int_equal(vip_read(text, &vip, &other), -EINVAL);
}

static void test_keys_are_numbered(void **state)
{
	static const char *const others[] = { "VIP_", "VIP_x", "VIP_0_BALANCE", "vip_0", "VIP_12345", "VIP" };

	(void)state;
	assert_true(vip_label_is("VIP_0"));
	assert_true(vip_label_is("VIP_9999"));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(vip_label_is(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_is_a_name_or_an_address_and_a_port),
		cmocka_unit_test(test_names_and_their_parts_are_bounded),
		cmocka_unit_test(test_keys_are_numbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
