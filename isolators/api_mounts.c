#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "isolators/cgroup_layout.h"
#include "isolators/devices.h"
#include "isolators/id_map.h"
#include "isolators/isolator.h"
#include "isolators/mount_options.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const unsigned long inert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/*
 * Mount TYPE on the directory NAME of the root, which is the working directory, and open what is
 * mounted; owned.  The name is not trusted: should it lead elsewhere, then in the private tree that
 * is thrown away with this process, because what is opened without following any link must be the
 * file system that the kernel has just made.
 */
static int mount_fresh(const struct spec *spec, int root_fd, const char *destination,
		       const char *type, const char *data, long magic, struct err *e)
{
	const char *name = destination + 1;
	AUTO_CLOSE int fd = -EBADF;
	struct mount_options o;
	struct statfs fs;
	int r = mounts_fixed(spec, destination, data, &o, e);

	if (r < 0)
		return r;
	/* What has to be filled first is made read-only by api_mounts_seal(). */
	if (magic == TMPFS_MAGIC)
		o.set &= ~(unsigned long)MS_RDONLY;
	r = mount(type, name, type, o.set, o.data);
	if (r < 0 && errno == ENOENT && mkdirat(root_fd, name, 0755) == 0)
		r = mount(type, name, type, o.set, o.data);
	if (r < 0)
		return err_set(e, errno, "mount %s on '%s'", type, destination);
	fd = rootfs_open_plain(root_fd, name, e);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != magic)
		return err_set(e, EPERM, "verify %s on '%s'", type, destination);
	return TAKE_FD(fd);
}

/* "net/tun" is made in a directory that is not there yet. */
static int make_parents(int dev_fd, const char *name, struct err *e)
{
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		char directory[PATH_MAX];

		(void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - name), name);
		if (mkdirat(dev_fd, directory, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "create '/dev/%s'", directory);
	}
	return 0;
}

/* A file by that NAME in /dev, with the host's device over it. */
static int bind_node(int dev_fd, const char *name, int tree_fd, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r = make_parents(dev_fd, name, e);

	if (r < 0)
		return r;
	fd = openat(dev_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0600);
	/* A document may list the default ones again. */
	if (fd < 0)
		return errno == EEXIST ? 0 : err_set(e, errno, "make '/dev/%s'", name);
	return trees_mount(tree_fd, fd, name, e);
}

static int make_node(const struct spec_device *device, int dev_fd, struct err *e)
{
	const char *name = device->path + strlen("/dev/");
	mode_t type = device->type == 'p' ? S_IFIFO : device->type == 'b' ? S_IFBLK : S_IFCHR;
	int r = make_parents(dev_fd, name, e);

	if (r < 0)
		return r;
	/* A document may list the default ones again. */
	if (mknodat(dev_fd, name, type | (device->mode & 0777),
		    makedev(device->major, device->minor)) < 0)
		return errno == EEXIST ? 0 : err_set(e, errno, "make device '%s'", device->path);
	if ((device->uid != 0 || device->gid != 0) &&
	    fchownat(dev_fd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "change owner of '%s'", device->path);
	return 0;
}

/* In a user namespace devices cannot be made: the host's are bound. */
static int bind_nodes(const struct box *box, int dev_fd, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < box->trees.n_devices && r >= 0; i++) {
		const struct spec_device *device = i < n_device_nodes ? NULL
			: &box->spec->devices[i - n_device_nodes];

		if (device && device->type == 'p')
			r = make_node(device, dev_fd, e);
		else if (box->trees.device_fds[i] >= 0)
			r = bind_node(dev_fd, device ? device->path + strlen("/dev/")
				      : device_nodes[i].name, box->trees.device_fds[i], e);
	}
	return r;
}

static int make_nodes(const struct spec *spec, int dev_fd, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n_device_nodes; i++) {
		const struct device_node *node = &device_nodes[i];

		if (mknodat(dev_fd, node->name, S_IFCHR | 0666,
			    makedev(node->major, node->minor)) < 0)
			return err_set(e, errno, "make device '/dev/%s'", node->name);
	}
	for (size_t i = 0; i < spec->n_devices && r == 0; i++)
		r = device_is_ptmx(&spec->devices[i]) ? 0 : make_node(&spec->devices[i], dev_fd, e);
	return r;
}

static int make_links(int dev_fd, struct err *e)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" },
		{ "ptmx", "pts/ptmx" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0)
			return err_set(e, errno, "link '/dev/%s'", links[i].name);
	}
	return 0;
}

enum { TTY_GROUP = 5 };

/* Terminals are the tty group's, where there is one. */
static const char *devpts_data(const struct spec *spec)
{
	if (spec_has_user_namespace(spec) &&
	    !id_map_has(spec->id_maps.gids, spec->id_maps.n_gids, TTY_GROUP))
		return "newinstance,ptmxmode=0666,mode=0620";
	return "newinstance,ptmxmode=0666,mode=0620,gid=5";
}

/* What is mounted in the fresh /dev: by names relative to it, which nobody else can change. */
static int mount_in_dev(const struct spec *spec, struct err *e)
{
	const struct {
		const char *destination, *type, *data;
		bool is_needed, is_left_out;
	} rows[] = {
		{ "/dev/pts", "devpts", devpts_data(spec), spec->terminal, false },
		{ "/dev/shm", "tmpfs", "mode=1777,size=64m", false, mounts_has_other_shm(spec) },
		{ "/dev/mqueue", "mqueue", NULL, false, !spec_has_namespace(spec, SPEC_NS_IPC) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct spec_mount *m = mounts_find(spec, rows[i].destination);
		const char *name = rows[i].destination + strlen("/dev/"), *type = rows[i].type;
		struct mount_options o;
		int r;

		if (!rows[i].is_needed && !mounts_wants(spec, rows[i].destination))
			continue;
		if (mkdir(name, 0755) < 0)
			return err_set(e, errno, "create '/dev/%s'", name);
		if (rows[i].is_left_out)
			continue;
		r = mounts_fixed(spec, rows[i].destination, rows[i].data, &o, e);
		if (r < 0)
			return r;
		if (mount(m && m->source ? m->source : type, name, type, o.set, o.data) < 0)
			return err_set(e, errno, "mount %s on '/dev/%s'", type, name);
	}
	return 0;
}

static int fill_dev(const struct box *box, int dev_fd, struct err *e)
{
	int r = box->trees.device_fds ? bind_nodes(box, dev_fd, e)
		: make_nodes(box->spec, dev_fd, e);

	if (r < 0)
		return r;
	r = make_links(dev_fd, e);
	if (r < 0)
		return r;
	/* The terminal comes over it. */
	if (box->spec->terminal && mknodat(dev_fd, "console", S_IFREG | 0600, 0) < 0)
		return err_set(e, errno, "make '/dev/console'");
	if (fchdir(dev_fd) < 0)
		return err_set(e, errno, "enter '/dev' of the container's root");
	return mount_in_dev(box->spec, e);
}

/*
 * The own group and what is below, where cgroup namespaces show nothing else: not on a host with
 * v1 hierarchies, and not without the namespace.  A fresh sysfs has an empty directory there.
 */
static bool shows_own_group(const struct box *box)
{
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		if (box->cgroup.versions[i] == 1)
			return false;
	}
	return box->spec->namespaces & CLONE_NEWCGROUP;
}

/*
 * Read-only unless the document says "rw", as for a systemd in the container.  Then its own limits
 * must be out of its reach, and that is for the host's mount to say.
 */
static int cgroup_flags(const struct spec *spec, unsigned long *ret, struct err *e)
{
	AUTO(cgroup_hosts_done) struct cgroup_hosts hosts = { 0 };
	struct mount_options o;
	int r = mounts_fixed(spec, "/sys/fs/cgroup", NULL, &o, e);

	if (r < 0)
		return r;
	*ret = inert | MS_RDONLY;
	if (!(o.clear & MS_RDONLY))
		return 0;
	r = cgroup_hosts_read(&hosts, e);
	if (r < 0)
		return r;
	if (!hosts.is_delegated)
		return err_set(e, EPERM, "mount cgroup2 on '/sys/fs/cgroup' with 'rw': the limits "
			       "could be changed from inside, for the host has it mounted without "
			       "nsdelegate");
	*ret = inert;
	return 0;
}

static int mount_cgroup(const struct box *box, int sys_fd, struct err *e)
{
	bool is_shown = shows_own_group(box) && mounts_wants(box->spec, "/sys/fs/cgroup");
	/* The host's /sys came along with all that is mounted in it. */
	bool is_hosts = box->is_rootless && box->trees.sys_fd >= 0;
	unsigned long flags;
	int r;

	if (!is_hosts && !is_shown)
		return 0;
	if (fchdir(sys_fd) < 0)
		return err_set(e, errno, "enter '/sys' of the container's root");
	if (is_hosts &&
	    mount("tmpfs", "fs/cgroup", "tmpfs", MS_RDONLY | inert, "mode=755,size=4k") < 0)
		return err_set(e, errno, "cover '/sys/fs/cgroup'");
	if (!is_shown)
		return 0;
	r = cgroup_flags(box->spec, &flags, e);
	if (r < 0)
		return r;
	if (mount("cgroup2", "fs/cgroup", "cgroup2", flags, NULL) < 0)
		return err_set(e, errno, "mount cgroup2 on '/sys/fs/cgroup'");
	return 0;
}

static int bind_sys(const struct box *box, int root_fd, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (mkdirat(root_fd, "sys", 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '/sys' in the container's root");
	fd = rootfs_open_plain(root_fd, "sys", e);
	if (fd < 0)
		return fd;
	r = trees_mount(box->trees.sys_fd, fd, "/sys", e);
	return r < 0 ? r : rootfs_open_plain(root_fd, "sys", e);
}

/* *RET, owned, stays as it is when there is to be none. */
static int mount_sys(const struct box *box, int root_fd, int *ret, struct err *e)
{
	int fd;

	if (!mounts_wants(box->spec, "/sys") && !mounts_wants(box->spec, "/sys/fs/cgroup"))
		return 0;
	fd = box->trees.sys_fd >= 0 ? bind_sys(box, root_fd, e)
		: mount_fresh(box->spec, root_fd, "/sys", "sysfs", NULL, SYSFS_MAGIC, e);
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

int api_mounts_seal(const struct spec *spec, const struct api_mounts *api, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	struct mount_options o;
	int r = mounts_fixed(spec, "/dev", NULL, &o, e);

	if (r < 0 || !(o.set & MS_RDONLY))
		return r;
	return mount_setattr(api->dev_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 ? 0
		: err_set(e, errno, "make '/dev' read-only");
}

int api_mounts_enter(const struct box *box, int root_fd, struct api_mounts *ret, struct err *e)
{
	AUTO_CLOSE int proc_fd = -EBADF, sys_fd = -EBADF, dev_fd = -EBADF;
	const struct spec *spec = box->spec;
	int r;

	if (fchdir(root_fd) < 0)
		return err_set(e, errno, "enter the container's root");
	proc_fd = mount_fresh(spec, root_fd, "/proc", "proc", NULL, PROC_SUPER_MAGIC, e);
	if (proc_fd < 0)
		return proc_fd;
	dev_fd = mount_fresh(spec, root_fd, "/dev", "tmpfs", "mode=755,size=64k", TMPFS_MAGIC, e);
	if (dev_fd < 0)
		return dev_fd;
	r = fill_dev(box, dev_fd, e);
	if (r == 0 && fchdir(root_fd) < 0)
		r = err_set(e, errno, "enter the container's root");
	if (r == 0)
		r = mount_sys(box, root_fd, &sys_fd, e);
	if (r == 0 && sys_fd >= 0)
		r = mount_cgroup(box, sys_fd, e);
	if (r < 0)
		return r;
	*ret = (struct api_mounts){
		.proc_fd = TAKE_FD(proc_fd), .sys_fd = TAKE_FD(sys_fd), .dev_fd = TAKE_FD(dev_fd),
	};
	return 0;
}
