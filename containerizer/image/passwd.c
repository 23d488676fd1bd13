/* Users and groups of an image, from its own files, by a parser that believes nothing (rule R1). */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "containerizer/image/passwd.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/open_resolved.h"

enum { MAX_BYTES = 1 << 20, MAX_LINES = 4096, MAX_NAME = 255 };

/* "0", or digits without a zero before them; all ones is no id to the kernel. */
bool passwd_parse_id(const char *text, uint32_t *ret)
{
	uint64_t value = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 10 || text[n] || (text[0] == '0' && n > 1))
		return false;
	for (size_t i = 0; i < n; i++)
		value = 10 * value + (uint64_t)(text[i] - '0');
	if (value >= UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* The next line of *TEXT, NUL-terminated in place; NULL at the end, or after so many. */
static char *next_line(char **text, size_t *n_lines)
{
	return *text && (*n_lines)++ < MAX_LINES ? strsep(text, "\n") : NULL;
}

int passwd_find(char *passwd, const struct passwd_key *key, struct passwd_entry *ret)
{
	size_t n_lines = 0;
	char *line;

	while ((line = next_line(&passwd, &n_lines))) {
		const char *name = strsep(&line, ":"), *uid, *gid, *home;
		struct passwd_entry entry;

		(void)strsep(&line, ":");
		uid = strsep(&line, ":");
		gid = strsep(&line, ":");
		(void)strsep(&line, ":");
		home = strsep(&line, ":");
		if (!gid || !passwd_parse_id(uid, &entry.uid) || !passwd_parse_id(gid, &entry.gid))
			continue;
		if (key->name ? strcmp(key->name, name) != 0 : key->id != entry.uid)
			continue;
		entry.name = name;
		entry.home = home && home[0] == '/' ? home : NULL;
		*ret = entry;
		return 0;
	}
	return -ENOENT;
}

static bool is_member(char *members, const char *user)
{
	char *member;

	while ((member = strsep(&members, ","))) {
		if (strcmp(member, user) == 0)
			return true;
	}
	return false;
}

/* Either the group called NAME to *RET_GID, or the groups of USER added to RET. */
int passwd_find_groups(char *group, const char *name, const char *user, struct passwd_groups *ret)
{
	size_t n_lines = 0;
	char *line;

	while ((line = next_line(&group, &n_lines))) {
		const char *this = strsep(&line, ":"), *text;
		uint32_t gid;

		(void)strsep(&line, ":");
		text = strsep(&line, ":");
		if (!text || !passwd_parse_id(text, &gid))
			continue;
		if (name && strcmp(name, this) == 0) {
			ret->ids[0] = gid;
			ret->n = 1;
			return 0;
		}
		if (!name && line && is_member(line, user) && ret->n < PASSWD_MAX_GROUPS)
			ret->ids[ret->n++] = gid;
	}
	return name ? -ENOENT : 0;
}

/* ---- the files, through the layers as a container would see them ---- */

static int open_in(int dir_fd, const char *path, uint64_t flags)
{
	return open_resolved(dir_fd, path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static bool is_whiteout(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir_fd)
{
	char value;

	return fgetxattr(dir_fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/*
 * FILE of /etc in one layer: an owned descriptor, -ENOENT to look below, -ENODATA to look no more.
 */
static int open_in_layer(const char *layer, const char *file)
{
	AUTO_CLOSE int root = open(layer, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int etc = -EBADF;
	int fd;

	if (root < 0)
		return -errno;
	etc = open_in(root, "etc", O_RDONLY | O_DIRECTORY);
	if (etc == -ENOTDIR && is_whiteout(root, "etc"))
		return -ENODATA;
	if (etc < 0)
		return etc;
	if (is_whiteout(etc, file))
		return -ENODATA;
	fd = open_in(etc, file, O_RDONLY);
	if (fd == -ENOENT && is_opaque(etc))
		return -ENODATA;
	return fd;
}

/* *RET is owned; an image without the file has an empty one. */
static int read_etc(const struct image *image, const char *file, char **ret, struct err *e)
{
	AUTO_CLOSE int fd = -ENOENT;
	size_t size, i = image->n_layers;

	while (i > 0 && fd == -ENOENT)
		fd = open_in_layer(image->layers[--i], file);
	if (fd == -ENOENT || fd == -ENODATA) {
		*ret = strdup("");
		return *ret ? 0 : err_set(e, ENOMEM, "read '/etc/%s' of the image", file);
	}
	if (fd < 0)
		return err_set(e, -fd, "open '/etc/%s' of image '%s'", file, image->name);
	if (file_in_read_fd(fd, file, MAX_BYTES, ret, &size, e) < 0)
		return err_wrap(e, "image '%s'", image->name);
	return 0;
}

static int find_user(const struct image *image, const char *text, struct passwd_entry *ret,
		     char **passwd, struct err *e)
{
	struct passwd_key key = { .name = text };
	int r = read_etc(image, "passwd", passwd, e);

	if (r < 0)
		return r;
	if (!*text)
		key.name = NULL;	/* root, by its number */
	else if (text[0] >= '0' && text[0] <= '9') {
		if (!passwd_parse_id(text, &key.id))
			return err_set(e, EINVAL, "find user '%.100s': not an id of 0..4294967294",
				       text);
		key.name = NULL;
	}
	r = passwd_find(*passwd, &key, ret);
	if (r < 0 && key.name)
		return err_set(e, ENOENT, "find user '%.100s' in /etc/passwd of image '%s'", text,
			       image->name);
	/* A number needs no entry; its group is then root's, as everywhere. */
	if (r < 0)
		*ret = (struct passwd_entry){ .uid = key.id };
	return 0;
}

static int find_groups(const struct image *image, const struct passwd_entry *entry,
		       const char *group_name, struct image_user *user, struct err *e)
{
	struct passwd_groups groups = { 0 };
	AUTO_FREE char *group = NULL;
	int r;

	if (group_name && passwd_parse_id(group_name, &user->gid))
		return 0;
	if (group_name && group_name[0] >= '0' && group_name[0] <= '9')
		return err_set(e, EINVAL, "find group '%.100s': not an id of 0..4294967294",
			       group_name);
	if (!group_name && !entry->name)
		return 0;
	r = read_etc(image, "group", &group, e);
	if (r < 0)
		return r;
	r = passwd_find_groups(group, group_name, entry->name, &groups);
	if (r < 0)
		return err_set(e, ENOENT, "find group '%.100s' in /etc/group of image '%s'",
			       group_name, image->name);
	if (group_name) {
		user->gid = groups.ids[0];
		return 0;
	}
	user->groups = calloc(groups.n + 1, sizeof(*user->groups));
	if (!user->groups)
		return err_set(e, ENOMEM, "find groups");
	memcpy(user->groups, groups.ids, groups.n * sizeof(*groups.ids));
	user->n_groups = groups.n;
	return 0;
}

int image_user_find(const struct image *image, const char *text, struct image_user *ret,
		    struct err *e)
{
	char name[MAX_NAME + 1];
	size_t length = strcspn(text, ":");
	const char *group = text[length] ? text + length + 1 : NULL;
	AUTO_FREE char *passwd = NULL;
	struct image_user user = { 0 };
	struct passwd_entry entry;
	int r;

	if (length > MAX_NAME || (group && (length == 0 || !*group)) ||
	    strpbrk(text, " \t\r\n") || (group && strchr(group, ':')))
		return err_set(e, EINVAL, "find user '%.100s': not USER[:GROUP]", text);
	(void)snprintf(name, sizeof(name), "%.*s", (int)length, text);
	r = find_user(image, name, &entry, &passwd, e);
	if (r < 0)
		return r;
	user.uid = entry.uid;
	user.gid = entry.gid;
	user.home = entry.home ? strdup(entry.home) : NULL;
	r = find_groups(image, &entry, group, &user, e);
	if (r < 0)
		image_user_done(&user);
	else
		*ret = user;
	return r;
}

void image_user_done(struct image_user *user)
{
	free(user->groups);
	free(user->home);
	*user = (struct image_user){ 0 };
}
