/* JSON in which ' is written where it has ". */
#ifndef TESTS_UNIT_QUOTED_H
#define TESTS_UNIT_QUOTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"

static inline json_t *load_quoted(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	json_t *json;

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (!json)
		fail_msg("not JSON: %s", copy);
	return json;
}

/* Owned by the caller. */
static inline ProtobufCMessage *load_quoted_message(const ProtobufCMessageDescriptor *descriptor,
						    const char *text)
{
	json_t *json = load_quoted(text);
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	if (pb_from_json(descriptor, json, &message, &e) < 0)
		fail_msg("%s: %s", e.msg, text);
	json_decref(json);
	return message;
}

#endif
