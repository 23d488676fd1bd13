#include "isolators/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

enum { MAX_COMPONENT = 255 };

int rootfs_open(int root_fd, const char *path, int flags)
{
	return open_resolved(root_fd, path, (uint64_t)(O_PATH | flags), RESOLVE_IN_ROOT);
}

int rootfs_open_plain(int root_fd, const char *path, struct err *e)
{
	int fd = open_resolved(root_fd, path, O_PATH | O_DIRECTORY,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	return fd < 0 ? err_set(e, -fd, "open '/%s' of the container's root", path) : fd;
}

/* One way to write a path: what it is compared with could otherwise be written past. */
bool rootfs_path_is_plain(const char *path)
{
	if (path[0] != '/' || path[1] == '\0' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *p = path; *p;) {
		size_t length = strcspn(++p, "/");
		bool is_dots = length <= 2 && strspn(p, ".") >= length;

		/* Nothing, "." and ".." are no names; nothing may come after the last slash. */
		if (length > MAX_COMPONENT || (is_dots && *p))
			return false;
		p += length;
	}
	return true;
}

/* The directory or file NAME below DIR_FD, which is not there; owned, or -errno. */
static int make_one(int dir_fd, const char *name, bool is_file)
{
	int fd;

	if (is_file) {
		fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC,
			    0644);
		return fd < 0 ? -errno : fd;
	}
	if (mkdirat(dir_fd, name, 0755) < 0)
		return -errno;
	fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Links are followed, inside the root, as far as the path exists; what is made has none. */
int rootfs_make(int root_fd, const char *path, bool is_file, struct err *e)
{
	AUTO_CLOSE int dir_fd = -EBADF;
	int fd = rootfs_open(root_fd, path, is_file ? 0 : O_DIRECTORY);
	bool is_missing = false;
	const char *p = path;

	while (fd == -ENOENT || dir_fd >= 0) {
		char prefix[PATH_MAX], name[MAX_COMPONENT + 1];
		size_t length = strcspn(p += strspn(p, "/"), "/");
		bool is_last;

		(void)snprintf(name, sizeof(name), "%.*s", (int)length, p);
		p += length;
		is_last = p[strspn(p, "/")] == '\0';
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		fd = is_missing || is_last ? -ENOENT : rootfs_open(root_fd, prefix, O_DIRECTORY);
		if (fd == -ENOENT) {
			is_missing = true;
			fd = make_one(dir_fd < 0 ? root_fd : dir_fd, name, is_file && is_last);
		}
		if (fd < 0 || is_last)
			break;
		fd_close(&dir_fd);
		dir_fd = fd;
	}
	return fd < 0 ? err_set(e, -fd, "create '%s' in the container's root", path) : fd;
}

int rootfs_mount_on(int target_fd, const char *type, unsigned long flags, const char *data,
		    struct err *e)
{
	char target[32];

	/* The host's /proc, which is still there: it names what is open, no path is resolved. */
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", target_fd);
	if (mount(type, target, type, flags, data) < 0)
		return err_set(e, errno, "mount %s", type);
	return 0;
}
