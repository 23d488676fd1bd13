/* The host's users, read once at start: no name service is asked while running. */
#ifndef AGENT_USERS_H
#define AGENT_USERS_H

#include <stddef.h>
#include <sys/types.h>

struct err;

struct user {
	char *name;
	uid_t uid;
	gid_t gid;
};

struct users {
	struct user *items;
	size_t n;
};

/* PATH is in the form of passwd(5): a regular file of at most 1 MiB; odd lines are skipped. */
int users_load(const char *path, struct users *ret, struct err *e);
int users_parse(const char *text, struct users *ret, struct err *e);
void users_done(struct users *users);

/* Borrowed, or NULL. */
const struct user *users_find(const struct users *users, const char *name);

#endif
