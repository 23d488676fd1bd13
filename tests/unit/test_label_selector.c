/* The grammar of label selectors, and what matches. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/label_selector.h"

static const struct {
	const char *selector;
	bool matches;
} cases[] = {
	{ "env", true },
	{ "none", false },
	{ "env==prod", true },
	{ "env == prod", true },
	{ "env==test", false },
	{ "env!=test", true },
	{ "env!=prod", false },
	{ "none!=prod", false },
	{ "env in (test, prod)", true },
	{ "env in(test)", false },
	{ "env notin (test)", true },
	{ "none notin (test)", false },
	{ "env==prod,tier==web", true },
	{ "env==prod, tier==db", false },
	{ "path==\\/a\\ b", true },
	{ "in==side", true },
	{ "inner", true },
};

static const char *const malformed[] = {
	"", ",", "env==", "==prod", "env=prod", "env in", "env in ()", "env in (a", "env in (a,)",
	"env==prod,", "a b", "env==a b", "env==\\", "(", "env notin a",
};

static void test_selectors(void **state)
{
	json_t *labels = json_pack("{s:s, s:s, s:s, s:s, s:s}", "env", "prod", "tier", "web",
				   "path", "/a b", "in", "side", "inner", "x");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct label_selector *selector;

		if (label_selector_parse(cases[i].selector, &selector) < 0)
			fail_msg("'%s' is refused", cases[i].selector);
		if (label_selector_matches(selector, labels) != cases[i].matches)
			fail_msg("'%s' is judged wrongly", cases[i].selector);
		label_selector_free(selector);
	}
	json_decref(labels);
}

static void test_malformed_selectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct label_selector *selector = NULL;

		if (label_selector_parse(malformed[i], &selector) != -EINVAL)
			fail_msg("'%s' is taken", malformed[i]);
		assert_null(selector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_malformed_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
