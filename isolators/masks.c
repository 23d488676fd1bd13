#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const unsigned long inert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

static const char source_dir[] = MASKS_DIRECTORY, source_file[] = "/sys/file";

/*
 * The floor: hidden and read-only in every container, whatever its document says.  Names are
 * relative to the fresh /proc and /sys (reference/reliability.md 1.6 E1 and E2).
 */
static const struct mask {
	const char *name;
	const char *source;
} proc_masks[] = {
	{ "acpi", source_dir },
	{ "asound", source_dir },
	{ "scsi", source_dir },
	{ "config.gz", source_file },
	{ "interrupts", source_file },
	{ "kallsyms", source_file },
	{ "kcore", source_file },
	{ "keys", source_file },
	{ "latency_stats", source_file },
	{ "sched_debug", source_file },
	{ "timer_list", source_file },
	{ "timer_stats", source_file },
}, sys_masks[] = {
	{ "firmware", source_dir },
	{ "devices/virtual/powercap", source_dir },
};

static const char *const proc_readonly[] = { "bus", "fs", "irq", "sys", "sysrq-trigger" };

int masks_prepare(struct err *e)
{
	if (mount("tmpfs", "/sys", "tmpfs", inert, "mode=755,size=4k,nr_inodes=8") < 0)
		return err_set(e, errno, "mount the source of masks");
	if (mkdir(source_dir, 0) < 0 || mknod(source_file, S_IFREG, 0) < 0)
		return err_set(e, errno, "create the source of masks");
	if (mount(NULL, "/sys", NULL, MS_REMOUNT | MS_RDONLY | inert, NULL) < 0)
		return err_set(e, errno, "make the source of masks read-only");
	return 0;
}

/* A name that the kernel does not have needs no mask. */
static int cover_names(int dir_fd, const struct mask *masks, size_t n, struct err *e)
{
	if (fchdir(dir_fd) < 0)
		return err_set(e, errno, "enter what is to be masked");
	for (size_t i = 0; i < n; i++) {
		if (mount(masks[i].source, masks[i].name, NULL, MS_BIND, NULL) < 0 &&
		    errno != ENOENT)
			return err_set(e, errno, "mask '%s'", masks[i].name);
	}
	return 0;
}

/* The working directory is the fresh /proc. */
static int protect_names(struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_readonly); i++) {
		const char *name = proc_readonly[i];

		if (mount(name, name, NULL, MS_BIND, NULL) < 0) {
			if (errno == ENOENT)
				continue;
			return err_set(e, errno, "bind '/proc/%s'", name);
		}
		if (mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | inert, NULL) < 0)
			return err_set(e, errno, "make '/proc/%s' read-only", name);
	}
	return 0;
}

static int cover_path(int root_fd, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = rootfs_open(root_fd, path, 0);
	char target[32];
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open '%s' of the container's root", path);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read attributes of '%s'", path);
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (mount(S_ISDIR(st.st_mode) ? source_dir : source_file, target, NULL, MS_BIND, NULL) < 0)
		return err_set(e, errno, "mask '%s'", path);
	return 0;
}

static int protect_path(int root_fd, const char *path, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int fd = rootfs_open(root_fd, path, 0);
	AUTO_CLOSE int tree_fd = -EBADF;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open '%s' of the container's root", path);
	tree_fd = open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			    AT_RECURSIVE);
	if (tree_fd < 0 ||
	    mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ||
	    move_mount(tree_fd, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "make '%s' read-only", path);
	return 0;
}

int masks_hide(const struct spec *spec, int root_fd, struct err *e)
{
	int r = 0;

	for (char **path = spec->hidden_paths; path && *path && r == 0; path++)
		r = cover_path(root_fd, *path, e);
	return r;
}

/* Does the floor mask PREFIX/NAME already? */
static bool is_masked(const char *path, const char *prefix, const struct mask *masks, size_t n)
{
	size_t length = strlen(prefix);

	for (size_t i = 0; i < n; i++) {
		if (strncmp(path, prefix, length) == 0 &&
		    strcmp(path + length, masks[i].name) == 0)
			return true;
	}
	return false;
}

static bool is_protected(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_readonly); i++) {
		if (strncmp(path, "/proc/", 6) == 0 && strcmp(path + 6, proc_readonly[i]) == 0)
			return true;
	}
	return false;
}

int masks_enter(const struct spec *spec, int root_fd, const struct api_mounts *api, struct err *e)
{
	int r = api->sys_fd < 0 ? 0 : cover_names(api->sys_fd, sys_masks, ARRAY_SIZE(sys_masks), e);

	if (r == 0)
		r = cover_names(api->proc_fd, proc_masks, ARRAY_SIZE(proc_masks), e);
	if (r == 0)
		r = protect_names(e);
	for (char **path = spec->readonly_paths; path && *path && r == 0; path++) {
		if (!is_protected(*path))
			r = protect_path(root_fd, *path, e);
	}
	for (char **path = spec->masked_paths; path && *path && r == 0; path++) {
		if (!is_masked(*path, "/proc/", proc_masks, ARRAY_SIZE(proc_masks)) &&
		    !is_masked(*path, "/sys/", sys_masks, ARRAY_SIZE(sys_masks)))
			r = cover_path(root_fd, *path, e);
	}
	return r;
}
