/* Configurations of networks and results of plugins: what passes the check is what it says it is. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/utf8.h"
#include "net/cni_list.h"
#include "net/cni_result.h"
#include "net/cni_words.h"

static void assert_told(const struct err *e)
{
	assert(e->code > 0 && e->msg[0] && utf8_is_valid(e->msg, strlen(e->msg)));
}

/* A list is one again when it is read again, as it is from a record. */
static void try_list(const json_t *document)
{
	struct cni_wishes wishes = { .args = document, .variables = "A=1" };
	json_t *list, *again, *bound;
	struct err e = { 0 };

	if (cni_list_parse(document, &list, &e) < 0) {
		assert_told(&e);
		return;
	}
	assert(cni_is_name(json_string_value(json_object_get(list, "name"))));
	assert(cni_list_parse(list, &again, &e) == 0 && json_equal(list, again));
	assert(cni_list_bind(list, &wishes, &bound, &e) == 0);
	json_decref(bound);
	json_decref(again);
	json_decref(list);
}

static void try_result(const json_t *result)
{
	char *addresses[CNI_MAX_ADDRESSES], text[600];
	struct err e = { 0 };
	size_t n;

	cni_error_describe(result, text, sizeof(text));
	if (cni_result_check(result, "1.0.0", &e) < 0) {
		assert_told(&e);
		return;
	}
	assert(cni_result_addresses(result, addresses, &n, &e) == 0);
	while (n > 0) {
		assert(cni_network_family(addresses[--n]) != 0);
		free(addresses[n]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	json_t *document;

	if (json_in_parse(data, size, &document, &e) < 0)
		return 0;
	try_list(document);
	try_result(document);
	json_decref(document);
	return 0;
}
