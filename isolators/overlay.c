/* File systems of layers: overlayfs over directories that others use at the same time. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolators/id_map.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum {
	MAX_LAYERS = 256,
	OPTIONS_SIZE = 4096,	/* a page: what mount(2) takes */
};

/* What is put together. */
struct overlay {
	char *const *layers;		/* the topmost first */
	const char *upper;		/* holds "upper" and "work" */
};

/* Every directory by its descriptor: names of any length fit into the options. */
struct directories {
	int layers[MAX_LAYERS];
	size_t n_layers;
	int upper, work;
};

static int check_layers(char *const *layers, const char *upper, const char *where, size_t *ret_n,
			struct err *e)
{
	size_t n = 0;

	while (layers && layers[n]) {
		if (!rootfs_path_is_plain(layers[n]))
			return err_set(e, EINVAL, "use '%.128s' as a layer of %s", layers[n],
				       where);
		n++;
	}
	if (n > MAX_LAYERS)
		return err_set(e, E2BIG, "use %zu layers as %s, more than %d", n, where,
			       MAX_LAYERS);
	if ((n > 0) != (upper != NULL) || (upper && !rootfs_path_is_plain(upper)))
		return err_set(e, EINVAL, "write to %zu layers in '%.128s'", n,
			       upper ? upper : "");
	*ret_n = n;
	return 0;
}

static int check_mounts(const struct spec *spec, struct err *e)
{
	bool is_unmapped = spec_has_user_namespace(spec) &&
		spec->id_maps.n_uids + spec->id_maps.n_gids == 0;
	int r = 0;

	for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		char where[32];
		size_t n;

		if (!m->type || strcmp(m->type, "layers") != 0)
			continue;
		(void)snprintf(where, sizeof(where), "mounts[%zu]", i);
		r = check_layers(m->layers, m->source, where, &n, e);
		if (r == 0 && n == 0)
			r = err_set(e, EINVAL, "%s: no layers", where);
		if (r == 0 && is_unmapped)
			r = err_set(e, EINVAL, "linux.uidMappings: missing, and the ids of the "
				    "layers of %s are mapped by it", where);
	}
	return r;
}

int overlay_validate(const struct spec *spec, struct err *e)
{
	size_t n;
	int r = check_layers(spec->root_layers, spec->root_upper, "the root", &n, e);

	if (r == 0)
		r = check_mounts(spec, e);
	if (r < 0)
		return r;
	for (char **path = spec->root_directories; path && *path; path++) {
		if (n == 0 || !rootfs_path_is_plain(*path))
			return err_set(e, EINVAL, "make directory '%.128s' of the root", *path);
	}
	if (n > 0 && spec->host_root)
		return err_set(e, EINVAL, "use layers and the host's root");
	return 0;
}

static int open_directory(int dir_fd, const char *path, int *ret, struct err *e)
{
	*ret = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "open layer '%s'", path) : 0;
}

/* A mount of the layer, put over it: before Linux 6.15 overlayfs takes none that is nowhere. */
static int open_mapped(const char *path, int user_ns_fd, int *ret, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_ns_fd,
	};

	*ret = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 AT_SYMLINK_NOFOLLOW);
	if (*ret < 0)
		return err_set(e, errno, "open layer '%s'", path);
	if (mount_setattr(*ret, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "map the ids of layer '%s'", path);
	if (move_mount(*ret, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount layer '%s'", path);
	return 0;
}

static int open_directories(const struct overlay *overlay, int user_ns_fd, struct directories *d,
			    struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r = open_directory(AT_FDCWD, overlay->upper, &fd, e);

	if (r == 0)
		r = open_directory(fd, "upper", &d->upper, e);
	if (r == 0)
		r = open_directory(fd, "work", &d->work, e);
	for (char *const *layer = overlay->layers; r == 0 && *layer; layer++) {
		int *ret = &d->layers[d->n_layers++];

		*ret = -EBADF;
		r = user_ns_fd < 0 ? open_directory(AT_FDCWD, *layer, ret, e)
			: open_mapped(*layer, user_ns_fd, ret, e);
	}
	return r;
}

static void close_directories(struct directories *d)
{
	for (size_t i = 0; i < d->n_layers; i++)
		fd_close(&d->layers[i]);
	fd_close(&d->upper);
	fd_close(&d->work);
}

/* The names are resolved where the process stands, which is in the list of its descriptors. */
static int write_options(const struct directories *d, char *options, struct err *e)
{
	size_t used = (size_t)snprintf(options, OPTIONS_SIZE,
				       "redirect_dir=on,index=off,upperdir=%d,workdir=%d,lowerdir",
				       d->upper, d->work);

	for (size_t i = 0; i < d->n_layers && used < OPTIONS_SIZE; i++)
		used += (size_t)snprintf(options + used, OPTIONS_SIZE - used, "%c%d",
					 i ? ':' : '=', d->layers[i]);
	return used < OPTIONS_SIZE ? 0 : err_set(e, E2BIG, "mount overlay of %zu layers",
						 d->n_layers);
}

/*
 * mount(2) and not fsconfig(2), which before Linux 6.7 takes no more than 255 bytes of layers; it
 * wants a place, for which the writable layer's own directory is as good as any.
 */
static int mount_at(const char *place, const struct directories *d, struct err *e)
{
	AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char options[OPTIONS_SIZE];
	int r = write_options(d, options, e), fd;

	if (r < 0)
		return r;
	if (here < 0 || chdir("/proc/self/fd") < 0)
		return err_set(e, errno, "enter '/proc/self/fd'");
	if (mount("overlay", place, "overlay", 0, options) < 0)
		r = err_set(e, errno, "mount overlay of %zu layers", d->n_layers);
	if (fchdir(here) < 0 && r == 0)
		r = err_set(e, errno, "return from '/proc/self/fd'");
	if (r < 0)
		return r;
	fd = open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		r = err_set(e, errno, "open overlay on '%s'", place);
	(void)umount2(place, MNT_DETACH);
	return fd < 0 ? r : fd;
}

static int open_overlay(const struct overlay *overlay, int user_ns_fd, struct err *e)
{
	struct directories d = { .upper = -EBADF, .work = -EBADF };
	int r = open_directories(overlay, user_ns_fd, &d, e);

	if (r == 0)
		r = mount_at(overlay->upper, &d, e);
	close_directories(&d);
	return r;
}

int overlay_open(const struct spec *spec, struct err *e)
{
	const struct overlay overlay = { spec->root_layers, spec->root_upper };

	return open_overlay(&overlay, -EBADF, e);
}

/* ---- by the supervisor, which stays in the host's mounts ---- */

/* A process that shares all but its mounts with the caller, which waits for its end. */
struct aside {
	const struct overlay *overlay;
	int user_ns_fd;		/* whose ids the layers' are mapped to, or negative */
	struct err *e;
	int result;		/* the mount, in the descriptors that both have */
};

enum { ASIDE_STACK_BYTES = 64 << 10 };

static int open_aside(void *arg)
{
	struct aside *aside = arg;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		aside->result = err_set(aside->e, errno, "make mounts private");
	else
		aside->result = open_overlay(aside->overlay, aside->user_ns_fd, aside->e);
	return 0;
}

/* The container's root owns its "/", and what it makes there is its own on the disk. */
static int give_upper(const struct spec *spec, struct err *e)
{
	const struct spec_id_maps *maps = &spec->id_maps;
	AUTO_CLOSE int dir_fd = -EBADF, fd = -EBADF;
	int r = open_directory(AT_FDCWD, spec->root_upper, &dir_fd, e);

	if (r == 0)
		r = open_directory(dir_fd, "upper", &fd, e);
	if (r < 0)
		return r;
	if (fchownat(fd, "", id_map_outside(maps->uids, maps->n_uids, 0),
		     id_map_outside(maps->gids, maps->n_gids, 0), AT_EMPTY_PATH) < 0)
		return err_set(e, errno, "give '%s' to the container's root", spec->root_upper);
	return 0;
}

static int open_from_aside(const struct spec *spec, const struct overlay *overlay, struct err *e)
{
	static char stack[ASIDE_STACK_BYTES] __attribute__((aligned(16)));
	AUTO_CLOSE int user_ns_fd = -EBADF;
	struct aside aside = { .overlay = overlay, .user_ns_fd = -EBADF, .e = e };
	pid_t pid;

	if (spec_has_user_namespace(spec)) {
		user_ns_fd = id_maps_open_namespace(&spec->id_maps, e);
		if (user_ns_fd < 0)
			return user_ns_fd;
		aside.user_ns_fd = user_ns_fd;
	}
	pid = clone(open_aside, stack + sizeof(stack),
		    CLONE_NEWNS | CLONE_FILES | CLONE_VM | CLONE_VFORK, &aside);
	if (pid < 0)
		return err_set(e, errno, "clone into a mount namespace");
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return aside.result;
}

int overlay_open_mapped(const struct spec *spec, struct err *e)
{
	const struct overlay overlay = { spec->root_layers, spec->root_upper };
	int r = give_upper(spec, e);

	return r < 0 ? r : open_from_aside(spec, &overlay, e);
}

int overlay_open_mount(const struct spec *spec, const struct spec_mount *m, struct err *e)
{
	const struct overlay overlay = { m->layers, m->source };

	return open_from_aside(spec, &overlay, e);
}
