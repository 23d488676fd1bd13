/* Regular expressions: what matches, what is refused, and that the cost is bounded. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/regex.h"

static void test_matches(void **state)
{
	static const struct { const char *pattern, *yes, *no; } rows[] = {
		{ "", "", "a" }, { "abc", "abc", "abcd" }, { "abc", "abc", "xabc" },
		{ "a.c", "axc", "a\nc" }, { "(?s)a.c", "a\nc", "ac" }, { "a*", "aaa", "ab" },
		{ "a+", "a", "" }, { "ab?c", "ac", "abbc" }, { "a{2}", "aa", "aaa" },
		{ "a{2,}", "aaaa", "a" }, { "a{2,3}", "aaa", "aaaa" }, { "a{0,2}b", "b", "aaab" },
		{ "a{x", "a{x", "a" }, { "a|bc", "bc", "ac" }, { "a||b", "", "c" },
		{ "(ab)*c", "ababc", "abac" }, { "(?:ab)+?", "abab", "a" },
		{ "(?P<name>a)b", "ab", "a" }, { "[a-c]x", "bx", "dx" }, { "[^a-c]", "d", "a" },
		{ "[]a]", "]", "b" }, { "[a-]", "-", "b" }, { "[\\d_]+", "4_2", "a" },
		{ "[[:alpha:]]+", "aZ", "a1" }, { "[[:^digit:]]", "a", "1" },
		{ "\\d\\D\\s\\S\\w\\W", "1a b_-", "11 b_-" }, { "\\x41\\x{1F600}", "A\xF0\x9F\x98\x80", "A" },
		{ "\\.\\*", ".*", "ab" }, { "^a$", "a", "b" }, { "\\Aa\\z", "a", "aa" },
		{ "(?i)aBc", "AbC", "abd" }, { "(?i:a)b", "Ab", "AB" }, { "(?i)[^a]", "b", "A" },
		{ "(?m)a$\n^b", "a\nb", "ab" }, { ".", "\xC3\xBC", "\xC3\xBC\xC3\xBC" },
		{ "[\xC3\xA4-\xC3\xBC]", "\xC3\xB6", "o" }, { "\xFF.", "\xFF\xFE", "\xFE\xFF" },
		{ "(a*)*", "aaaa", "b" }, { "(a|b|ab)*c", "ababc", "abab" }, { "((a)|b){3}", "aba", "ab" },
		{ "(rack-(1|2)|zone-[a-c]{2})", "zone-ab", "rack-3" }, { "(){100}x", "x", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regex *regex;
		struct err e = { 0 };

		if (regex_new(rows[i].pattern, &regex, &e) < 0)
			fail_msg("%s: %s", rows[i].pattern, e.msg);
		if (!regex_matches(regex, rows[i].yes) || regex_matches(regex, rows[i].no))
			fail_msg("'%s': '%s' %d, '%s' %d", rows[i].pattern, rows[i].yes,
				 regex_matches(regex, rows[i].yes), rows[i].no,
				 regex_matches(regex, rows[i].no));
		regex_free(regex);
	}
}

static void test_refusals_say_what_and_where(void **state)
{
	static const struct { const char *pattern, *message; } rows[] = {
		{ "(a", "regex '(a' has a group without end at byte 2" },
		{ "a)", "regex 'a)' has a parenthesis that closes nothing at byte 1" },
		{ "[a", "regex '[a' has a class without end at byte 2" },
		{ "[b-a]", "regex '[b-a]' has a range that ends before it begins at byte 4" },
		{ "[[:x:]]", "regex '[[:x:]]' has a class of unknown name at byte 1" },
		{ "*a", "regex '*a' has nothing to repeat at byte 0" },
		{ "a**", "regex 'a**' has a repetition of a repetition at byte 2" },
		{ "a{2,1}", "regex 'a{2,1}' has an invalid number of repetitions at byte 1" },
		{ "a{1001}", "regex 'a{1001}' has an invalid number of repetitions at byte 1" },
		{ "(?=a)", "regex '(?=a)' has an unknown flag at byte 2" },
		{ "(?U)a", "regex '(?U)a' has an unknown flag at byte 2" },
		{ "(?P<>a)", "regex '(?P<>a)' has an invalid name of a group at byte 4" },
		{ "(a)\\1", "regex '(a)\\1' has an unknown escape at byte 4" },
		{ "\\ba", "regex '\\ba' has an unknown escape at byte 1" },
		{ "a\\", "regex 'a\\' has an unknown escape at byte 2" },
		{ "\\x{110000}", "regex '\\x{110000}' has an invalid hexadecimal character at byte 2" },
		{ "\\x4", "regex '\\x4' has an invalid hexadecimal character at byte 2" },
		{ "((((a{50}){50}){50}))", "regex '((((a{50}){50}){50}))' is too complex: its program"
		  " is larger than the 1000 steps allowed" },
		{ "((((){1000}){1000}){1000})", "regex '((((){1000}){1000}){1000})' is too complex: its"
		  " program is larger than the 1000 steps allowed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regex *regex = NULL;
		struct err e = { 0 };

		assert_int_equal(regex_new(rows[i].pattern, &regex, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].message);
		assert_null(regex);
	}
}

static void test_what_is_too_large_or_too_deep(void **state)
{
	char pattern[REGEX_MAX_PATTERN + 2];
	struct regex *regex;
	struct err e = { 0 };

	(void)state;
	memset(pattern, 'a', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	assert_int_equal(regex_new(pattern, &regex, &e), -EINVAL);
	assert_string_equal(e.msg, "regex has 4097 bytes, more than the 4096 allowed");
	memset(pattern, '(', sizeof(pattern) - 2);
	pattern[sizeof(pattern) - 2] = '\0';
	err_clear(&e);
	assert_int_equal(regex_new(pattern, &regex, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "groups that are nested too deep"));
}

/* What takes others exponential time; the test's deadline would show it. */
static void test_the_time_is_linear(void **state)
{
	static char text[20001];
	struct regex *regex;
	struct err e = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	assert_int_equal(regex_new("(a?){200}(a|aa|a*)*b", &regex, &e), 0);
	assert_false(regex_matches(regex, text));
	text[sizeof(text) - 2] = 'b';
	assert_true(regex_matches(regex, text));
	regex_free(regex);
}

/* Programs that accept them keep a thousand for each of those who ask. */
static void test_the_memory_follows_the_program(void **state)
{
	static const struct { const char *pattern; size_t max; } rows[] = {
		{ "rack-1", 1024 }, { "[[:^word:]]", 512 }, { "((x{0,9}){9}){3}", 64 << 10 },
	};
	char classes[REGEX_MAX_PATTERN + 1];
	struct regex *regex;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(regex_new(rows[i].pattern, &regex, &e), 0);
		assert_in_range(malloc_usable_size(regex), 1, rows[i].max);
		regex_free(regex);
	}
	/* Ranges that no step of the program has. */
	strcpy(classes, "([");
	memset(classes + 2, 'a', 4000);
	strcpy(classes + 4002, "]){0}x");
	assert_int_equal(regex_new(classes, &regex, &e), 0);
	assert_in_range(malloc_usable_size(regex), 1, REGEX_MAX_BYTES);
	regex_free(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_refusals_say_what_and_where),
		cmocka_unit_test(test_what_is_too_large_or_too_deep),
		cmocka_unit_test(test_the_time_is_linear),
		cmocka_unit_test(test_the_memory_follows_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
