/* Reading JSON that came from outside: bounded before it is built. */
#ifndef LIB_JSON_IN_H
#define LIB_JSON_IN_H

#include <jansson.h>
#include <stddef.h>

struct err;

enum { JSON_IN_MAX_DEPTH = 32, JSON_IN_MAX_VALUES = 20000 };

/*
 * Depth and number of values are counted over the bytes first: jansson spends about 75 bytes of
 * memory a byte of input (reference/reliability.md 0.8).  Duplicate keys are refused.
 * Returns an owned value, or -EINVAL ("line 3 column 7: ..."), -E2BIG.
 */
int json_in_parse(const void *data, size_t size, json_t **ret, struct err *e);
/* The same with another bound on the number of values. */
int json_in_parse_up_to(const void *data, size_t size, unsigned max_values, json_t **ret,
			struct err *e);

#endif
