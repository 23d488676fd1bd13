/* Documents that are wrong in one place: what is said of them, and that nothing comes of them. */
#ifndef TESTS_UNIT_SPEC_CASES_H
#define TESTS_UNIT_SPEC_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/spec_json.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/err.h"

struct spec_case {
	const char *path, *value;
	int r;
	const char *msg;
};

static json_t *spec_parse_json(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (!v)
		print_error("not JSON: %s\n", text);
	assert_non_null(v);
	return v;
}

/* DOC with VALUE (JSON text; "" deletes) at the dotted PATH. */
static void spec_patch(json_t *doc, const char *path, const char *value)
{
	char copy[128], *key = copy, *next;
	json_t *at = doc;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((next = strchr(key, '.'))) {
		*next = '\0';
		if (!json_object_get(at, key))
			json_object_set_new(at, key, json_object());
		at = json_object_get(at, key);
		key = next + 1;
	}
	if (*value)
		json_object_set_new(at, key, spec_parse_json(value));
	else
		json_object_del(at, key);
}

/* A document is refused by its reader or by the isolators: both before anything is made. */
static inline void spec_check_refused(const char *base, const struct spec_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *doc = spec_parse_json(base);
		struct spec spec = { .uid = 4711 };
		struct err e = { 0 };
		int r;

		spec_patch(doc, cases[i].path, cases[i].value);
		r = spec_from_json(doc, &spec, &e);
		if (r < 0) {
			assert_int_equal(spec.uid, 4711);
		} else {
			r = isolators_validate(&spec, &e);
			spec_done(&spec);
		}
		json_decref(doc);
		assert_string_equal(e.msg, cases[i].msg);
		assert_int_equal(r, cases[i].r);
	}
}

#endif
