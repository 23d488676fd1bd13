#include "agent/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

enum { MAX_BYTES = 1 << 20, MAX_LINES = 4096 };

void users_done(struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		free(users->items[i].name);
	free(users->items);
	*users = (struct users){ 0 };
}

/* A decimal id; (uid_t)-1 means "no change" to the kernel and is no id. */
static int parse_id(const char *text, uint32_t *ret)
{
	unsigned long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

/* name:password:uid:gid:...; 1 if it was one. */
static int parse_line(char *line, struct user *ret)
{
	const char *name = strsep(&line, ":"), *uid, *gid;

	(void)strsep(&line, ":");
	uid = strsep(&line, ":");
	gid = strsep(&line, ":");
	if (!*name || *name == '+' || *name == '-' || parse_id(uid, &ret->uid) < 0 ||
	    parse_id(gid, &ret->gid) < 0)
		return 0;
	ret->name = strdup(name);
	return ret->name ? 1 : -ENOMEM;
}

int users_parse(const char *text, struct users *ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	struct users users = { .items = calloc(MAX_LINES, sizeof(*users.items)) };
	char *rest = copy, *line;
	int r = copy && users.items ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < MAX_LINES && (line = strsep(&rest, "\n")); i++) {
		r = parse_line(line, &users.items[users.n]);
		users.n += r > 0;
	}
	if (r < 0) {
		users_done(&users);
		return err_set(e, ENOMEM, "read users");
	}
	*ret = users;
	return 0;
}

int users_load(const char *path, struct users *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = file_in_read(AT_FDCWD, path, MAX_BYTES, &text, &size, e);

	return r < 0 ? r : users_parse(text, ret, e);
}

const struct user *users_find(const struct users *users, const char *name)
{
	for (size_t i = 0; i < users->n; i++) {
		if (strcmp(users->items[i].name, name) == 0)
			return &users->items[i];
	}
	return NULL;
}
