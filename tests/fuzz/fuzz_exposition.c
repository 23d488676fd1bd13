/* Metrics from any program that says it exposes them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct exposition_query query = {
		.name = "x", .n_labels = 1, .labels = { { "a", "b\"\n" } },
	};
	char *text = malloc(size ? size : 1);	/* the end is known by SIZE alone */
	struct exposition_sum sum;
	struct err e = { 0 };

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (exposition_read(text, size, &query, &sum, &e) == 0 && sum.n == 0)
		abort();
	free(text);
	return 0;
}
