/* Interface files that no other isolator writes, as the document has them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

enum { MAX_FILE_NAME = 63 };

/* The core's own files would undo the box (cgroup.procs, cgroup.freeze, cgroup.type). */
static int validate(const struct spec *spec, struct err *e)
{
	for (char **pair = spec->unified; pair && *pair; pair++) {
		size_t length = strcspn(*pair, "=");

		if ((*pair)[length] != '=' || length == 0 || length > MAX_FILE_NAME ||
		    memchr(*pair, '/', length) || strncmp(*pair, "cgroup.", 7) == 0 ||
		    !memchr(*pair, '.', length) || (*pair)[0] == '.')
			return err_set(e, EINVAL, "write '%.64s'", *pair);
	}
	return 0;
}

static int prepare(struct box *box, struct err *e)
{
	int r = 0;

	for (char **pair = box->spec->unified; pair && *pair && r == 0; pair++) {
		size_t length = strcspn(*pair, "=");
		char file[MAX_FILE_NAME + 1];

		(void)snprintf(file, sizeof(file), "%.*s", (int)length, *pair);
		r = cgroup_write(&box->cgroup, file, *pair + length + 1, e);
	}
	return r;
}

const struct isolator isolator_unified = {
	.name = "unified",
	.validate = validate,
	.prepare = prepare,
};
