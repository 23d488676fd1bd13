/* The kinds of namespaces that Linux has. */
#ifndef ISOLATORS_NAMESPACES_H
#define ISOLATORS_NAMESPACES_H

#include "isolators/spec.h"

struct namespace_kind {
	const char *type;	/* as OCI documents have it */
	unsigned long flag;	/* CLONE_NEW* */
	const char *file;	/* in /proc/PID/ns */
};

/* By enum spec_namespace. */
extern const struct namespace_kind namespace_kinds[SPEC_N_NAMESPACES];

/* The kind of that OCI name, or NULL. */
const struct namespace_kind *namespace_kind_find(const char *type);

struct box;
struct err;

/* Keyrings have no namespace: a session keyring of its own hides the caller's from this process. */
int namespaces_leave_keyring(const struct spec *spec, struct err *e);

/* ---- join.c: those that are there already ---- */

/* Has a process to join namespaces before it clones init? */
bool join_is_needed(const struct box *box);

/* That process: enter all of them but what init has to enter itself. */
int join_all(const struct box *box, struct err *e);

/* Is the namespace FD owned by the user namespace USER_FD? */
bool join_owns(int user_fd, int fd);

/* Does BOX join the caller's own KIND of namespace?  A path may have changed since it was chosen. */
bool join_is_own(const struct box *box, enum spec_namespace kind);

void join_close(struct box *box);

#endif
