/* Texts that may be absent: NULL comes before every text and equals NULL only. */
#ifndef LIB_TEXTS_H
#define LIB_TEXTS_H

#include <stdbool.h>
#include <string.h>

static inline int texts_compare(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

static inline bool texts_equal(const char *a, const char *b)
{
	return texts_compare(a, b) == 0;
}

#endif
