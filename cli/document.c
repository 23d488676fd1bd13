#include "cli/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

enum { MAX_FILE = 1 << 20 };

int document_read(const char *path, json_t **ret, struct err *e)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	AUTO_FREE char *text = malloc(MAX_FILE + 1);
	size_t size;
	int r = 0;

	if (!file)
		return err_set(e, errno == ENOENT ? EINVAL : errno, "open '%s': %s", path,
			       strerror(errno));
	errno = ENOMEM;
	size = text ? fread(text, 1, MAX_FILE + 1, file) : 0;
	if (!text || ferror(file))
		r = err_set(e, errno, "read '%s': %s", path, strerror(errno));
	if (file != stdin)
		(void)fclose(file);
	if (r < 0)
		return r;
	if (size > MAX_FILE)
		return err_set(e, EFBIG, "read '%s': larger than 1 MiB", path);
	r = json_in_parse(text, size, ret, e);
	return r < 0 ? err_wrap(e, "read '%s'", path) : 0;
}
