/* A bundle for one run of the OCI runtime: a directory with a document in it. */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* All borrowed; NULL: as the defaults have it. */
struct bundle_plan {
	const char *rootfs;	/* NULL: an image is to fill it in */
	char *const *args;
	size_t n_args;
	bool has_terminal;
	const char *cpus, *mem;
	const char *volumes;	/* HOST:CONTAINER[:ro], with commas between */
};

struct bundle {
	char dir[64];
	char id[40];
};

/* A name that no other has.  Nothing is made yet. */
int bundle_name(struct bundle *ret, struct err *e);

/*
 * Make it.  Safe by default, as a task is: a user namespace of its own, few capabilities, the built-in system
 * call filter, no new privileges, a bound on processes.
 */
int bundle_make(const struct bundle_plan *plan, const struct bundle *bundle, struct err *e);
void bundle_remove(const struct bundle *bundle);

#endif
