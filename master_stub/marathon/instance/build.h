/* Messages made piece by piece, each allocated as the generated free function expects it. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_BUILD_H
#define MASTER_STUB_MARATHON_INSTANCE_BUILD_H

#include <stdbool.h>
#include <stddef.h>

struct controller;

/* Memory that ran out on the way is seen at the end. */
struct build {
	const struct controller *c;	/* for whom; borrowed */
	bool failed;
};

/* Zeroed room for N, at least one; NULL: B has failed. */
void *build_alloc(struct build *b, size_t n, size_t size);
/* NULL is copied as "". */
char *build_copy(struct build *b, const char *text);

#define MAKE(b, type, init) \
	({ type *made_p = build_alloc(b, 1, sizeof(type)); if (made_p) init(made_p); made_p; })

#endif
