/* passwd and group of an image: whatever is in them, an id is one that is written there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/passwd.h"
#include "containerizer/image/reference.h"
#include "lib/err.h"

static void check_written(const char *text, uint32_t id)
{
	char digits[16];

	(void)snprintf(digits, sizeof(digits), "%u", id);
	assert(strstr(text, digits));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct passwd_key keys[] = {
		{ .name = "a" }, { .name = "" }, { .id = 0 }, { .id = 7 },
	};
	char *text = malloc(size + 1), *copy = malloc(size + 1);
	struct reference ref;
	struct err e = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct passwd_groups groups = { 0 };
		struct passwd_entry entry;

		memcpy(copy, text, size + 1);
		if (passwd_find(copy, &keys[i], &entry) == 0) {
			check_written(text, entry.uid);
			check_written(text, entry.gid);
			assert(!entry.home || entry.home[0] == '/');
		}
		memcpy(copy, text, size + 1);
		(void)passwd_find_groups(copy, i & 1 ? NULL : "a", "b", &groups);
		for (size_t k = 0; k < groups.n; k++)
			check_written(text, groups.ids[k]);
	}
	if (reference_parse(text, &ref, &e) < 0)
		assert(e.code > 0 && e.msg[0]);
	free(text);
	free(copy);
	return 0;
}
