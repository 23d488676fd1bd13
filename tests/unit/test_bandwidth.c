/* Rates as people write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/bandwidth.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void test_a_rate_is_a_number_with_its_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;	/* 0: refused */
	} rows[] = {
		{ "8000bit", 8000 },	       { "8kbit", 8000 },
		{ "10mbit", 10000000 },	       { "999999999gbit", UINT64_C(999999999000000000) },
		{ "7999bit", 0 },	       { "7kbit", 0 },
		{ "0mbit", 0 },		       { "10", 0 },
		{ "10 mbit", 0 },	       { "10Mbit", 0 },
		{ "10mbits", 0 },	       { "-10mbit", 0 },
		{ "+10mbit", 0 },	       { " 10mbit", 0 },
		{ "1.5mbit", 0 },	       { "1e3mbit", 0 },
		{ "0x10mbit", 0 },	       { "mbit", 0 },
		{ "", 0 },		       { "1000000000gbit", 0 },
		{ "99999999999999999999bit", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };
		uint64_t bits;

		assert_int_equal(bandwidth_parse(rows[i].text, &bits, &e), rows[i].bits ? 0 : -EINVAL);
		if (rows[i].bits)
			assert_true(bits == rows[i].bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rate_is_a_number_with_its_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
