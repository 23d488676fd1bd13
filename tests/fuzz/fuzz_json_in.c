/* Any bytes: never more than the bounds let through, and what is read prints and reads again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_values(const json_t *json, int depth)
{
	size_t n = 1;

	if (depth > JSON_IN_MAX_DEPTH + 1)
		abort();
	for (size_t i = 0; i < json_array_size(json); i++)
		n += count_values(json_array_get(json, i), depth + 1);
	if (json_is_object(json)) {
		json_t *copy = json_copy((json_t *)(uintptr_t)json), *value;
		const char *key;

		json_object_foreach(copy, key, value)
			n += count_values(value, depth + 1);
		json_decref(copy);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = NULL, *again = NULL;
	struct err e = { 0 };
	char *text;
	int r = json_in_parse(data, size, &json, &e);

	if (r < 0) {
		if (r != -e.code || e.msg[0] == '\0' || json)
			abort();
		return 0;
	}
	if (count_values(json, 1) > JSON_IN_MAX_VALUES)
		abort();
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text || json_in_parse(text, strlen(text), &again, &e) < 0 || !json_equal(json, again))
		abort();
	free(text);
	json_decref(json);
	json_decref(again);
	return 0;
}
