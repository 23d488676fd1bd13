#include <errno.h>
#include <stdlib.h>

#include "agent/ruleset_parts.h"

int ruleset_space_class(size_t n)
{
	int class = 0;

	while ((size_t)RULESET_MIN_RANGE << class < n)
		class++;
	return class;
}

int ruleset_space_take(struct ruleset_space *space, int class, uint32_t *ret)
{
	struct ruleset_freed *freed = &space->freed[class];
	uint32_t size = (uint32_t)RULESET_MIN_RANGE << class;

	if (freed->n > 0) {
		*ret = freed->bases[--freed->n];
		return 0;
	}
	if (RULESET_SPACE - space->next < size)
		return -ENOSPC;
	*ret = space->next;
	space->next += size;
	return 0;
}

/* One that there is no memory to remember is lost: there are 65536 of the smallest. */
void ruleset_space_give(struct ruleset_space *space, int class, uint32_t base)
{
	struct ruleset_freed *freed = &space->freed[class];

	if (freed->n == freed->cap) {
		size_t cap = freed->cap ? 2 * freed->cap : 16;
		uint32_t *grown = realloc(freed->bases, cap * sizeof(*grown));

		if (!grown)
			return;
		freed->bases = grown;
		freed->cap = cap;
	}
	freed->bases[freed->n++] = base;
}

void ruleset_space_done(struct ruleset_space *space)
{
	for (size_t i = 0; i < RULESET_CLASSES; i++)
		free(space->freed[i].bases);
	*space = (struct ruleset_space){ 0 };
}
