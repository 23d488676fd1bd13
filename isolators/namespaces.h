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

#endif
