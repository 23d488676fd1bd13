/* A root file system of layers: overlayfs over directories that others use at the same time. */
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

enum {
	MAX_LAYERS = 256,
	OPTIONS_SIZE = 4096,	/* a page: what mount(2) takes */
};

/* Every directory by its descriptor: names of any length fit into the options. */
struct directories {
	int layers[MAX_LAYERS];
	size_t n_layers;
	int upper, work;
};

int overlay_validate(const struct spec *spec, struct err *e)
{
	size_t n = 0;

	while (spec->root_layers && spec->root_layers[n]) {
		if (!rootfs_path_is_plain(spec->root_layers[n]))
			return err_set(e, EINVAL, "use '%.128s' as a layer of the root",
				       spec->root_layers[n]);
		n++;
	}
	if (n > MAX_LAYERS)
		return err_set(e, E2BIG, "use %zu layers as root, more than %d", n, MAX_LAYERS);
	if ((n > 0) != (spec->root_upper != NULL) ||
	    (spec->root_upper && !rootfs_path_is_plain(spec->root_upper)))
		return err_set(e, EINVAL, "write to %zu layers in '%.128s'", n,
			       spec->root_upper ? spec->root_upper : "");
	if (n > 0 && spec->host_root)
		return err_set(e, EINVAL, "use layers and the host's root");
	return 0;
}

static int open_directory(int dir_fd, const char *path, int *ret, struct err *e)
{
	*ret = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "open layer '%s'", path) : 0;
}

static int open_directories(const struct spec *spec, struct directories *d, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r = open_directory(AT_FDCWD, spec->root_upper, &fd, e);

	if (r == 0)
		r = open_directory(fd, "upper", &d->upper, e);
	if (r == 0)
		r = open_directory(fd, "work", &d->work, e);
	for (char **layer = spec->root_layers; r == 0 && *layer; layer++)
		r = open_directory(AT_FDCWD, *layer, &d->layers[d->n_layers++], e);
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

int overlay_open(const struct spec *spec, struct err *e)
{
	struct directories d = { .upper = -EBADF, .work = -EBADF };
	int r = open_directories(spec, &d, e);

	if (r == 0)
		r = mount_at(spec->root_upper, &d, e);
	close_directories(&d);
	return r;
}
