#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/devices.h"
#include "isolators/id_map.h"
#include "isolators/isolator.h"
#include "isolators/mount_options.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

enum { MAX_MOUNTS = 256 };

static const unsigned long inert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/*
 * In these places the kernel's own file systems are mounted: a document may list them, with options
 * that take nothing of the floor away, and nothing else there or below.
 */
static const struct fixed_mount {
	const char *destination, *type, *other_type;
	unsigned long floor;
	const char *keys;		/* of the file system, each with a blank before and after */
} fixed_mounts[] = {
	{ "/proc", "proc", NULL, inert, " hidepid gid subset " },
	{ "/sys", "sysfs", "bind", inert | MS_RDONLY, " " },
	{ "/sys/fs/cgroup", "cgroup", "cgroup2", inert, " " },
	{ "/dev", "tmpfs", NULL, MS_NOSUID | MS_NOEXEC,
	  " size nr_blocks nr_inodes mode uid gid " },
	{ "/dev/pts", "devpts", NULL, MS_NOSUID | MS_NOEXEC,
	  " newinstance ptmxmode mode uid gid max " },
	{ "/dev/mqueue", "mqueue", NULL, inert, " " },
};

static const char tmpfs_keys[] = " size nr_blocks nr_inodes mode uid gid huge mpol noswap inode32 "
				 "inode64 ";

static bool is_at_or_below(const char *path, const char *base)
{
	size_t length = strlen(base);

	return strncmp(path, base, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static const struct fixed_mount *find_fixed(const char *destination)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed_mounts); i++) {
		if (strcmp(fixed_mounts[i].destination, destination) == 0)
			return &fixed_mounts[i];
	}
	return NULL;
}

static bool is_bind(const struct spec_mount *m)
{
	return strcmp(m->type, "bind") == 0;
}

static bool is_of_layers(const struct spec_mount *m)
{
	return strcmp(m->type, "layers") == 0;
}

/* Are all of DATA's keys, up to "=" or a comma, in that list? */
static bool has_known_keys(const char *data, const char *keys)
{
	while (*data) {
		size_t length = strcspn(data, ",="), all = strcspn(data, ",");
		char key[32];

		if (length == 0 || length + 3 > sizeof(key))
			return false;
		(void)snprintf(key, sizeof(key), " %.*s ", (int)length, data);
		if (!strstr(keys, key))
			return false;
		data += all + (data[all] == ',');
	}
	return true;
}

static int check_fixed(const struct spec_mount *m, size_t i, const struct fixed_mount *fixed,
		       struct err *e)
{
	struct mount_options o;
	int r;

	if (strcmp(m->type, fixed->type) != 0 &&
	    (!fixed->other_type || strcmp(m->type, fixed->other_type) != 0))
		return err_set(e, EINVAL, "mounts[%zu].type: '%.32s' is not for '%s'", i, m->type,
			       m->destination);
	if (is_bind(m) && (!m->source || strcmp(m->source, fixed->destination) != 0))
		return err_set(e, EINVAL, "mounts[%zu].source: only '%s' is bound on '%s'", i,
			       fixed->destination, m->destination);
	r = mount_options_parse(m, i, &o, e);
	if (r < 0)
		return r;
	if ((o.clear | o.clear_below) & fixed->floor || o.is_copied_up || o.is_idmapped ||
	    o.is_idmapped_below || o.propagation == MS_SHARED || o.propagation == MS_UNBINDABLE ||
	    !has_known_keys(o.data, fixed->keys))
		return err_set(e, EINVAL, "mounts[%zu].options: one of them is not for '%s'", i,
			       m->destination);
	return 0;
}

static int check_destination(const struct spec_mount *m, size_t i, struct err *e)
{
	const char *name = m->destination;

	if (!rootfs_path_is_plain(name))
		return err_set(e, EINVAL, "mounts[%zu].destination: '%.128s' is not a place below "
			       "the root", i, name);
	if (is_at_or_below(name, "/proc") || is_at_or_below(name, "/sys"))
		return err_set(e, EINVAL, "mounts[%zu].destination: '%.128s' is among the kernel's "
			       "files", i, name);
	if (!is_at_or_below(name, "/dev"))
		return 0;
	name += strlen("/dev/");
	for (size_t k = 0; k < n_device_nodes; k++) {
		if (is_at_or_below(name, device_nodes[k].name))
			return err_set(e, EINVAL, "mounts[%zu].destination: '/dev/%.128s' is a "
				       "device", i, name);
	}
	return is_dev_name(name) ? err_set(e, EINVAL, "mounts[%zu].destination: '/dev/%.128s' is "
					   "there already", i, name) : 0;
}

static bool has_id_maps(const struct spec_mount *m)
{
	return m->id_maps.n_uids + m->id_maps.n_gids > 0;
}

static int check_idmap(const struct spec *spec, const struct spec_mount *m, size_t i,
		       const struct mount_options *o, struct err *e)
{
	char where[32];

	(void)snprintf(where, sizeof(where), "mounts[%zu]", i);
	if (!has_id_maps(m) && !o->is_idmapped && !o->is_idmapped_below)
		return 0;
	if (!is_bind(m))
		return err_set(e, ENOTSUP, "%s: map the ids of %.32s", where, m->type);
	if (has_id_maps(m))
		return id_maps_validate(&m->id_maps, where, e);
	return spec_has_user_namespace(spec) ? 0
		: err_set(e, EINVAL, "%s.options: 'idmap' has neither uidMappings nor a user "
			  "namespace", where);
}

static int check_options(const struct spec *spec, const struct spec_mount *m, size_t i,
			 struct err *e)
{
	struct mount_options o;
	int r = mount_options_parse(m, i, &o, e);

	if (r < 0)
		return r;
	if (strcmp(m->type, "tmpfs") == 0 && !has_known_keys(o.data, tmpfs_keys))
		return err_set(e, EINVAL, "mounts[%zu].options: '%.128s' is not for tmpfs", i,
			       o.data);
	if (is_of_layers(m) && o.data[0])
		return err_set(e, EINVAL, "mounts[%zu].options: '%.128s' is not for layers", i,
			       o.data);
	if (o.is_copied_up && strcmp(m->type, "tmpfs") != 0)
		return err_set(e, EINVAL, "mounts[%zu].options: 'tmpcopyup' is for tmpfs", i);
	/* Its root could mount for all who share it. */
	if (o.propagation == MS_SHARED && spec_has_user_namespace(spec))
		return err_set(e, EINVAL, "mounts[%zu].options: 'shared' is not for a user "
			       "namespace", i);
	return check_idmap(spec, m, i, &o, e);
}

static int check_mount(const struct spec *spec, size_t i, struct err *e)
{
	const struct spec_mount *m = &spec->mounts[i];
	const struct fixed_mount *fixed = m->destination ? find_fixed(m->destination) : NULL;
	int r;

	if (!m->destination || !m->type)
		return err_set(e, EINVAL, "mounts[%zu]: no destination or type", i);
	if (fixed)
		return check_fixed(m, i, fixed, e);
	r = check_destination(m, i, e);
	if (r < 0)
		return r;
	if (is_bind(m) && (!m->source || m->source[0] != '/'))
		return err_set(e, EINVAL, "mounts[%zu].source: '%.128s' is not an absolute path", i,
			       m->source ? m->source : "");
	return check_options(spec, m, i, e);
}

int mounts_validate(const struct spec *spec, struct err *e)
{
	if (spec->n_mounts > MAX_MOUNTS)
		return err_set(e, E2BIG, "mounts: more than %d entries", MAX_MOUNTS);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		int r = check_mount(spec, i, e);

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

bool mounts_wants(const struct spec *spec, const char *destination)
{
	bool lists_any = false;

	for (size_t i = 0; i < ARRAY_SIZE(fixed_mounts); i++)
		lists_any |= mounts_find(spec, fixed_mounts[i].destination) != NULL;
	return spec->host_root || !lists_any || mounts_find(spec, destination);
}

/*
 * Unlike the others /dev/shm can be any mount that the document has.  A tmpfs takes its place among
 * those that are always there, for mounts stand in the order of the document (OCI config.md).
 */
static bool is_early_shm(const struct spec *spec, const struct spec_mount *m)
{
	struct mount_options o;
	struct err lost = { 0 };

	return strcmp(m->destination, "/dev/shm") == 0 && m == mounts_find(spec, m->destination) &&
		strcmp(m->type, "tmpfs") == 0 &&
		mount_options_parse(m, (size_t)(m - spec->mounts), &o, &lost) == 0 &&
		!o.is_copied_up && o.propagation == MS_PRIVATE;
}

bool mounts_has_other_shm(const struct spec *spec)
{
	const struct spec_mount *m = mounts_find(spec, "/dev/shm");

	return m && !is_early_shm(spec, m);
}

int mounts_fixed(const struct spec *spec, const char *destination, const char *data,
		 struct mount_options *ret, struct err *e)
{
	const struct spec_mount *m = mounts_find(spec, destination);
	const struct fixed_mount *fixed = find_fixed(destination);
	int r = 0;

	*ret = (struct mount_options){ 0 };
	if (m && is_early_shm(spec, m))
		return mount_options_parse(m, (size_t)(m - spec->mounts), ret, e);
	if (m && fixed)
		r = mount_options_parse(m, (size_t)(m - spec->mounts), ret, e);
	/* It sets nodev by itself, which /dev must not have. */
	ret->set = (ret->set & ~(unsigned long)MS_NODEV) | (fixed ? fixed->floor : inert);
	if (ret->data[0] == '\0' && data)
		(void)snprintf(ret->data, sizeof(ret->data), "%s", data);
	return r;
}

/* ---- supervisor: the sources of binds, and layers ---- */

/*
 * What is set holds below, too: a mount below that was forgotten would be the way around it.  What
 * is not to be there is cleared above, and below only on request.
 */
static int restrict_tree(int fd, const struct mount_options *o)
{
	struct mount_attr clear = { 0 }, clear_below = { 0 };
	struct mount_attr attr = { .propagation = o->propagation };

	mount_options_attr(o->clear & ~o->clear_below, &clear);
	mount_options_attr(o->clear_below, &clear_below);
	mount_options_attr(o->set, &attr);
	clear.attr_clr |= clear.attr_set;
	clear.attr_set = 0;
	attr.attr_clr |= clear_below.attr_set | clear_below.attr_clr;
	if (clear.attr_clr && mount_setattr(fd, "", AT_EMPTY_PATH, &clear, sizeof(clear)) < 0)
		return -errno;
	return mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ?
		-errno : 0;
}

/* The sandbox or the volume root that PATH is at or below, and what follows it; NULL: none. */
static const char *find_volume_root(const struct spec *spec, const char *path, const char **ret_rest)
{
	const char *found = spec->sandbox && is_at_or_below(path, spec->sandbox) ? spec->sandbox :
										  NULL;

	for (char **root = spec->volume_roots; root && *root && !found; root++)
		found = is_at_or_below(path, *root) ? *root : NULL;
	if (!found)
		return NULL;
	*ret_rest = path + strlen(found);
	*ret_rest += strspn(*ret_rest, "/");
	return found;
}

/* What is hidden from containers is the agent's own: a link on the way there is some task's. */
static bool is_hidden(const struct spec *spec, const char *path)
{
	for (char **hidden = spec->hidden_paths; hidden && *hidden; hidden++) {
		if (is_at_or_below(path, *hidden))
			return true;
	}
	return false;
}

/*
 * What is in a volume root may be somebody's who would like a link to lead out of it: it is looked
 * up once, beneath the root, and what was found is what is mounted (rules R2, R4).
 */
static int open_beneath(const struct spec *spec, const char *root, const char *rest, struct err *e)
{
	AUTO_CLOSE int root_fd = open_resolved(AT_FDCWD, root, O_PATH | O_DIRECTORY,
					       is_hidden(spec, root) ? RESOLVE_NO_SYMLINKS : 0);
	int fd;

	if (root_fd < 0)
		return err_set(e, -root_fd, "open '%s'", root);
	if (!*rest)
		return TAKE_FD(root_fd);
	fd = open_resolved(root_fd, rest, O_PATH, RESOLVE_BENEATH);
	return fd < 0 ? err_set(e, -fd, "open '%s' beneath '%s'", rest, root) : fd;
}

static int open_source(const struct spec *spec, const char *path, unsigned flags, struct err *e)
{
	const char *rest, *root = find_volume_root(spec, path, &rest);
	AUTO_CLOSE int source_fd = -EBADF;
	int fd;

	if (root) {
		source_fd = open_beneath(spec, root, rest, e);
		if (source_fd < 0)
			return source_fd;
		fd = open_tree(source_fd, "", flags | AT_EMPTY_PATH);
	} else {
		fd = open_tree(AT_FDCWD, path, flags);
	}
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

int mounts_open(const struct spec *spec, size_t i, struct err *e)
{
	const struct spec_mount *m = &spec->mounts[i];
	AUTO_CLOSE int fd = -EBADF;
	struct mount_options o;
	int r;

	if (find_fixed(m->destination) || (!is_bind(m) && !is_of_layers(m)))
		return -ENOENT;
	r = mount_options_parse(m, i, &o, e);
	if (r < 0)
		return r;
	fd = is_of_layers(m) ? overlay_open_mount(spec, m, e)
		: open_source(spec, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			      (o.is_recursive ? AT_RECURSIVE : 0), e);
	if (fd < 0)
		return fd;
	r = restrict_tree(fd, &o);
	return r < 0 ? err_set(e, -r, "restrict '%s'", m->source) : TAKE_FD(fd);
}

bool mounts_is_idmapped(const struct spec *spec, size_t i, unsigned *ret_recursive)
{
	const struct spec_mount *m = &spec->mounts[i];
	struct mount_options o;
	struct err lost = { 0 };

	if (mount_options_parse(m, i, &o, &lost) < 0)
		return false;
	*ret_recursive = o.is_idmapped_below ? AT_RECURSIVE : 0;
	return has_id_maps(m) || o.is_idmapped || o.is_idmapped_below;
}

/* ---- init: putting them in their places ---- */

/*
 * A link may lead to the root itself, which would then lie below the mount unseen, or into what is
 * the kernel's.
 */
static int check_target(const struct spec_mount *m, int fd, int root_fd,
			const struct api_mounts *api, struct err *e)
{
	bool is_dev = is_at_or_below(m->destination, "/dev");
	const int forbidden[] = { api->proc_fd, api->sys_fd, is_dev ? -EBADF : api->dev_fd };
	struct stat other, st;

	if (fstat(root_fd, &other) < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "read attributes of '%s'", m->destination);
	if (st.st_dev == other.st_dev && st.st_ino == other.st_ino)
		return err_set(e, EINVAL, "mount on '%s', which is the root", m->destination);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		if (forbidden[i] >= 0 && fstat(forbidden[i], &other) == 0 &&
		    st.st_dev == other.st_dev)
			return err_set(e, EINVAL, "mount on '%s', which leads to the kernel's "
				       "files", m->destination);
	}
	return 0;
}

static int open_target(const struct spec_mount *m, bool is_file, int root_fd,
		       const struct api_mounts *api, struct err *e)
{
	AUTO_CLOSE int fd = rootfs_make(root_fd, m->destination, is_file, e);
	int r;

	if (fd < 0)
		return fd;
	r = check_target(m, fd, root_fd, api, e);
	return r < 0 ? r : TAKE_FD(fd);
}

static int mount_tree(const struct spec_mount *m, int tree_fd, int root_fd,
		      const struct api_mounts *api, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;

	if (fstat(tree_fd, &st) < 0)
		return err_set(e, errno, "open '%s'", m->source);
	fd = open_target(m, !S_ISDIR(st.st_mode), root_fd, api, e);
	return fd < 0 ? fd : trees_mount(tree_fd, fd, m->destination, e);
}

/*
 * The file system M with options O as a tree: mounted in a place of our own, from where it is
 * moved, because mount(2) takes options of any length and wants a path.
 */
static int mount_aside(const struct spec_mount *m, const struct mount_options *o, struct err *e)
{
	const char *source = m->source ? m->source : m->type;
	unsigned long set = o->is_copied_up ? o->set & ~(unsigned long)MS_RDONLY : o->set;
	int fd;

	if (mount(source, MASKS_DIRECTORY, m->type, set, o->data) < 0)
		return err_set(e, errno, "mount %s on '%s' with options '%.128s'", m->type,
			       m->destination, o->data);
	fd = open_tree(AT_FDCWD, MASKS_DIRECTORY, OPEN_TREE_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open %s for '%s'", m->type, m->destination) : fd;
}

/* What mount(2) does not do in the same call. */
static int finish(int tree_fd, int target_fd, const struct mount_options *o, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = o->set & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0,
		.propagation = o->propagation,
	};
	int r = o->is_copied_up ? copy_up(target_fd, tree_fd, e) : 0;

	if (r < 0)
		return r;
	if ((o->is_copied_up || o->propagation != MS_PRIVATE) &&
	    mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "set attributes of a mount");
	return 0;
}

static int mount_file_system(const struct spec_mount *m, const struct mount_options *o, int root_fd,
			     const struct api_mounts *api, struct err *e)
{
	AUTO_CLOSE int fd = open_target(m, false, root_fd, api, e), tree_fd = -EBADF;
	int r;

	if (fd < 0)
		return fd;
	tree_fd = mount_aside(m, o, e);
	if (tree_fd < 0)
		return tree_fd;
	r = finish(tree_fd, fd, o, e);
	if (r < 0)
		return err_wrap(e, "'%s'", m->destination);
	return trees_mount(tree_fd, fd, m->destination, e);
}

static int enter_one(const struct box *box, size_t i, int root_fd, const struct api_mounts *api,
		     struct err *e)
{
	const struct spec_mount *m = &box->spec->mounts[i];
	struct mount_options o;
	int r = mount_options_parse(m, i, &o, e);

	if (r < 0)
		return r;
	return box->trees.mount_fds[i] >= 0
		? mount_tree(m, box->trees.mount_fds[i], root_fd, api, e)
		: mount_file_system(m, &o, root_fd, api, e);
}

int mounts_enter(const struct box *box, int root_fd, const struct api_mounts *api, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < box->spec->n_mounts && r == 0; i++) {
		const struct spec_mount *m = &box->spec->mounts[i];

		if (!find_fixed(m->destination) && !is_early_shm(box->spec, m))
			r = enter_one(box, i, root_fd, api, e);
	}
	return r;
}
