#include "agent/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/executor_env.h"
#include "agent/images.h"
#include "agent/launch_spec.h"
#include "agent/persistent.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_VOLUMES = 64, MAX_PATH = 1024, MAX_TMPFS_MIB = 1 << 20 };

/* What a volume's field is called in messages. */
struct volume {
	const Mesos__V1__Volume *message;
	const char *list;	/* "container.volumes" or, where it is persistent, "resources" */
	size_t i;
	bool is_persistent;
	char destination[2 * MAX_PATH];
	size_t n_images;	/* before it, of those that are images */
};

/* Neither empty nor ".", ".." or repeated slashes: then names are all there is to it. */
static bool is_plain(const char *path)
{
	size_t length = strlen(path);

	if (length == 0 || length >= MAX_PATH)
		return false;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
		if (*path == '/' && !*++path)
			return false;
	}
	return true;
}

static bool is_plain_absolute(const char *path)
{
	return path[0] == '/' && is_plain(path + 1);
}

int volumes_check_roots(const char *list, struct err *e)
{
	char root[MAX_PATH];

	while (*list) {
		size_t n = strcspn(list, ":");

		(void)snprintf(root, sizeof(root), "%.*s", (int)n, list);
		if (n >= sizeof(root) || !is_plain_absolute(root))
			return err_set(e, EINVAL, "'%.200s' is not an absolute path without '.' "
				       "and '..'", root);
		list += n + (list[n] == ':');
	}
	return 0;
}

/* The one of LIST that PATH is at or below; its length, or 0. */
static size_t find_root(const char *list, const char *path)
{
	for (; *list; list += strcspn(list, ":"), list += *list == ':') {
		size_t n = strcspn(list, ":");

		if (strncmp(list, path, n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return n;
	}
	return 0;
}

/* ---- mounts ---- */

static int add_mount(struct volumes *v, json_t *mount, struct err *e)
{
	if (json_array_append_new(v->mounts, mount) < 0)
		return err_set(e, ENOMEM, "describe volumes");
	return 0;
}

/* With OPTION beside the usual ones, or NULL. */
static int add_bind(struct volumes *v, const struct volume *volume, const char *source,
		    const char *option, struct err *e)
{
	bool is_read_only = volume->message->mode == MESOS__V1__VOLUME__MODE__RO;

	return add_mount(v, json_pack("{s:s, s:s, s:s, s:[s,s,s,s,s*]}", "destination",
				      volume->destination, "type", "bind", "source", source,
				      "options", "rbind", is_read_only ? "ro" : "rw", "nosuid",
				      "nodev", option), e);
}

/* What the supervisor is to look sources up beneath. */
static int add_root(struct volumes *v, const char *root, size_t size, struct err *e)
{
	char *roots = NULL;

	if (asprintf(&roots, "%s%s%.*s", v->roots ? v->roots : "", v->roots ? ":" : "", (int)size,
		     root) < 0)
		return err_set(e, ENOMEM, "describe volumes");
	free(v->roots);
	v->roots = roots;
	return 0;
}

static int add_host_path(struct volumes *v, const struct volume *volume, const char *path,
			 const struct launch_settings *settings, struct err *e)
{
	size_t root;
	int r;

	if (!is_plain_absolute(path) || strchr(path, ':'))
		return err_set(e, EINVAL, "container.volumes[%zu].host_path: not a path without "
			       "'.', '..' and ':'", volume->i);
	root = find_root(settings->host_path_volumes, path);
	if (root == 0)
		return err_set(e, EPERM, "container.volumes[%zu].host_path: this agent gives "
			       "'%.200s' to no task; see --host_path_volumes", volume->i, path);
	r = add_root(v, path, root, e);
	return r < 0 ? r : add_bind(v, volume, path, NULL, e);
}

static int add_sandbox_path(struct volumes *v, const struct volume *volume, const char *path,
			    const struct launch_place *place, struct err *e)
{
	AUTO_FREE char *source = NULL;

	if (!is_plain(path))
		return err_set(e, EINVAL, "container.volumes[%zu]: '%.200s' is not a path in the "
			       "sandbox", volume->i, path);
	if (asprintf(&source, "%s/%s", place->sandbox, path) < 0) {
		source = NULL;
		return err_set(e, ENOMEM, "describe volumes");
	}
	if (json_array_append_new(v->directories, json_string(path)) < 0)
		return err_set(e, EINVAL, "container.volumes[%zu]: not UTF-8", volume->i);
	/* As the sandbox itself: what is there belongs to the ids inside. */
	return add_bind(v, volume, source, place->image ? "idmap" : NULL, e);
}

/* Of the parent's: made there by whoever comes first, and the same for all who ask for it. */
static int add_parent_path(struct volumes *v, const struct volume *volume, const char *path,
			   const struct launch_place *place, struct err *e)
{
	AUTO_FREE char *source = NULL;
	int r;

	if (!place->parent)
		return err_set(e, ENOTSUP, "container.volumes[%zu].source.sandbox_path.type: a task "
			       "of no group has no parent", volume->i);
	if (!is_plain(path))
		return err_set(e, EINVAL, "container.volumes[%zu]: '%.200s' is not a path in the "
			       "sandbox", volume->i, path);
	if (asprintf(&source, "%s/%s", place->parent->sandbox, path) < 0) {
		source = NULL;
		return err_set(e, ENOMEM, "describe volumes");
	}
	if (json_array_append_new(v->parent_directories, json_string(path)) < 0)
		return err_set(e, EINVAL, "container.volumes[%zu]: not UTF-8", volume->i);
	r = add_root(v, place->parent->sandbox, strlen(place->parent->sandbox), e);
	return r < 0 ? r : add_bind(v, volume, source, place->image ? "idmap" : NULL, e);
}

/* Driver "tmpfs" with the one option "size", in MiB. */
static int add_tmpfs(struct volumes *v, const struct volume *volume,
		     const Mesos__V1__Volume__Source__DockerVolume *docker, struct err *e)
{
	bool is_read_only = volume->message->mode == MESOS__V1__VOLUME__MODE__RO;
	const Mesos__V1__Parameters *options = docker->driver_options;
	char size[32];
	unsigned mib;
	int n = 0;

	if (!options || options->n_parameter != 1 ||
	    strcmp(options->parameter[0]->key, "size") != 0 ||
	    sscanf(options->parameter[0]->value, "%7u%n", &mib, &n) != 1 ||
	    options->parameter[0]->value[n] || mib == 0 || mib > MAX_TMPFS_MIB)
		return err_set(e, EINVAL, "container.volumes[%zu].source.docker_volume: a tmpfs "
			       "has the one option size, 1 to %d MiB", volume->i, MAX_TMPFS_MIB);
	(void)snprintf(size, sizeof(size), "size=%um", mib);
	return add_mount(v, json_pack("{s:s, s:s, s:s, s:[s,s,s,s,s]}", "destination",
				      volume->destination, "type", "tmpfs", "source", "tmpfs",
				      "options", "nosuid", "nodev", "mode=1777", size,
				      is_read_only ? "ro" : "rw"), e);
}

/* With the layer that is written to in the container's own directory: it goes with the container. */
static int add_image(struct volumes *v, const struct volume *volume,
		     const struct launch_place *place, struct err *e)
{
	bool is_read_only = volume->message->mode == MESOS__V1__VOLUME__MODE__RO;
	AUTO_FREE char *line = image_layers_line(&place->volume_images[volume->n_images]);
	AUTO_FREE char *source = NULL;
	char *layers = NULL;

	if (asprintf(&source, "%s/" IMAGES_VOLUME, place->root, volume->n_images) < 0)
		source = NULL;
	if (!line || !source ||
	    asprintf(&layers, "%s%s%s", v->layers ? v->layers : "", v->layers ? "\n" : "",
		     line) < 0)
		return err_set(e, ENOMEM, "describe volumes");
	free(v->layers);
	v->layers = layers;
	return add_mount(v, json_pack("{s:s, s:s, s:s, s:[s,s,s]}", "destination",
				      volume->destination, "type", "layers", "source", source,
				      "options", is_read_only ? "ro" : "rw", "nosuid", "nodev"), e);
}

/* ---- which of them ---- */

static int add_source(struct volumes *v, const struct volume *volume,
		      const struct launch_settings *settings, const struct launch_place *place,
		      struct err *e)
{
	const Mesos__V1__Volume__Source *source = volume->message->source;

	if (source->type == MESOS__V1__VOLUME__SOURCE__TYPE__HOST_PATH && source->host_path) {
		if (source->host_path->mount_propagation)
			return err_set(e, ENOTSUP, "container.volumes[%zu].source.host_path."
				       "mount_propagation: not supported", volume->i);
		return add_host_path(v, volume, source->host_path->path, settings, e);
	}
	if (source->type == MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH && source->sandbox_path) {
		if (source->sandbox_path->type ==
		    MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT)
			return add_parent_path(v, volume, source->sandbox_path->path, place, e);
		return add_sandbox_path(v, volume, source->sandbox_path->path, place, e);
	}
	if (source->type == MESOS__V1__VOLUME__SOURCE__TYPE__DOCKER_VOLUME &&
	    source->docker_volume && source->docker_volume->driver &&
	    strcmp(source->docker_volume->driver, "tmpfs") == 0)
		return add_tmpfs(v, volume, source->docker_volume, e);
	return err_set(e, ENOTSUP, "container.volumes[%zu].source: only HOST_PATH, SANDBOX_PATH and "
		       "DOCKER_VOLUME of driver tmpfs are supported", volume->i);
}

/* A relative place is in the sandbox. */
static int set_destination(struct volume *volume, struct err *e)
{
	const char *path = volume->message->container_path;
	const char *inner = volume->is_persistent ? ".disk.volume" : "";
	bool is_absolute = path[0] == '/';

	if (is_absolute ? !is_plain_absolute(path) : !is_plain(path))
		return err_set(e, EINVAL, "%s[%zu]%s.container_path: not a path without '.' and "
			       "'..'", volume->list, volume->i, inner);
	/* Shared memory alone: what else is there is the kernel's, or looks like it. */
	if (strncmp(path, "/dev/", 5) == 0 && strcmp(path, "/dev/shm") != 0)
		return err_set(e, EINVAL, "%s[%zu]%s.container_path: '%.128s' is among the "
			       "devices", volume->list, volume->i, inner, path);
	(void)snprintf(volume->destination, sizeof(volume->destination), "%s%s%s",
		       is_absolute ? "" : HANDOVER_SANDBOX, is_absolute ? "" : "/", path);
	return 0;
}

static int add_volume(struct volumes *v, const Mesos__V1__Volume *message, size_t i,
		      size_t n_images, const struct launch_settings *settings,
		      const struct launch_place *place, struct err *e)
{
	struct volume volume = {
		.message = message, .list = "container.volumes", .i = i, .n_images = n_images,
	};
	const char *host_path = message->host_path;
	int r = set_destination(&volume, e);

	if (r < 0)
		return r;
	if (!!message->image + !!message->source + !!host_path != 1)
		return err_set(e, EINVAL, "container.volumes[%zu]: not exactly one of host_path, "
			       "image and source", i);
	if (message->image)
		return add_image(v, &volume, place, e);
	if (message->source)
		return add_source(v, &volume, settings, place, e);
	return host_path[0] == '/' ? add_host_path(v, &volume, host_path, settings, e) :
				     add_sandbox_path(v, &volume, host_path, place, e);
}

/* What was written there belongs to the ids inside, whatever those were outside at that time. */
static int add_persistent(struct volumes *v, const Mesos__V1__Resource *resource, size_t i,
			  const struct launch_place *place, struct err *e)
{
	size_t n = resource->n_reservations;
	const char *role = n > 0 ? resource->reservations[n - 1]->role : resource->role;
	struct volume volume = {
		.message = resource->disk->volume, .list = "resources", .i = i,
		.is_persistent = true,
	};
	AUTO_FREE char *path = NULL;
	int r = set_destination(&volume, e);

	if (r < 0)
		return r;
	path = persistent_path(place->volumes, role, resource->disk->persistence->id);
	if (!path)
		return err_set(e, ENOMEM, "describe volumes");
	r = add_root(v, path, strlen(path), e);
	return r < 0 ? r : add_bind(v, &volume, path, place->image ? "idmap" : NULL, e);
}

/* What is in there is made anew by each agent: the directory is mounted, not what it holds. */
static int add_sockets(struct volumes *v, const char *sockets, struct err *e)
{
	int r = add_root(v, sockets, strlen(sockets), e);

	return r < 0 ? r : add_mount(v, json_pack("{s:s, s:s, s:s, s:[s,s,s,s]}", "destination",
						  EXECUTOR_SOCKETS_INSIDE, "type", "bind",
						  "source", sockets, "options", "rbind", "ro",
						  "nosuid", "nodev"), e);
}

int volumes_build(const struct launch_settings *settings, const struct launch_place *place,
		  const Mesos__V1__TaskInfo *task, struct volumes *ret, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = task->container;
	struct volumes v = {
		.mounts = json_array(), .directories = json_array(),
		.parent_directories = json_array(),
	};
	size_t n = container ? container->n_volumes : 0, n_images = 0;
	int r = v.mounts && v.directories && v.parent_directories ? 0 :
		 err_set(e, ENOMEM, "describe volumes");

	if (r >= 0 && n > MAX_VOLUMES)
		r = err_set(e, E2BIG, "container.volumes: more than %d", MAX_VOLUMES);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = add_volume(&v, container->volumes[i], i, n_images, settings, place, e);
		n_images += !!container->volumes[i]->image;
	}
	for (size_t i = 0; i < task->n_resources && r >= 0; i++) {
		if (task->resources[i]->disk)
			r = add_persistent(&v, task->resources[i], i, place, e);
	}
	if (r >= 0 && place->sockets)
		r = add_sockets(&v, place->sockets, e);
	if (r < 0)
		volumes_done(&v);
	else
		*ret = v;
	return r;
}

int volumes_add_names(struct volumes *volumes, const struct launch_place *place, struct err *e)
{
	static const struct {
		const char *destination, *own;
		bool is_shared;		/* the host's own is of use where there is no other */
	} files[] = {
		{ "/etc/resolv.conf", HANDOVER_RESOLV_CONF, true },
		{ "/etc/hosts", HANDOVER_HOSTS, true },
		{ "/etc/hostname", HANDOVER_HOSTNAME, false },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r >= 0; i++) {
		const char *destination = files[i].destination;
		AUTO_FREE char *source = NULL;

		/* Into the host's root, which is that of who has no image, no file can be put. */
		if (!(place->files && place->image) &&
		    ((!place->files && !files[i].is_shared) || access(destination, R_OK) < 0))
			continue;
		if (place->files && asprintf(&source, "%s/%s", place->files, files[i].own) < 0) {
			source = NULL;
			return err_set(e, ENOMEM, "describe volumes");
		}
		r = add_mount(volumes, json_pack("{s:s, s:s, s:s, s:[s,s,s,s,s]}", "destination",
						 destination, "type", "bind", "source",
						 source ? source : destination, "options", "bind",
						 "ro", "nosuid", "nodev", "noexec"), e);
	}
	return r;
}

void volumes_done(struct volumes *volumes)
{
	json_decref(volumes->mounts);
	json_decref(volumes->directories);
	json_decref(volumes->parent_directories);
	free(volumes->layers);
	free(volumes->roots);
	*volumes = (struct volumes){ 0 };
}

/* ---- directories in the sandbox ---- */

static int make_one(int sandbox_fd, const char *path, uint32_t uid, uint32_t gid, bool is_shared,
		    struct err *e)
{
	char name[MAX_PATH];
	AUTO_CLOSE int fd = fcntl(sandbox_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, errno, "make '%s' in the sandbox", path);
	while (*path) {
		size_t n = strcspn(path, "/");
		bool is_made;
		int next;

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		is_made = mkdirat(fd, name, 0755) == 0;
		if (!is_made && errno != EEXIST)
			return err_set(e, errno, "make '%s' in the sandbox", name);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 || ((is_made || !is_shared) && fchown(next, uid, gid) < 0) ||
		    (is_made && is_shared && fchmod(next, 01777) < 0)) {
			fd_close(&next);
			return err_set(e, errno, "make '%s' in the sandbox", name);
		}
		fd_close(&fd);
		fd = next;
		path += n + (path[n] == '/');
	}
	return 0;
}

int volumes_make(int sandbox_fd, const json_t *directories, uint32_t uid, uint32_t gid,
		 bool are_shared, struct err *e)
{
	const json_t *path;
	size_t i;
	int r = 0;

	json_array_foreach(directories, i, path) {
		if (r >= 0)
			r = make_one(sandbox_fd, json_string_value(path), uid, gid, are_shared, e);
	}
	return r;
}
