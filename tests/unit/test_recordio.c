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
#include "lib/err.h"
#include "net/recordio.h"

static struct {
	char text[256];
	size_t n;
	size_t bytes;
	int fail_at;
	struct recordio_reader *emptied;
} seen;

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	assert_ptr_equal(arg, &seen);
	seen.n++;
	seen.bytes += size;
	if (strlen(seen.text) + size + 2 < sizeof(seen.text)) {
		strncat(seen.text, data, size);
		strcat(seen.text, "|");
	}
	if (seen.emptied)
		recordio_done(seen.emptied);
	if (seen.fail_at && seen.n == (size_t)seen.fail_at)
		return err_set(e, EIO, "store record");
	return 0;
}

static void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

static const struct {
	const char *bytes;
	int r;
	const char *text;
} rows[] = {
	{ "5\nhello", 0, "hello|" },
	{ "5\nhello1\nx0\n2\nab", 0, "hello|x||ab|" },
	{ "20\n{\"type\":\"HEARTBEAT\"}", 0, "{\"type\":\"HEARTBEAT\"}|" },
	{ "3\na\nb", 0, "a\nb|" },
	{ "5\nhell", 0, "" },
	{ "5", 0, "" },
	{ "", 0, "" },
	{ "67108864\nx", 0, "" },
	{ "67108865\n", -EINVAL, "" },
	{ "123456789", -EINVAL, "" },
	{ "99999999999999999999\n", -EINVAL, "" },
	{ "05\nhello", -EINVAL, "" },
	{ "00\n", -EINVAL, "" },
	{ "-1\n", -EINVAL, "" },
	{ "+5\nhello", -EINVAL, "" },
	{ " 5\nhello", -EINVAL, "" },
	{ "5 \nhello", -EINVAL, "" },
	{ "5\r\nhello", -EINVAL, "" },
	{ "0x5\nhello", -EINVAL, "" },
	{ "\n", -EINVAL, "" },
	{ "x", -EINVAL, "" },
	{ "1\na!", -EINVAL, "a|" },
};

static void test_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = strlen(rows[i].bytes);

		for (size_t step = 1; step <= size; step++) {
			struct recordio_reader reader = { 0 };
			struct err e = { 0 };
			int r = 0;

			forget();
			for (size_t at = 0; at < size && r == 0; at += step)
				r = recordio_feed(&reader, rows[i].bytes + at,
						  size - at < step ? size - at : step, on_record,
						  &seen, &e);
			if (r != rows[i].r || strcmp(seen.text, rows[i].text) != 0)
				fail_msg("'%s' by %zu gave %d and '%s'", rows[i].bytes, step, r,
					 seen.text);
			assert_int_equal(r, -e.code);
			recordio_done(&reader);
			recordio_done(&reader);
		}
	}
}

static void test_errors_of_the_callback_come_back(void **state)
{
	struct recordio_reader reader = { 0 };
	struct err e = { 0 };

	(void)state;
	forget();
	seen.fail_at = 2;
	assert_int_equal(recordio_feed(&reader, "1\na1\nb1\nc", 9, on_record, &seen, &e), -EIO);
	assert_string_equal(e.msg, "store record");
	assert_int_equal(seen.n, 2);
	recordio_done(&reader);
}

/* A reader is emptied by the callback when that ends the stream: nothing of it is left behind. */
static void test_reader_may_be_emptied_within(void **state)
{
	static const char *const rests[] = { "llo", "llo5\nab", "llo1\nx1\ny", "llo1\nx3\nab" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rests); i++) {
		struct recordio_reader reader = { 0 };
		struct err e = { 0 };
		char whole[32];

		forget();
		seen.emptied = &reader;
		seen.fail_at = i % 2;
		(void)snprintf(whole, sizeof(whole), "5\nhe%s", rests[i / 2]);
		assert_int_equal(recordio_feed(&reader, whole, strlen(whole), on_record, &seen, &e),
				 seen.fail_at ? -EIO : 0);
		assert_int_equal(seen.n, 1);
		assert_int_equal(reader.size, 0);

		err_clear(&e);
		forget();
		seen.emptied = &reader;
		seen.fail_at = i % 2;
		assert_int_equal(recordio_feed(&reader, "5\nhe", 4, on_record, &seen, &e), 0);
		assert_int_equal(recordio_feed(&reader, rests[i / 2], strlen(rests[i / 2]), on_record,
					       &seen, &e), seen.fail_at ? -EIO : 0);
		assert_int_equal(seen.n, 1);
		assert_null(reader.data);
		assert_int_equal(reader.size, 0);

		err_clear(&e);
		forget();
		assert_int_equal(recordio_feed(&reader, "2\nok", 4, on_record, &seen, &e), 0);
		assert_string_equal(seen.text, "ok|");
		recordio_done(&reader);
	}
}

/* A length is a promise, not memory; and a long record in small pieces is not copied over and over. */
static void test_long_record_in_small_pieces(void **state)
{
	static char piece[4096];
	struct recordio_reader reader = { 0 };
	struct err e = { 0 };

	(void)state;
	forget();
	assert_int_equal(recordio_feed(&reader, "67108864\n", 9, on_record, &seen, &e), 0);
	assert_true(reader.cap <= 4096);
	for (size_t at = 0; at < RECORDIO_MAX; at += sizeof(piece)) {
		assert_int_equal(seen.n, 0);
		assert_int_equal(recordio_feed(&reader, piece, sizeof(piece), on_record, &seen, &e), 0);
	}
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.bytes, RECORDIO_MAX);
	recordio_done(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_errors_of_the_callback_come_back),
		cmocka_unit_test(test_reader_may_be_emptied_within),
		cmocka_unit_test(test_long_record_in_small_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
