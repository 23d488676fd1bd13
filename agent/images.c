#include "agent/images.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/disk.h"
#include "agent/launch_spec.h"
#include "agent/runtime_dir.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"

static char shell[] = "/bin/sh", shell_option[] = "-c";

int images_check_ids(const char *text, uint32_t *ret_first, uint32_t *ret_count, struct err *e)
{
	uint32_t first, last;
	int n = 0;

	if (sscanf(text, "%10" SCNu32 "-%10" SCNu32 "%n", &first, &last, &n) != 2 || text[n] ||
	    first < IMAGES_IDS || last == UINT32_MAX || last < first ||
	    last - first + 1 < IMAGES_IDS)
		return err_set(e, EINVAL, "'%s' is not FIRST-LAST from %d on with room for a "
			       "container's %d", text, IMAGES_IDS, IMAGES_IDS);
	*ret_first = first;
	*ret_count = (last - first + 1) / IMAGES_IDS;
	return 0;
}

int images_open(struct agent *agent, struct err *e)
{
	if (!*agent->flags.image_store)
		return 0;
	return image_store_open(agent->flags.image_store, &agent->images, e);
}

void images_close(struct agent *agent)
{
	if (agent->images)
		image_store_close(TAKE_PTR(agent->images));
}

const Mesos__V1__Image *images_asked(const Mesos__V1__TaskInfo *info)
{
	return info->container && info->container->mesos ? info->container->mesos->image : NULL;
}

/* ---- admission ---- */

static bool is_taken(const struct agent *agent, uint32_t first)
{
	for (const struct container *c = agent->containers; c; c = c->hh.next) {
		if (c->has_first_id && c->first_id == first)
			return true;
	}
	return false;
}

/* The lowest range that no task has, also none of those whose containers are being taken away. */
static int find_ids(const struct agent *agent, uint32_t *ret, struct err *e)
{
	uint32_t first, count;
	int r = images_check_ids(agent->flags.user_ids, &first, &count, e);

	for (uint32_t i = 0; r >= 0 && i < count; i++) {
		if (is_taken(agent, first + i * IMAGES_IDS))
			continue;
		*ret = first + i * IMAGES_IDS;
		return 0;
	}
	return r < 0 ? r : err_set(e, EAGAIN, "find ids for a container: all of '%s' are in use; "
				   "see --user_ids", agent->flags.user_ids);
}

/* Find what WHERE, a field, asks for. */
static int resolve(const struct agent *agent, const Mesos__V1__Image *asked, const char *where,
		   struct image *ret, struct err *e)
{
	int r;

	if (asked->type != MESOS__V1__IMAGE__TYPE__DOCKER || !asked->docker)
		return err_set(e, ENOTSUP, "%s.type: only DOCKER is supported", where);
	if (!agent->images)
		return err_set(e, ENOTSUP, "%s: this agent has no --image_store", where);
	r = image_resolve(agent->images, asked->docker->name, ret, e);
	return r < 0 ? err_wrap(e, "%s", where) : 0;
}

int images_admit(struct container *c, struct task_image **ret, struct err *e)
{
	const Mesos__V1__TaskInfo *info = c->info;
	const Mesos__V1__Image *asked = images_asked(info);
	const char *user = info->command ? info->command->user : NULL;
	struct task_image *image = calloc(1, sizeof(*image));
	int r;

	if (!image)
		return err_set(e, ENOMEM, "admit container '%s'", c->id);
	r = resolve(c->agent, asked, "container.mesos.image", &image->image, e);
	if (r < 0) {
		free(image);
		return r;
	}
	if (!user)
		user = image->image.config.user;
	r = image_user_find(&image->image, user ? user : "", &image->user, e);
	if (r >= 0)
		r = c->has_first_id ? 0 : find_ids(c->agent, &image->first_id, e);
	if (r < 0) {
		task_image_free(image);
		return r;
	}
	/* One that is described anew keeps what it has. */
	if (c->has_first_id)
		image->first_id = c->first_id;
	c->has_first_id = true;
	c->first_id = image->first_id;
	*ret = image;
	return 0;
}

void task_image_free(struct task_image *image)
{
	if (!image)
		return;
	image_done(&image->image);
	image_user_done(&image->user);
	free(image);
}

int images_admit_volumes(const struct container *c, struct image **ret, size_t *ret_n,
			 struct err *e)
{
	const Mesos__V1__ContainerInfo *container = c->info->container;
	size_t n = container ? container->n_volumes : 0, n_found = 0;
	struct image *found = calloc(n ? n : 1, sizeof(*found));
	int r = found ? 0 : err_set(e, ENOMEM, "admit container '%s'", c->id);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const Mesos__V1__Image *asked = container->volumes[i]->image;
		char where[48];

		if (!asked)
			continue;
		(void)snprintf(where, sizeof(where), "container.volumes[%zu].image", i);
		r = resolve(c->agent, asked, where, &found[n_found], e);
		n_found += r >= 0;
	}
	if (r < 0) {
		images_free_volumes(found, n_found);
		return r;
	}
	*ret = found;
	*ret_n = n_found;
	return 0;
}

void images_free_volumes(struct image *images, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_done(&images[i]);
	free(images);
}

/* ---- the document ---- */

/* A NULL-terminated view of the strings of LIST. */
static char **view_strings(const json_t *list)
{
	char **view = calloc(json_array_size(list) + 1, sizeof(*view));

	for (size_t i = 0; view && i < json_array_size(list); i++)
		view[i] = (char *)(uintptr_t)json_string_value(json_array_get(list, i));
	return view;
}

/* As a NULL-terminated view, from FIRST on. */
static char **view_arguments(const Mesos__V1__CommandInfo *command, size_t first)
{
	char **view = calloc(command->n_arguments + 1, sizeof(*view));

	for (size_t i = first; view && i < command->n_arguments; i++)
		view[i - first] = command->arguments[i];
	return view;
}

int images_fill(const struct task_image *image, const Mesos__V1__CommandInfo *command, json_t *doc,
		struct err *e)
{
	/* A copy: the document's own list is replaced. */
	json_auto_t *list = json_deep_copy(json_object_get(json_object_get(doc, "process"), "env"));
	bool has_value = command->value && *command->value;
	char *entrypoint[4] = { NULL };
	AUTO_FREE char **args = view_arguments(command, has_value ? 1 : 0);
	AUTO_FREE char **env = view_strings(list);
	const char *dir = image->image.config.working_dir;
	struct image_overrides overrides = {
		.env = env, .user = command->user,
		.working_dir = dir && *dir ? NULL : HANDOVER_SANDBOX,
	};

	if (!args || !env)
		return err_set(e, ENOMEM, "describe the process");
	if (command->shell && has_value) {
		entrypoint[0] = shell;
		entrypoint[1] = shell_option;
		entrypoint[2] = command->value;
	} else if (has_value) {
		entrypoint[0] = command->value;
	}
	if (has_value)
		overrides.entrypoint = entrypoint;
	if (has_value || command->n_arguments)
		overrides.args = args;
	return image_to_spec(&image->image, &overrides, doc, e);
}

/* ---- the container's life ---- */

bool images_are_used(const struct container *c)
{
	const Mesos__V1__ContainerInfo *container = c->info->container;
	bool is_used = c->has_first_id;

	for (size_t i = 0; container && i < container->n_volumes; i++)
		is_used |= container->volumes[i]->image != NULL;
	return is_used;
}

/* The directory NAME, or the root's own, as the one that is written to: its path is owned. */
static char *make_writable(const struct container *c, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = runtime_dir_make_root(c->agent->work_fd, c->id, name, e);
	char *dir;

	if (fd < 0)
		return NULL;
	/* What it writes over its image is its disk, too. */
	if (disk_share(c, fd, e) < 0)
		return NULL;
	if (asprintf(&dir, "%s/containers/%s/" HANDOVER_ROOT "%s%s", c->agent->work_dir, c->id,
		     *name ? "/" : "", name) < 0) {
		(void)err_set(e, ENOMEM, "make a writable layer");
		return NULL;
	}
	return dir;
}

static int prepare_root(const struct container *c, struct err *e)
{
	const struct agent *agent = c->agent;
	json_t *doc = c->launch->config;
	AUTO_FREE char *dir = make_writable(c, "", e);
	int r;

	if (!dir)
		return -e->code;
	r = image_rootfs_prepare(agent->images, &c->launch->image->image, c->id, dir, doc, e);
	return r < 0 ? r : runtime_dir_write_config(agent->work_fd, c->id, doc, e);
}

static int prepare_volume(const struct container *c, size_t i, struct err *e)
{
	const struct launch_result *launch = c->launch;
	uint32_t first = launch->image ? launch->image->first_id : 0;
	char name[sizeof(IMAGES_VOLUME) + 24];
	AUTO_FREE char *dir = NULL;

	(void)snprintf(name, sizeof(name), IMAGES_VOLUME, i);
	dir = make_writable(c, name, e);
	return !dir ? -e->code :
		image_volume_prepare(c->agent->images, &launch->volume_images[i], c->id, i, dir,
				     first + launch->uid, first + launch->gid, e);
}

int images_prepare(const struct container *c, struct err *e)
{
	int r = c->launch->image ? prepare_root(c, e) : 0;

	for (size_t i = 0; i < c->launch->n_volume_images && r >= 0; i++)
		r = prepare_volume(c, i, e);
	return r < 0 ? err_wrap(e, "prepare the images of container '%s'", c->id) : 0;
}

void images_release(const struct agent *agent, const char *container_id)
{
	struct err e = { 0 };

	if (runtime_dir_throw_root(agent->work_fd, container_id, agent->trash, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "remove the root of container '%s'",
			      container_id);
		err_clear(&e);
	}
	if (agent->images && image_release(agent->images, container_id, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "release the image of container '%s'",
			      container_id);
}
