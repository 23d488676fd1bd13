/* Launch documents: whatever is in them, a spec comes out whole or not at all. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/spec_json.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/err.h"
#include "lib/json_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct spec spec;
	json_t *doc;

	if (json_in_parse(data, size, &doc, &e) < 0)
		return 0;
	if (spec_from_json(doc, &spec, &e) < 0) {
		assert(e.code > 0 && e.msg[0]);
	} else {
		assert(spec.args[0] && spec.cwd[0] == '/' && spec.env && spec.root_path);
		/* Pure, so it may see what no launch would. */
		(void)isolators_validate(&spec, &e);
		spec_done(&spec);
	}
	json_decref(doc);
	return 0;
}
