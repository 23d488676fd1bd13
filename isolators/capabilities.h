/* Capabilities by name and by raw system calls: the executor is static and has no libcap. */
#ifndef ISOLATORS_CAPABILITIES_H
#define ISOLATORS_CAPABILITIES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum { N_CAPABILITIES = 41 };	/* Linux 5.9 to 6.18 */

/* CAP_* for "CAP_CHOWN" (also without "CAP_"; case matters), -EINVAL when unknown. */
int capability_from_name(const char *name);

/* "CAP_CHOWN", or NULL when there is no such number.  Static. */
const char *capability_name(int capability);

/* Take everything but KEEP out of the bounding set; needs CAP_SETPCAP. */
int capabilities_drop_bounding(uint64_t keep, struct err *e);

/*
 * Make the three sets exactly these, clear the ambient set and raise AMBIENT in it; then read
 * back and compare.  INHERITABLE must contain AMBIENT.
 */
int capabilities_set(uint64_t effective, uint64_t permitted, uint64_t inheritable,
		     uint64_t ambient, struct err *e);

/*
 * Have the additional groups GIDS and no others.  Some user namespaces forbid the call itself: there
 * those that the process has are the caller's, and to want others is -EPERM.
 */
int groups_set(size_t n, const gid_t *gids, struct err *e);

#endif
