/* Named seccomp profiles of the operator, read and tried once at start. */
#ifndef AGENT_PROFILES_H
#define AGENT_PROFILES_H

#include <jansson.h>
#include <stddef.h>

struct err;

struct profile {
	char *name;		/* of the file in the directory */
	json_t *document;
};

struct profiles {
	struct profile *items;
	size_t n;
};

/*
 * Every regular file of the directory DIR (flag --seccomp_config_dir) that does not start with a
 * dot, each compiled once to see that it holds; NULL gives none.  RET is freed by profiles_done().
 * -EINVAL names the file and the place in it.
 */
int profiles_load(const char *dir, struct profiles *ret, struct err *e);
void profiles_done(struct profiles *profiles);

/* Borrowed, or NULL. */
const json_t *profiles_find(const struct profiles *profiles, const char *name);

#endif
