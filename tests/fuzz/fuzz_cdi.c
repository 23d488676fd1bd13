/* Vendors' device documents: whatever is in them, a launch document changes as a whole or not. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/cdi.h"
#include "lib/err.h"
#include "lib/json_in.h"

static int find_node(const char *path, char *ret_type, unsigned *ret_major, unsigned *ret_minor,
		     struct err *e)
{
	(void)path;
	(void)e;
	*ret_type = 'c';
	*ret_major = *ret_minor = 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cdi_options options = { .find_node = find_node, .allow_hooks = true };
	struct cdi *cdi = cdi_new();
	struct err e = { 0 };
	json_t *document, *doc, *before;

	if (json_in_parse(data, size, &document, &e) < 0) {
		cdi_free(cdi);
		return 0;
	}
	doc = json_pack("{s:{s:[]}, s:{}}", "process", "env", "linux");
	before = json_deep_copy(doc);
	if (cdi_add(cdi, document, "fuzz.json", 0, &e) < 0)
		assert(e.code > 0 && e.msg[0]);
	else if (cdi_inject(cdi, "v.com/c=0", &options, doc, &e) < 0)
		assert(e.code > 0 && e.msg[0] && json_equal(doc, before));
	json_decref(doc);
	json_decref(before);
	json_decref(document);
	cdi_free(cdi);
	return 0;
}
