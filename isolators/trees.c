#include "isolators/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "isolators/devices.h"
#include "isolators/id_map.h"
#include "isolators/isolator.h"
#include "isolators/namespaces.h"
#include "isolators/proc_file.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int open_root_tree(const struct spec *spec, const char *path, struct err *e)
{
	int fd;

	if (spec->root_layers)
		return spec_has_user_namespace(spec) ? overlay_open_mapped(spec, e)
			: overlay_open(spec, e);
	/* A link in the place of the root would be somebody's way to choose another one. */
	fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
		       (spec->host_root ? 0 : AT_RECURSIVE));
	return fd < 0 ? err_set(e, errno, "open root '%s'", path) : fd;
}

int trees_open_root(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	const char *path = spec->host_root ? "/" : spec->root_path;
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV,
		.propagation = spec->root_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE,
	};
	AUTO_CLOSE int fd = -EBADF;

	if (spec->no_new_privileges)
		attr.attr_set |= MOUNT_ATTR_NOSUID;
	if (spec->host_root)
		attr.attr_set |= MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
	fd = open_root_tree(spec, path, e);
	if (fd < 0)
		return fd;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "restrict root '%s'", path);
	box->trees.root_fd = TAKE_FD(fd);
	return 0;
}

/* A fresh sysfs shows a network: who does not own that namespace gets the host's, read-only. */
static int open_sys(const struct box *box, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
		.propagation = MS_PRIVATE,
	};
	/* From inside a user namespace what is mounted below cannot be left out. */
	unsigned recursive = box->is_rootless ? AT_RECURSIVE : 0;
	AUTO_CLOSE int fd = open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				      recursive);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "open '/sys'");
	return TAKE_FD(fd);
}

/* The host's node, if it is that device (rule R4). */
static int open_device(const struct spec_device *device, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		.attr_clr = MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	AUTO_CLOSE int fd = open_tree(AT_FDCWD, device->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				      AT_SYMLINK_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open device '%s' of the host", device->path);
	if ((device->type == 'b' ? !S_ISBLK(st.st_mode) : !S_ISCHR(st.st_mode)) ||
	    st.st_rdev != makedev(device->major, device->minor))
		return err_set(e, EINVAL, "bind device '%s': on the host it is not %c %u:%u",
			       device->path, device->type, device->major, device->minor);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "restrict device '%s'", device->path);
	return TAKE_FD(fd);
}

static int open_default_device(size_t i, struct err *e)
{
	char path[32];
	const struct spec_device device = {
		.path = path, .type = 'c', .major = device_nodes[i].major,
		.minor = device_nodes[i].minor,
	};

	(void)snprintf(path, sizeof(path), "/dev/%s", device_nodes[i].name);
	return open_device(&device, e);
}

static int *alloc_fds(size_t n, struct err *e)
{
	int *fds = calloc(n > 0 ? n : 1, sizeof(*fds));

	if (!fds)
		err_set(e, ENOMEM, "open %zu trees of mounts", n);
	for (size_t i = 0; fds && i < n; i++)
		fds[i] = -EBADF;
	return fds;
}

/* The default devices, and after them the spec's. */
static int open_devices(const struct spec *spec, struct trees *trees, struct err *e)
{
	size_t n = n_device_nodes + spec->n_devices;

	trees->device_fds = alloc_fds(n, e);
	if (!trees->device_fds)
		return -e->code;
	trees->n_devices = n;
	for (size_t i = 0; i < n; i++) {
		int fd;

		if (i >= n_device_nodes && !device_is_hosts(&spec->devices[i - n_device_nodes]))
			continue;
		fd = i < n_device_nodes ? open_default_device(i, e)
			: open_device(&spec->devices[i - n_device_nodes], e);

		if (fd < 0)
			return fd;
		trees->device_fds[i] = fd;
	}
	return 0;
}

static int open_mounts(const struct spec *spec, struct trees *trees, struct err *e)
{
	trees->mount_fds = alloc_fds(spec->n_mounts, e);
	if (!trees->mount_fds)
		return -e->code;
	trees->n_mounts = spec->n_mounts;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		int fd = mounts_open(spec, i, e);

		if (fd < 0 && (fd != -ENOENT || e->code != 0))
			return fd;
		trees->mount_fds[i] = fd;
	}
	return 0;
}

/* What the kernel lets only the owner of a namespace do, and init owns another. */
static int open_for_user_namespace(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	int net_fd = box->join_fds[SPEC_NS_NETWORK];

	/* The host's would show another network. */
	if (net_fd >= 0 && !join_owns(box->join_fds[SPEC_NS_USER], net_fd))
		return err_set(e, EPERM, "mount sysfs of network namespace '%s', which another "
			       "user namespace owns", spec->namespace_paths[SPEC_NS_NETWORK]);
	if (!spec_has_namespace(spec, SPEC_NS_NETWORK)) {
		box->trees.sys_fd = open_sys(box, e);
		if (box->trees.sys_fd < 0)
			return box->trees.sys_fd;
	}
	return open_devices(spec, &box->trees, e);
}

int trees_check_rootless(const struct spec *spec, struct err *e)
{
	unsigned recursive;

	if (spec->idmapped_root || spec->root_layers)
		return err_set(e, EPERM, "map the ids of '%s' without being root", spec->root_path);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (spec->mounts[i].layers)
			return err_set(e, EPERM, "mount layers on '%s' without being root",
				       spec->mounts[i].destination);
		if (mounts_is_idmapped(spec, i, &recursive))
			return err_set(e, EPERM, "map the ids of '%s' without being root",
				       spec->mounts[i].source);
	}
	return 0;
}

int trees_open(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	struct trees *trees = &box->trees;
	int r;

	/* Layers are put together in mounts that are not the host's: best in init's. */
	r = spec->root_layers && !spec_has_user_namespace(spec) ? 0 : trees_open_root(box, e);
	if (r >= 0)
		r = open_mounts(spec, trees, e);
	if (r >= 0 && spec_has_user_namespace(spec))
		r = open_for_user_namespace(box, e);
	if (r < 0)
		trees_close(trees);
	return r;
}

/* The type of the file system that FD is on, by its device; or its number. */
static void name_file_system(int fd, char *ret, size_t size)
{
	AUTO_FREE char *text = NULL;
	char device[32], *state = NULL;
	struct err lost = { 0 };
	struct statfs fs = { 0 };
	struct stat st = { 0 };

	(void)fstatfs(fd, &fs);
	(void)fstat(fd, &st);
	(void)snprintf(ret, size, "0x%lx", (unsigned long)fs.f_type);
	(void)snprintf(device, sizeof(device), " %u:%u ", major(st.st_dev), minor(st.st_dev));
	if (proc_file_read("/proc/self/mountinfo", &text, &lost) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		const char *type = strstr(line, " - ");

		if (!strstr(line, device) || !type)
			continue;
		type += 3;
		(void)snprintf(ret, size, "%.*s", (int)strcspn(type, " "), type);
		return;
	}
}

static int idmap(int tree_fd, int user_ns_fd, unsigned recursive, const char *what,
		 struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_ns_fd,
	};
	char type[32];
	int code;

	if (mount_setattr(tree_fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) == 0)
		return 0;
	code = errno;
	name_file_system(tree_fd, type, sizeof(type));
	return err_set(e, code, "map the ids of '%s', which is on %s", what, type);
}

/* By maps of its own, or by the container's. */
static int idmap_mount(const struct box *box, size_t i, struct err *e)
{
	const struct spec_mount *m = &box->spec->mounts[i];
	AUTO_CLOSE int own_fd = -EBADF;
	unsigned recursive;
	int r;

	if (!mounts_is_idmapped(box->spec, i, &recursive))
		return 0;
	if (m->id_maps.n_uids > 0) {
		own_fd = id_maps_open_namespace(&m->id_maps, e);
		if (own_fd < 0)
			return own_fd;
	}
	r = idmap(box->trees.mount_fds[i], own_fd >= 0 ? own_fd : box->user_ns_fd, recursive,
		  m->source, e);
	return r < 0 ? r : 0;
}

int trees_idmap(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	int r = 0;

	if (spec->idmapped_root && !spec->root_layers)
		r = idmap(box->trees.root_fd, box->user_ns_fd, AT_RECURSIVE, spec->root_path, e);
	if (r >= 0 && box->sandbox_fd >= 0 && spec_has_user_namespace(spec))
		r = idmap(box->sandbox_fd, box->user_ns_fd, 0, spec->sandbox, e);
	for (size_t i = 0; i < box->trees.n_mounts && r >= 0; i++)
		r = box->trees.mount_fds[i] >= 0 ? idmap_mount(box, i, e) : 0;
	return r;
}

static void close_all(int **fds, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		fd_close(&(*fds)[i]);
	free(*fds);
	*fds = NULL;
	*n = 0;
}

void trees_close(struct trees *trees)
{
	fd_close(&trees->root_fd);
	fd_close(&trees->sys_fd);
	close_all(&trees->mount_fds, &trees->n_mounts);
	close_all(&trees->device_fds, &trees->n_devices);
}

int trees_mount(int tree_fd, int target_fd, const char *destination, struct err *e)
{
	if (move_mount(tree_fd, "", target_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount on '%s'", destination);
	return 0;
}
