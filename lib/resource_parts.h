/* What of a node's resources is not everybody's: reserved for a role, or a persistent volume. */
#ifndef LIB_RESOURCE_PARTS_H
#define LIB_RESOURCE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ranges.h"
#include "lib/reservations.h"

/*
 * What it is is told by kind, reservations and volume; the rest only describes it.  A volume is one
 * thing: two never become one, and none is divided.
 */
struct resource_part {
	int kind;		/* enum resource_kind, or RESOURCE_PORTS */
	char *role;		/* that it is reserved for: of the last reservation */
	struct reservations *reservations;	/* a reference; NULL: one that is static */
	char *volume;		/* persistence id, unique in the role; NULL: no volume yet */
	char *container_path;	/* of a volume, as it was created or as a task wants it */
	char *principal;	/* of a volume: who created it, or NULL */
	int64_t value;		/* in thousandths; of ports: 0 */
	struct ranges ports;	/* of RESOURCE_PORTS only */
};

/* Zero-initialised is empty; ordered by kind, role, reservations and volume, and all differ. */
struct resource_parts {
	struct resource_part *items;
	size_t n;
};

/* Of a node: who sends more must not keep its reader busy, since looking for one takes as long. */
enum { RESOURCE_MAX_PARTS = 4096 };

void resource_parts_done(struct resource_parts *parts);
int resource_parts_copy(const struct resource_parts *src, struct resource_parts *ret);

/*
 * -ENOMEM, with PARTS as it was.  The same volume twice has the sum as its value: nothing contains
 * that.
 */
int resource_parts_add(struct resource_parts *parts, const struct resource_part *part);
int resource_parts_add_all(struct resource_parts *parts, const struct resource_parts *other);
/*
 * What is not there is not taken; the value never goes below zero.  Splitting a range of ports may
 * need memory; they stay without it.
 */
void resource_parts_remove(struct resource_parts *parts, const struct resource_part *part);
void resource_parts_remove_all(struct resource_parts *parts, const struct resource_parts *other);

/* The one that is the same but for its value and ports, or NULL. */
const struct resource_part *resource_parts_find(const struct resource_parts *parts,
						const struct resource_part *like);
bool resource_parts_contain(const struct resource_parts *parts,
			    const struct resource_parts *subset);
bool resource_parts_equal(const struct resource_parts *a, const struct resource_parts *b);

/* Is it reserved for ROLE, or for a role above it ("eng" for "eng/web")? */
bool resource_part_is_for(const struct resource_part *part, const char *role);

#endif
