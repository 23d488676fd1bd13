/* Definitions that are wrong in one place: what is said of them, and that nothing comes of them. */
#ifndef TESTS_UNIT_REFUSALS_H
#define TESTS_UNIT_REFUSALS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/role_rules.h"
#include "tests/unit/quoted.h"

/* Whether the form of the document is wrong, or what it says. */
enum message { S, R };

/* Documents are for load_quoted(). */
struct wrong {
	enum message message;
	const char *document, *path;
	const char *error;	/* NULL: whatever is said */
};

/* An app without other errors, and MORE members, each behind a comma. */
#define APP(more) "{'id':'a','cmd':'x'" more "}"

/* app_parse() or pod_parse(). */
typedef int parse_fn(const json_t *document, const char *id, const struct role_rules *rules,
		     struct app **ret, struct refusal *refusal);

static inline const char *refusal_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Nothing else is wrong with the definition: each row has the one path. */
static inline bool is_refused_rightly(const struct wrong *wrong, const struct refusal *refusal)
{
	static const char *const messages[] = {
		[S] = "Invalid JSON", [R] = "Object is not valid",
	};
	const json_t *details = json_object_get(refusal->body, "details");
	const json_t *detail = json_array_get(details, 0);
	const char *error =
		json_string_value(json_array_get(json_object_get(detail, "errors"), 0));

	return refusal->status == 422 && json_array_size(details) == 1 &&
	       strcmp(refusal_text(refusal->body, "message"), messages[wrong->message]) == 0 &&
	       strcmp(refusal_text(detail, "path"), wrong->path) == 0 && error &&
	       (!wrong->error || strcmp(error, wrong->error) == 0);
}

static inline bool check_wrong(parse_fn *parse, const struct wrong *wrong)
{
	json_t *document = load_quoted(wrong->document);
	struct refusal refusal = { 0 };
	struct role_rules rules = { 0 };
	struct app *app = NULL;
	bool is_right;

	role_rules_allow(&rules, "*");
	/* What has persistent volumes needs another one. */
	if (strcmp(refusal_text(document, "role"), "r") == 0)
		role_rules_allow(&rules, "r");
	(void)parse(document, NULL, &rules, &app, &refusal);
	is_right = !app && is_refused_rightly(wrong, &refusal);
	if (!is_right) {
		AUTO_FREE char *body = json_dumps(refusal.body, JSON_COMPACT);

		print_error("%s: %s\n", wrong->document, body ? body : "it is taken");
	}
	app_unref(app);
	refusal_done(&refusal);
	json_decref(document);
	return is_right;
}

static inline void check_all_wrong(parse_fn *parse, const struct wrong *rows, size_t n)
{
	size_t n_right = 0;

	for (size_t i = 0; i < n; i++)
		n_right += check_wrong(parse, &rows[i]);
	print_message("%zu wrong definitions\n", n);
	assert_int_equal(n_right, n);
}

#endif
