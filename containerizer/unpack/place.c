#include "containerizer/unpack/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"
#include "lib/tree.h"

enum { MAX_COMPONENT = 255 };

int place_clean(const char *raw, uint64_t max_depth, char ret[PATH_MAX], struct err *e)
{
	uint64_t depth = 0;
	size_t used = 0;

	ret[0] = '\0';
	for (const char *p = raw; *p;) {
		size_t size;

		p += strspn(p, "/");
		size = strcspn(p, "/");
		if (size == 0 || (size == 1 && p[0] == '.')) {
			p += size;
			continue;
		}
		if (size == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, EINVAL, "unpack '%.200s': '..' in its path", raw);
		if (size > MAX_COMPONENT || used + size + 2 > PATH_MAX)
			return err_set(e, EINVAL, "unpack '%.200s': its path is too long", raw);
		if (++depth > max_depth)
			return err_set(e, EINVAL, "unpack '%.200s': deeper than %llu directories",
				       raw, (unsigned long long)max_depth);
		used += (size_t)snprintf(ret + used, PATH_MAX - used, "%s%.*s", used ? "/" : "",
					 (int)size, p);
		p += size;
	}
	return 0;
}

static int open_below(int root_fd, const char *path)
{
	return open_resolved(root_fd, path, O_PATH | O_DIRECTORY,
			     RESOLVE_IN_ROOT | RESOLVE_NO_XDEV);
}

/* The directory PATH, which is not whole: from the first component that is missing on, made. */
static int make_parents(struct places *places, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open_below(places->root_fd, "");
	char prefix[PATH_MAX];

	for (const char *p = path; fd >= 0 && *p; p += *p == '/') {
		int next;

		p += strcspn(p, "/");
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		next = open_below(places->root_fd, prefix);
		if (next == -ENOENT) {
			const char *slash = strrchr(prefix, '/');
			const char *name = slash ? slash + 1 : prefix;

			if (mkdirat(fd, name, 0755) < 0)
				return err_set(e, errno, "create directory '%.200s'", prefix);
			if (report_path(places->report, UNPACK_NOTE_IMPLIED, prefix, e) < 0)
				return -e->code;
			next = open_below(fd, name);
		}
		fd_close(&fd);
		fd = next;
	}
	return fd < 0 ? err_set(e, -fd, "open directory '%.200s'", path) : TAKE_FD(fd);
}

static int open_parent(struct places *places, const char *path, struct err *e)
{
	int fd;

	if (places->parent_fd >= 0 && strcmp(places->parent, path) == 0)
		return places->parent_fd;
	fd = open_below(places->root_fd, path);
	if (fd == -ENOENT)
		fd = make_parents(places, path, e);
	else if (fd < 0)
		err_set(e, -fd, "open directory '%.200s'", path);
	if (fd < 0)
		return fd;
	fd_close(&places->parent_fd);
	places->parent_fd = fd;
	(void)snprintf(places->parent, sizeof(places->parent), "%s", path);
	return fd;
}

int place_find(struct places *places, const char *raw, struct place *ret, struct err *e)
{
	char parent[PATH_MAX], *slash;
	int r = place_clean(raw, places->max_depth, ret->path, e);

	if (r < 0)
		return r;
	memcpy(parent, ret->path, sizeof(parent));
	slash = strrchr(parent, '/');
	*(slash ? slash : parent) = '\0';
	ret->name = ret->path + (slash ? slash + 1 - parent : 0);
	ret->parent_fd = open_parent(places, parent, e);
	return ret->parent_fd < 0 ? ret->parent_fd : 0;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int remove_tree(const struct place *place, struct err *e)
{
	struct err lost = { 0 };
	int r = tree_remove(place->parent_fd, place->name, &lost);

	return r < 0 ? err_set(e, -r, "remove '%.200s'", place->path) : 0;
}

int place_clear(struct places *places, const struct place *place, bool is_dir, struct err *e)
{
	struct stat st;
	int r = 0;

	if (fstatat(place->parent_fd, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look at '%.200s'", place->path);
	if (S_ISDIR(st.st_mode) && is_dir)
		return 1;
	if (S_ISDIR(st.st_mode))
		r = remove_tree(place, e);
	else if (unlinkat(place->parent_fd, place->name, 0) < 0)
		r = err_set(e, errno, "replace '%.200s'", place->path);
	/*
	 * The name was to be hidden, and now is a directory: its lower namesake must not shine
	 * through.
	 */
	if (r == 0 && is_dir && is_whiteout(&st))
		r = report_path(places->report, UNPACK_NOTE_OPAQUE, place->path, e);
	/* What the cached directory's path leads through may just have gone. */
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		places->parent[0] = '/';
	return r;
}

void places_done(struct places *places)
{
	fd_close(&places->parent_fd);
}
