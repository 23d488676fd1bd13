/*
 * Any text, also of the JSON form: what is read goes through messages, prints, and comes back the same.
 * Roles of the JSON form may have characters that separate in the other one: they are only printed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_messages(const struct resources *r)
{
	struct resources again = { 0 };
	struct err e = { 0 };
	Mesos__V1__Resource **messages;
	size_t n;

	if (resources_to_messages(r, "role", &messages, &n) < 0)
		abort();
	if (resources_from_messages(messages, n, &again, &e) < 0 || !resources_equal(r, &again))
		abort();
	resources_messages_free(messages, n);
	resources_done(&again);
	if (resources_unreserve(r, &again) < 0)
		abort();
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++) {
		if (again.scalar[kind] != resources_quantity(r, kind))
			abort();
	}
	resources_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resources r = { 0 }, again = { 0 };
	char *text = malloc(size + 1), *printed;
	struct err e = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	if (resources_parse(text, &r, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
		free(text);
		return 0;
	}
	printed = resources_format(&r);
	if (text[strspn(text, " \t\n")] == '[' ? resources_copy(&r, &again) < 0 :
	    resources_parse(printed, &again, &e) < 0)
		abort();
	if (!resources_equal(&r, &again))
		abort();
	check_messages(&r);
	if (!resources_contain(&r, &again) || resources_subtract(&again, &r) < 0 ||
	    !resources_is_empty(&again))
		abort();
	resources_done(&r);
	resources_done(&again);
	free(printed);
	free(text);
	return 0;
}
