#include "master_stub/marathon/instance/build.h"

#include <stdlib.h>
#include <string.h>

void *build_alloc(struct build *b, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		b->failed = true;
	return p;
}

char *build_copy(struct build *b, const char *text)
{
	char *p = strdup(text ? text : "");

	if (!p)
		b->failed = true;
	return p;
}
