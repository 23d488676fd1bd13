/* Sets of unsigned integers kept as sorted, disjoint, inclusive ranges: ports, cpusets. */
#ifndef LIB_RANGES_H
#define LIB_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint32_t first, last;	/* inclusive */
};

/* Zero-initialised is the empty set.  Adjacent ranges are always merged. */
struct ranges {
	struct range *items;
	size_t n, cap;
};

void ranges_done(struct ranges *set);
int ranges_copy(const struct ranges *src, struct ranges *ret);	/* -ENOMEM */
int ranges_add(struct ranges *set, uint32_t first, uint32_t last);
int ranges_remove(struct ranges *set, uint32_t first, uint32_t last);
int ranges_add_all(struct ranges *set, const struct ranges *other);
/* N of them in any order, which are sorted in place: no slower for those that come backwards. */
int ranges_add_many(struct ranges *set, struct range *items, size_t n);
int ranges_remove_all(struct ranges *set, const struct ranges *other);
/* What of SET is not in OTHER. */
int ranges_without(const struct ranges *set, const struct ranges *other, struct ranges *ret);
bool ranges_contains(const struct ranges *set, uint32_t first, uint32_t last);
bool ranges_contains_all(const struct ranges *set, const struct ranges *subset);
uint64_t ranges_count(const struct ranges *set);
/* The value at INDEX (< ranges_count) in ascending order. */
uint32_t ranges_at(const struct ranges *set, uint64_t index);
bool ranges_equal(const struct ranges *a, const struct ranges *b);

/* "31000-31004,31010" (brackets optional) to a set and back; the text is owned by the caller. */
int ranges_parse(const char *text, struct ranges *ret);		/* -EINVAL, -ENOMEM */
char *ranges_format(const struct ranges *set);

#endif
