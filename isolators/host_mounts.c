#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/proc_file.h"
#include "isolators/rootfs.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_BROUGHT = 256 };

/*
 * A host may have thousands of mounts, most of them the business of others (containers' layers,
 * users' disks).  Only these trees are the operating system; DEPTH counts components.
 */
static const struct {
	const char *top;
	unsigned depth;
} trees[] = {
	{ "usr", 8 }, { "bin", 1 }, { "sbin", 1 }, { "lib", 8 }, { "lib32", 8 }, { "lib64", 8 },
	{ "libx32", 8 }, { "etc", 3 }, { "opt", 3 }, { "nix", 2 }, { "gnu", 2 },
	{ "var", 2 },
};

/* Made anew in every container. */
static const char *const replaced[] = { "/var/tmp", "/var/run", "/var/lock" };

static bool is_wanted(const char *path)
{
	size_t length = strcspn(path + 1, "/");
	unsigned depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	for (size_t i = 0; i < ARRAY_SIZE(replaced); i++) {
		if (strcmp(replaced[i], path) == 0)
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		if (strlen(trees[i].top) == length && strncmp(trees[i].top, path + 1, length) == 0)
			return depth <= trees[i].depth;
	}
	return false;
}

static int bring(int root_fd, const char *path, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	};
	AUTO_CLOSE int tree_fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					   AT_NO_AUTOMOUNT);
	AUTO_CLOSE int fd = -EBADF;

	/* Covered by another mount: not seen on the host either. */
	if (tree_fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", path);
	fd = rootfs_open(root_fd, path, 0);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open '%s' of the container's root", path);
	if (mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(tree_fd, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount '%s'", path);
	return 0;
}

/* The fifth word of a line; words with blanks in them are written with a backslash. */
static bool read_mount_point(const char *line, char *ret, size_t size)
{
	size_t length;

	for (int i = 0; i < 4; i++) {
		line += strcspn(line, " \n");
		if (*line != ' ')
			return false;
		line++;
	}
	length = strcspn(line, " \n");
	if (length == 0 || length >= size || memchr(line, '\\', length))
		return false;
	memcpy(ret, line, length);
	ret[length] = '\0';
	return true;
}

/*
 * With systemd-resolved and its like /etc/resolv.conf is a link into /run, which is private: the
 * file that it leads to comes along, alone and read-only.
 */
int host_mounts_resolver(int root_fd, struct err *e)
{
	static const char link[] = "/etc/resolv.conf", run[] = "/run/";
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
	};
	AUTO_CLOSE int tree_fd = -EBADF, fd = -EBADF;
	char path[PATH_MAX];
	struct stat st;

	if (readlink(link, path, sizeof(path)) < 0 || !realpath(link, path) ||
	    strncmp(path, run, strlen(run)) != 0)
		return 0;
	tree_fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree_fd < 0 || fstat(tree_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = rootfs_make(root_fd, path, true, e);
	if (fd < 0)
		return fd;
	if (mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(tree_fd, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount '%s'", path);
	return 0;
}

int host_mounts_enter(int root_fd, struct err *e)
{
	AUTO_FREE char *text = NULL;
	unsigned brought = 0;
	char path[PATH_MAX];
	int r = proc_file_read("/proc/self/mountinfo", &text, e);

	for (const char *line = text; r == 0 && line && *line; line++) {
		if (read_mount_point(line, path, sizeof(path)) && is_wanted(path)) {
			if (++brought > MAX_BROUGHT)
				return err_set(e, E2BIG, "bring along more than %d mounts",
					       MAX_BROUGHT);
			r = bring(root_fd, path, e);
		}
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	return r;
}
