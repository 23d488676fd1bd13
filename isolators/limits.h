/*
 * What the interface files of a container's cgroup shall hold: a list made from a spec, which is
 * written at the start, changed while the container runs, and checked when it is taken over.
 */
#ifndef ISOLATORS_LIMITS_H
#define ISOLATORS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup;
struct err;

/* "8:0 rbps=1048576" of io.max has a key and a name, "default 100" of io.weight has a key. */
struct limit {
	const char *path;	/* in the OCI document, for messages; static */
	const char *file;	/* v2 name */
	const char *key;	/* the first word of its line; NULL: the file is one value */
	const char *name;	/* of "name=value" in that line; NULL: the line is one value */
	const char *value;
	bool is_optional;	/* some kernels or hierarchies lack the file, and that is fine */
	bool is_switch;		/* what comes later depends on it: never counts as a reduction */
	const char *floor;	/* static: may not be set below what is in this file; or NULL */
	char *text;		/* the strings, owned by the list */
};

/* Zero-initialised is the empty list.  The order is the one in which limits can be raised. */
struct limits {
	struct limit *items;
	size_t n, cap;
};
void limits_done(struct limits *limits);

/* A copy of LIMIT goes in; one for the same place in the same file is replaced.  -ENOMEM. */
int limits_add(struct limits *limits, const struct limit *limit, struct err *e);

/* The same for a file that is one number; below zero is "max". */
int limits_add_number(struct limits *limits, const char *path, const char *file, int64_t number,
		      struct err *e);

/* All, in order, in a cgroup that has no process yet. */
int limits_write(const struct limits *limits, const struct cgroup *cg, struct err *e);

/* What limits_change() did, to be taken back; limits_changes_done() after that or instead. */
struct limits_changes {
	struct limit_change *items;
	size_t n;
};
void limits_changes_done(struct limits_changes *changes);

/*
 * Write those that differ from what is there: raises first, in order, then reductions in reverse,
 * so that a limit that may not exceed another one never does.  When one is refused, those before
 * it are taken back.  -EBUSY for a floor; nothing has been written then.
 */
int limits_change(const struct limits *limits, const struct cgroup *cg, struct limits_changes *ret,
		  struct err *e);
void limits_take_back(struct limits_changes *changes, const struct cgroup *cg);

/*
 * Write again whatever somebody else has changed and tell it to REPORT, with FOUND, the value that
 * was there.  A value that the kernel only spells differently is not told.
 */
typedef void limits_report_fn(void *arg, const char *file, const char *found, const char *wanted);
int limits_restore(const struct limits *limits, const struct cgroup *cg, limits_report_fn *report,
		   void *arg, struct err *e);

/* The value of LIMIT's place in TEXT, what its file holds; owned, NULL: out of memory.  Pure. */
char *limit_find(const struct limit *limit, const char *text);

#endif
