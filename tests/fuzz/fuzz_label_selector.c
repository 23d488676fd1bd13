/* Label selectors from anybody. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "master_stub/marathon/definition/label_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct label_selector *selector = NULL;
	json_t *labels = json_pack("{s:s, s:s}", "env", "prod", "a", "b");

	if (text && label_selector_parse(text, &selector) == 0)
		(void)label_selector_matches(selector, labels);
	label_selector_free(selector);
	json_decref(labels);
	free(text);
	return 0;
}
