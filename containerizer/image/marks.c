#include "containerizer/image/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "containerizer/image/helper.h"
#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

/* A directory that no link is in the way to; owned, or -errno. */
static int open_directory(int tree_fd, const char *path)
{
	return open_resolved(tree_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static int mark(int tree_fd, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open_directory(tree_fd, path);

	/*
	 * An entry after the mark may have replaced the directory: then there is nothing to hide.
	 */
	if (is_absent(fd))
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open directory '%.200s' of the layer", path);
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_set(e, errno, "mark directory '%.200s' of the layer", path);
	return 0;
}

int marks_apply(int tree_fd, const struct helper *helper, struct err *e)
{
	const char *path;
	size_t at = 0;
	int kind, r = 0;

	while (r == 0 && (kind = helper_note(helper, &at, &path))) {
		if (kind == UNPACK_NOTE_OPAQUE)
			r = mark(tree_fd, path, e);
	}
	return r;
}

/* The same directory in the uppermost layer that has it: owned, or -ENOENT. */
static int open_below(struct image_store *store, char *const *below, const char *path)
{
	size_t n = 0;
	int fd = -ENOENT;

	while (below && below[n])
		n++;
	while (n > 0 && fd == -ENOENT) {
		char layer[DIGEST_PATH_SIZE], tree[DIGEST_PATH_SIZE + sizeof(STORE_TREE)];
		AUTO_CLOSE int tree_fd = -EBADF;

		(void)snprintf(tree, sizeof(tree), "%s/" STORE_TREE,
			       digest_path(STORE_LAYERS, below[--n], layer));
		tree_fd = openat(store->fd, tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (tree_fd < 0)
			return -errno;
		fd = open_directory(tree_fd, path);
	}
	return fd;
}

/* A link or a mark of removal below ends the search: then it is a directory of its own. */
static int inherit(struct image_store *store, char *const *below, int tree_fd, const char *path,
		   struct err *e)
{
	AUTO_CLOSE int from = open_below(store, below, path), to = open_directory(tree_fd, path);
	struct timespec times[2];
	struct stat st;

	if (is_absent(from) || from == -ELOOP || is_absent(to))
		return 0;
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_set(e, from < 0 ? -from : to < 0 ? -to : errno,
			       "open directory '%.200s' of the layer", path);
	times[0] = times[1] = st.st_mtim;
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0 ||
	    futimens(to, times) < 0)
		return err_set(e, errno, "set mode of directory '%.200s' of the layer", path);
	return 0;
}

int marks_inherit(struct image_store *store, char *const *below, int tree_fd,
		  const struct helper *helper, struct err *e)
{
	const char *path;
	size_t at = 0;
	int kind, r = 0;

	while (r == 0 && (kind = helper_note(helper, &at, &path))) {
		if (kind == UNPACK_NOTE_IMPLIED)
			r = inherit(store, below, tree_fd, path, e);
	}
	return r;
}
