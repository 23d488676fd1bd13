#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/cleanup.h"
#include "lib/id.h"
#include "lib/rng.h"

static void test_uuid_form(void **state)
{
	struct rng rng;
	char a[ID_UUID_SIZE], b[ID_UUID_SIZE];

	(void)state;
	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		id_uuid(&rng, a);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
		assert_int_equal(a[8], '-');
		assert_int_equal(a[13], '-');
		assert_int_equal(a[18], '-');
		assert_int_equal(a[23], '-');
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		id_uuid(&rng, b);
		assert_string_not_equal(a, b);
	}
}

static void test_uuid_bytes(void **state)
{
	struct rng rng;
	uint8_t bytes[16];

	(void)state;
	rng_seed(&rng, 7);
	id_uuid_bytes(&rng, bytes);
	assert_int_equal(bytes[6] >> 4, 4);
	assert_int_equal(bytes[8] >> 6, 2);
}

static void test_same_seed_same_numbers(void **state)
{
	struct rng a, b, c;
	int differences = 0;

	(void)state;
	rng_seed(&a, 42);
	rng_seed(&b, 42);
	rng_seed(&c, 43);
	for (int i = 0; i < 100; i++) {
		uint64_t number = rng_next(&a);

		assert_true(number == rng_next(&b));
		differences += number != rng_next(&c);
	}
	assert_true(differences > 95);
}

/* The published generator, from the state 1 2 3 4. */
static void test_generator_is_xoshiro256starstar(void **state)
{
	struct rng rng = { { 1, 2, 3, 4 } };

	(void)state;
	assert_true(rng_next(&rng) == 11520);
	assert_true(rng_next(&rng) == 0);
	assert_true(rng_next(&rng) == 1509978240);
	assert_true(rng_next(&rng) == 1215971899390074240);
}

static void test_below(void **state)
{
	int seen[10] = { 0 };
	struct rng rng;

	(void)state;
	assert_int_equal(rng_seed_from_kernel(&rng), 0);
	for (int i = 0; i < 10000; i++)
		seen[rng_below(&rng, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 700, 1300);
	assert_true(rng_below(&rng, 1) == 0);
	assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void test_valid_ids(void **state)
{
	static const char *const good[] = { "a", "web.1234", "...", "a b", "\xc3\xa9", "-", "~" };
	static const char *const bad[] = { "", ".", "..", "a/b", "a\\b", "a\nb", "\x7f", "\x01" };
	char text[ID_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(id_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(id_is_valid(bad[i]));
	memset(text, 'x', sizeof(text));
	text[ID_MAX + 1] = '\0';
	assert_false(id_is_valid(text));
	text[ID_MAX] = '\0';
	assert_true(id_is_valid(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuid_form),
		cmocka_unit_test(test_uuid_bytes),
		cmocka_unit_test(test_same_seed_same_numbers),
		cmocka_unit_test(test_generator_is_xoshiro256starstar),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_valid_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
