/* passwd(5) and group(5) as somebody else wrote them: pure functions over text. */
#ifndef CONTAINERIZER_IMAGE_PASSWD_H
#define CONTAINERIZER_IMAGE_PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/image/image.h"

enum { PASSWD_MAX_GROUPS = 256 };

struct passwd_key {
	const char *name;	/* or NULL, and then */
	uint32_t id;
};

/* Borrows from the text. */
struct passwd_entry {
	const char *name, *home;	/* home is absolute, or NULL */
	uint32_t uid, gid;
};

struct passwd_groups {
	uint32_t ids[PASSWD_MAX_GROUPS];
	size_t n;
};

/* A decimal id of 0..4294967294 and nothing else: no sign, blank or leading zero. */
bool passwd_parse_id(const char *text, uint32_t *ret);

/* The first entry for KEY; PASSWD is cut up.  Lines that are none are passed over.  -ENOENT. */
int passwd_find(char *passwd, const struct passwd_key *key, struct passwd_entry *ret);

/* The group NAME alone (-ENOENT); or, NAME NULL, those that USER is a member of. */
int passwd_find_groups(char *group, const char *name, const char *user, struct passwd_groups *ret);

#endif
