/* What frameworks give as offer constraints: a pattern, a NUL byte, and the text that it is held against. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *pattern = strndup((const char *)data, size);
	AUTO_FREE char *text = NULL;
	struct regex *regex = NULL;
	struct err e = { 0 };
	size_t length = pattern ? strlen(pattern) : 0;
	int r;

	if (!pattern)
		return 0;
	if (length < size)
		text = strndup((const char *)data + length + 1, size - length - 1);
	r = regex_new(pattern, &regex, &e);
	if ((r < 0) != (regex == NULL) || (r < 0 && !*e.msg))
		abort();
	if (regex) {
		(void)regex_matches(regex, text ? text : "");
		(void)regex_matches(regex, pattern);
	}
	regex_free(regex);
	return 0;
}
