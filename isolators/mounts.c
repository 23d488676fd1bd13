#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/isolator.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_MOUNTS = 256, MAX_DATA = 256 };

/* The four that isolation rests on have one value in mount(2) and in mount_setattr(2). */
_Static_assert(MS_RDONLY == MOUNT_ATTR_RDONLY && MS_NOSUID == MOUNT_ATTR_NOSUID &&
	       MS_NODEV == MOUNT_ATTR_NODEV && MS_NOEXEC == MOUNT_ATTR_NOEXEC, "flags differ");

static const struct mount_option {
	const char *name;
	unsigned set, clear;
	bool is_recursive;
} mount_options[] = {
	{ .name = "ro", .set = MS_RDONLY },
	{ .name = "rw", .clear = MS_RDONLY },
	{ .name = "nosuid", .set = MS_NOSUID },
	{ .name = "nodev", .set = MS_NODEV },
	{ .name = "noexec", .set = MS_NOEXEC },
	{ .name = "exec", .clear = MS_NOEXEC },
	{ .name = "rbind", .is_recursive = true },
	{ .name = "bind" },
	/* Always so: nothing passes between a container's mounts and the host's. */
	{ .name = "private" }, { .name = "rprivate" },
	/* Matters of taste: access times. */
	{ .name = "relatime" }, { .name = "noatime" }, { .name = "nodiratime" },
	{ .name = "strictatime" },
};

/* What a tmpfs may be told. */
static const char *const tmpfs_keys[] = { "size=", "mode=", "nr_inodes=", "uid=", "gid=" };

/*
 * In these places the kernel's own file systems are mounted, always in the same way: a document
 * may list them, and nothing else there or below.
 */
static const struct {
	const char *destination, *type, *other_type;
} fixed[] = {
	{ "/proc", "proc", NULL },
	{ "/sys", "sysfs", NULL },
	{ "/sys/fs/cgroup", "cgroup", "cgroup2" },
	{ "/dev", "tmpfs", NULL },
	{ "/dev/pts", "devpts", NULL },
	{ "/dev/mqueue", "mqueue", NULL },
};

struct parsed {
	unsigned flags;
	bool is_recursive;
	char data[MAX_DATA];
};

static bool is_at_or_below(const char *path, const char *base)
{
	size_t length = strlen(base);

	return strncmp(path, base, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_fixed(const char *destination)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (strcmp(fixed[i].destination, destination) == 0)
			return true;
	}
	return false;
}

static const struct mount_option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++) {
		if (strcmp(mount_options[i].name, name) == 0)
			return &mount_options[i];
	}
	return NULL;
}

static bool is_tmpfs_option(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(tmpfs_keys); i++) {
		size_t length = strlen(tmpfs_keys[i]);

		if (strncmp(option, tmpfs_keys[i], length) == 0 &&
		    option[length + strspn(option + length, "0123456789kmgKMG%")] == '\0')
			return true;
	}
	return false;
}

static int parse_options(const struct spec_mount *m, struct parsed *ret, struct err *e)
{
	bool is_tmpfs = strcmp(m->type, "tmpfs") == 0;
	size_t used = 0;

	*ret = (struct parsed){ .flags = MS_NOSUID | MS_NODEV };
	for (char **option = m->options; option && *option; option++) {
		const struct mount_option *row = find_option(*option);
		int n;

		if (row) {
			ret->flags = (ret->flags | row->set) & ~row->clear;
			ret->is_recursive |= row->is_recursive;
			continue;
		}
		if (!is_tmpfs || !is_tmpfs_option(*option))
			return err_set(e, EINVAL, "mount on '%s' with option '%.64s'",
				       m->destination, *option);
		n = snprintf(ret->data + used, sizeof(ret->data) - used, "%s%s", used ? "," : "",
			     *option);
		if (n < 0 || (size_t)n >= sizeof(ret->data) - used)
			return err_set(e, E2BIG, "mount on '%s' with options", m->destination);
		used += (size_t)n;
	}
	return 0;
}

static int check_fixed(const struct spec_mount *m, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (strcmp(m->destination, fixed[i].destination) != 0)
			continue;
		if (strcmp(m->type, fixed[i].type) == 0 ||
		    (fixed[i].other_type && strcmp(m->type, fixed[i].other_type) == 0))
			return 0;
		return err_set(e, EINVAL, "mount %.32s on '%s'", m->type, m->destination);
	}
	return -ENOENT;
}

static int validate_mount(const struct spec_mount *m, struct err *e)
{
	struct parsed p;
	int r;

	if (!m->destination || !m->type || !rootfs_path_is_plain(m->destination))
		return err_set(e, EINVAL, "mount on '%.128s'",
			       m->destination ? m->destination : "");
	r = check_fixed(m, e);
	if (r != -ENOENT)
		return r;
	if (strcmp(m->destination, "/dev/shm") != 0 &&
	    (is_at_or_below(m->destination, "/proc") || is_at_or_below(m->destination, "/sys") ||
	     is_at_or_below(m->destination, "/dev")))
		return err_set(e, EINVAL, "mount on '%.128s', which the kernel's files are in",
			       m->destination);
	if (strcmp(m->type, "tmpfs") != 0 && strcmp(m->type, "bind") != 0)
		return err_set(e, ENOTSUP, "mount %.32s on '%.128s'", m->type, m->destination);
	if (strcmp(m->type, "bind") == 0 && (!m->source || m->source[0] != '/'))
		return err_set(e, EINVAL, "bind '%.128s' on '%.128s'", m->source ? m->source : "",
			       m->destination);
	return parse_options(m, &p, e);
}

int mounts_validate(const struct spec *spec, struct err *e)
{
	if (spec->n_mounts > MAX_MOUNTS)
		return err_set(e, E2BIG, "make %zu mounts, more than %d", spec->n_mounts,
			       MAX_MOUNTS);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		int r = validate_mount(&spec->mounts[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

const struct spec_mount *mounts_find(const struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (strcmp(spec->mounts[i].destination, destination) == 0)
			return &spec->mounts[i];
	}
	return NULL;
}

/* Where to mount; a link may lead to the root itself, which would then lie below it unseen. */
static int open_target(int root_fd, const char *destination, bool is_file, struct err *e)
{
	AUTO_CLOSE int fd = rootfs_make(root_fd, destination, is_file, e);
	struct stat root, st;

	if (fd < 0)
		return fd;
	if (fstat(root_fd, &root) < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "read attributes of '%s'", destination);
	if (st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		return err_set(e, EINVAL, "mount on '%s', which is the root", destination);
	return TAKE_FD(fd);
}

static int mount_tmpfs(const struct spec_mount *m, const struct parsed *p, int root_fd,
		       struct err *e)
{
	AUTO_CLOSE int fd = open_target(root_fd, m->destination, false, e);
	int r;

	if (fd < 0)
		return fd;
	r = rootfs_mount_on(fd, "tmpfs", p->flags, p->data, e);
	return r < 0 ? err_wrap(e, "'%s'", m->destination) : 0;
}

int mounts_open(const struct spec_mount *m, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	AUTO_CLOSE int fd = -EBADF;
	struct parsed p;
	int r;

	if (is_fixed(m->destination) || strcmp(m->type, "bind") != 0)
		return -ENOENT;
	r = parse_options(m, &p, e);
	if (r < 0)
		return r;
	attr.attr_set = p.flags;
	fd = open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
		       (p.is_recursive ? AT_RECURSIVE : 0));
	if (fd < 0)
		return err_set(e, errno, "open '%s'", m->source);
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "restrict '%s'", m->source);
	return TAKE_FD(fd);
}

static int mount_bind(const struct spec_mount *m, int tree_fd, int root_fd, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;

	if (fstat(tree_fd, &st) < 0)
		return err_set(e, errno, "open '%s'", m->source);
	fd = open_target(root_fd, m->destination, !S_ISDIR(st.st_mode), e);
	return fd < 0 ? fd : trees_mount(tree_fd, fd, m->destination, e);
}

int mounts_enter(const struct box *box, int root_fd, struct err *e)
{
	for (size_t i = 0; i < box->spec->n_mounts; i++) {
		const struct spec_mount *m = &box->spec->mounts[i];
		struct parsed p;
		int r;

		if (is_fixed(m->destination))
			continue;
		r = parse_options(m, &p, e);
		if (r < 0)
			return r;
		r = strcmp(m->type, "tmpfs") == 0 ? mount_tmpfs(m, &p, root_fd, e)
			: mount_bind(m, box->trees.mount_fds[i], root_fd, e);
		if (r < 0)
			return r;
	}
	return 0;
}
