#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/excerpt.h"
#include "lib/cleanup.h"
#include "lib/utf8.h"

#define BAD "\xef\xbf\xbd"
#define TEXT(literal) .bytes = (literal), .size = sizeof(literal) - 1

static const struct {
	const char *bytes;
	size_t size;
	bool is_cut;
	const char *excerpt;
} rows[] = {
	{ TEXT(""), .excerpt = "" },
	{ TEXT(" \n\t\r\n"), .excerpt = "" },
	{ TEXT("\n\n"), .is_cut = true, .excerpt = "" },
	{ TEXT("no such table\n"), .excerpt = "no such table" },
	{ TEXT("one\n\n  two\tthree \n"), .excerpt = "one two three" },
	{ TEXT("or of a line\nwhole\n"), .is_cut = true, .excerpt = "...or of a line whole" },
	{ TEXT("gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x98\x80"), .excerpt = "gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x98\x80" },
	/* Characters that the cut, or the task's end, has halved. */
	{ TEXT("\x9f\x98\x80 x"), .is_cut = true, .excerpt = "...x" },
	{ TEXT("x \xf0\x9f\x98"), .excerpt = "x " BAD },
	{ TEXT("\x7f""ELF\2\1\1\0\0\0\xff\xfe\xfd\0a"), .excerpt = "ELF " BAD " a" },
	/* Overlong, a surrogate, beyond Unicode. */
	{ TEXT("\xc0\x80""a\xed\xa0\x80""b\xf5\x80\x80\x80"), .excerpt = BAD "a" BAD "b" BAD },
	/* Colours go, whatever else a terminal would obey is blank, C1 too. */
	{ TEXT("\x1b[1;31mERROR\x1b[0m: x\n"), .excerpt = "ERROR: x" },
	{ TEXT("a\x1b]0;title\x07""b\xc2\x9b""31mc\x1b["), .excerpt = "a ]0;title b 31mc" },
	{ TEXT("say \"it\" \\ '%s'"), .excerpt = "say \"it\" \\ '%s'" },
};

static void test_output_becomes_one_line_of_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char excerpt[EXCERPT_SIZE];

		excerpt_format(rows[i].bytes, rows[i].size, rows[i].is_cut, excerpt);
		assert_string_equal(excerpt, rows[i].excerpt);
	}
}

static void fill(char *bytes, const char *pattern)
{
	for (size_t i = 0; i < EXCERPT_BYTES; i++)
		bytes[i] = pattern[i % strlen(pattern)];
}

static void test_the_longest_fits(void **state)
{
	static const char *const patterns[] = {
		"x", "\xff", "\xff ", "a\xff", "\xffz\xfe\n", "\xff\x1b[m\xff", "\xf0\x9f\x98\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		char bytes[EXCERPT_BYTES], excerpt[EXCERPT_SIZE];

		fill(bytes, patterns[i]);
		excerpt_format(bytes, sizeof(bytes), true, excerpt);
		assert_true(strlen(excerpt) < sizeof(excerpt));
		assert_true(utf8_is_valid(excerpt, strlen(excerpt)));
		assert_memory_equal(excerpt, "...", 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_becomes_one_line_of_text),
		cmocka_unit_test(test_the_longest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
