/*
 * The container's own tree: the host's root read-only, or a root of its own; fresh /proc, /sys and
 * /dev; the sandbox; and nothing that can be reached from it is the host's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/attributes.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Where the host's root is shown, these are private and empty. */
static const struct {
	const char *path, *data;
} private_places[] = {
	{ "/tmp", "mode=1777" },
	{ "/var/tmp", "mode=1777" },
	{ "/run", "mode=755" },
};

/* A root that cannot be written to: new places are made on a file system put over this one. */
static const char sandbox_top[] = "/mnt";

static int check_paths(const char *what, char *const *list, struct err *e)
{
	for (; list && *list; list++) {
		if (!rootfs_path_is_plain(*list))
			return err_set(e, EINVAL, "%s path '%.128s'", what, *list);
	}
	return 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	int r;

	r = overlay_validate(spec, e);
	if (r < 0)
		return r;
	if (!spec->host_root && !spec->root_layers &&
	    (!spec->root_path || !rootfs_path_is_plain(spec->root_path)))
		return err_set(e, EINVAL, "use '%.128s' as root",
			       spec->root_path ? spec->root_path : "");
	if (spec->sandbox && (spec->sandbox[0] != '/' || !spec->sandbox_destination ||
			      !rootfs_path_is_plain(spec->sandbox_destination)))
		return err_set(e, EINVAL, "mount sandbox '%.128s'", spec->sandbox);
	r = check_paths("mask", spec->masked_paths, e);
	if (r == 0)
		r = check_paths("protect", spec->readonly_paths, e);
	if (r == 0)
		r = check_paths("hide", spec->hidden_paths, e);
	return r < 0 ? r : mounts_validate(spec, e);
}

/*
 * The sandbox as a mount of nobody's namespace yet: in the container's own namespace the
 * descriptor of the host's would not be a valid source.
 */
static int open_sandbox(struct box *box, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE,
	};
	AUTO_CLOSE int fd = -EBADF;

	if (box->sandbox_fd < 0)
		return 0;
	fd = open_tree(box->sandbox_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open mount of the sandbox");
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "restrict mount of the sandbox");
	fd_close(&box->sandbox_fd);
	box->sandbox_fd = TAKE_FD(fd);
	return 0;
}

static int prepare(struct box *box, struct err *e)
{
	int r = open_sandbox(box, e);

	if (r < 0)
		return r;
	return box->is_rootless ? trees_check_rootless(box->spec, e) : trees_open(box, e);
}

/* Put the root over "/", from where it will be the root. */
static int mount_root(struct box *box, struct err *e)
{
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make mounts private");
	r = box->is_rootless ? trees_open(box, e)
		: box->trees.root_fd < 0 ? trees_open_root(box, e) : 0;
	if (r < 0)
		return r;
	if (move_mount(box->trees.root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		struct stat st;
		int code = errno;

		if (fstat(box->trees.root_fd, &st) == 0 && !S_ISDIR(st.st_mode))
			code = ENOTDIR;
		return err_set(e, code, "mount root '%s'", box->spec->root_path);
	}
	return 0;
}

/* A tmpfs over PATH, if there is such a directory. */
static int cover(int root_fd, const char *path, const char *data, struct err *e)
{
	AUTO_CLOSE int fd = rootfs_open(root_fd, path, O_DIRECTORY);
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open '%s' of the container's root", path);
	r = rootfs_mount_on(fd, "tmpfs", MS_NOSUID | MS_NODEV, data, e);
	return r < 0 ? err_wrap(e, "'%s'", path) : 0;
}

static int furnish_host_root(const struct spec *spec, int root_fd, struct err *e)
{
	int r = host_mounts_enter(root_fd, e);

	for (size_t i = 0; i < ARRAY_SIZE(private_places) && r == 0; i++) {
		if (!mounts_find(spec, private_places[i].path))
			r = cover(root_fd, private_places[i].path, private_places[i].data, e);
	}
	return r < 0 ? r : host_mounts_resolver(root_fd, e);
}

static int mount_sandbox(const struct box *box, int root_fd, struct err *e)
{
	const char *destination = box->spec->sandbox_destination;
	size_t length = strlen(sandbox_top);
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (box->sandbox_fd < 0 || !destination)
		return 0;
	if (box->spec->host_root && strncmp(destination, sandbox_top, length) == 0 &&
	    destination[length] == '/') {
		r = cover(root_fd, sandbox_top, "mode=755,size=64k", e);
		if (r < 0)
			return r;
	}
	fd = rootfs_make(root_fd, destination, false, e);
	if (fd < 0)
		return fd;
	if (move_mount(box->sandbox_fd, "", fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount sandbox on '%s'", destination);
	return 0;
}

static int make_directory(int root_fd, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = rootfs_make(root_fd, path, false, e);

	return fd < 0 ? fd : 0;
}

/*
 * A document names a working directory, and an image also volumes, that need not be in the root;
 * other runtimes make them, too.
 */
static int make_directories(const struct spec *spec, int root_fd, struct err *e)
{
	int r = 0;

	if (spec->host_root)
		return 0;
	if (rootfs_path_is_plain(spec->cwd))
		r = make_directory(root_fd, spec->cwd, e);
	for (char **path = spec->root_directories; r == 0 && path && *path; path++)
		r = make_directory(root_fd, *path, e);
	return r;
}

static int pivot(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0)
		return err_set(e, errno, "enter the container's root");
	/* The old root lands on top of the new one, and goes. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_set(e, errno, "change root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_set(e, errno, "leave the host's root");
	return chdir("/") < 0 ? err_set(e, errno, "enter '/'") : 0;
}

/* Only now: what is shared cannot be made the root. */
static int set_propagation(const struct spec *spec, struct err *e)
{
	struct mount_attr attr = { .propagation = spec->root_propagation & ~(uint64_t)MS_REC };
	unsigned recursive = spec->root_propagation & MS_REC ? AT_RECURSIVE : 0;

	if (attr.propagation != MS_SHARED && attr.propagation != MS_UNBINDABLE)
		return 0;
	if (mount_setattr(AT_FDCWD, "/", recursive, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "set propagation of the root");
	return 0;
}

static int build(const struct box *box, int root_fd, struct api_mounts *api, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	const struct spec *spec = box->spec;
	int r;

	if ((r = api_mounts_enter(box, root_fd, api, e)) < 0 ||
	    (spec->host_root && (r = furnish_host_root(spec, root_fd, e)) < 0) ||
	    (r = masks_prepare(e)) < 0 ||
	    (r = masks_hide(spec, root_fd, e)) < 0 ||
	    (r = mount_sandbox(box, root_fd, e)) < 0 ||
	    (r = sysctls_enter(spec, api->proc_fd, e)) < 0 ||
	    (r = apparmor_enter(spec, api->proc_fd, e)) < 0 ||
	    (r = mounts_enter(box, root_fd, api, e)) < 0 ||
	    (r = make_directories(spec, root_fd, e)) < 0 ||
	    (r = masks_enter(spec, root_fd, api, e)) < 0 ||
	    (r = api_mounts_seal(spec, api, e)) < 0)
		return r;
	/* Last: the mounts may have needed places made. */
	if (spec->root_readonly && !spec->host_root &&
	    mount_setattr(root_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "make root read-only");
	r = box->before_pivot ? box->before_pivot(box->before_pivot_arg, e) : 0;
	if (r == 0)
		r = pivot(root_fd, e);
	return r < 0 ? r : set_propagation(spec, e);
}

static int enter(struct box *box, struct err *e)
{
	struct api_mounts api;
	int r;

	/* The payload gets its own, and no descriptor of ours. */
	(void)umask(0);
	r = mount_root(box, e);
	return r < 0 ? r : build(box, box->trees.root_fd, &api, e);
}

static void release(struct box *box)
{
	trees_close(&box->trees);
}

const struct isolator isolator_filesystem = {
	.name = "filesystem",
	.clone_flags = CLONE_NEWNS,
	.validate = validate,
	.prepare = prepare,
	.attach = trees_idmap,
	.enter = enter,
	.release = release,
};
