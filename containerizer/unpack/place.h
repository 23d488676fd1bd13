/* Places below the root directory: where an entry goes, and what is there already. */
#ifndef CONTAINERIZER_UNPACK_PLACE_H
#define CONTAINERIZER_UNPACK_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/unpack/report.h"

struct places {
	int root_fd;		/* borrowed */
	uint64_t max_depth;
	struct report *report;	/* is told what was made without an entry and what must hide */
	/* The directory of the entry before: archives go through one after the other. */
	int parent_fd;
	char parent[PATH_MAX];
};

/* One place: its directory is borrowed and stays open until the next place_find(). */
struct place {
	char path[PATH_MAX];	/* without "/" at either end and without "."; "" is the root */
	const char *name;	/* its last component, in PATH */
	int parent_fd;
};

/*
 * RAW as an archive names it, made plain: "/a//./b/" is "a/b".  -EINVAL: "..", too deep, too long.
 */
int place_clean(const char *raw, uint64_t max_depth, char ret[PATH_MAX], struct err *e);

/*
 * Find RAW's place; directories above it that are missing are made and reported.  Links in the
 * directories above are followed, and end within the root; the place itself may be one.
 */
int place_find(struct places *places, const char *raw, struct place *ret, struct err *e);

/*
 * Make room for an entry at PLACE: what an entry before has put there goes, except a directory for
 * a directory.  1: a directory is there and stays, 0: nothing is there.
 */
int place_clear(struct places *places, const struct place *place, bool is_dir, struct err *e);

void places_done(struct places *places);

#endif
