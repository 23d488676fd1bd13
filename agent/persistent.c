#include "agent/persistent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/disk.h"
#include "agent/container.h"
#include "agent/sampler.h"
#include "agent/trash.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "lib/store.h"

static const char store_kind[] = "volume";

typedef Mesos__V1__Offer__Operation Operation;

const struct resource_part *persistent_part(const struct persistent_volume *volume)
{
	return &volume->resources.parts.items[0];
}

uint64_t persistent_size(const struct agent *agent, const struct persistent_volume *volume)
{
	(void)agent;
	return (uint64_t)persistent_part(volume)->value * 1048576 / 1000;
}

/* ---- in memory ---- */

static void volume_free(struct persistent_volume *volume)
{
	if (volume->record)
		tepui__volume_record__free_unpacked(volume->record, NULL);
	resources_done(&volume->resources);
	free(volume->path);
	free(volume->key);
	free(volume);
}

char *persistent_path(const char *root, const char *role, const char *id)
{
	AUTO_FREE char *copy = strdup(role);
	char *path;

	if (!copy)
		return NULL;
	for (char *slash = copy; (slash = strchr(slash, '/'));)
		*slash = ' ';
	return asprintf(&path, "%s/%s/%s", root, copy, id) < 0 ? NULL : path;
}

static int set_names(struct persistent_volume *volume)
{
	const struct resource_part *part = persistent_part(volume);

	volume->key = id_pair(part->role, part->volume);
	volume->path = persistent_path(PERSISTENT_ROOT, part->role, part->volume);
	return volume->key && volume->path ? 0 : -ENOMEM;
}

/* RECORD is taken, also on failure. */
static int adopt(struct agent *agent, Tepui__VolumeRecord *record, struct persistent_volume **ret,
		 struct err *e)
{
	struct persistent_volume *volume = calloc(1, sizeof(*volume));
	int r;

	if (!volume) {
		tepui__volume_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "keep a volume");
	}
	volume->agent = agent;
	volume->record = record;
	volume->measured_bytes = UINT64_MAX;
	volume->needs_settling = true;
	r = resources_from_messages(&record->volume, 1, &volume->resources, e);
	if (r >= 0 && (volume->resources.parts.n != 1 || !persistent_part(volume)->volume))
		r = err_set(e, EINVAL, "read a volume: it is none");
	if (r >= 0 && set_names(volume) < 0)
		r = err_set(e, ENOMEM, "keep a volume");
	if (r >= 0)
		HASH_ADD_KEYPTR(hh, agent->volumes, volume->key, strlen(volume->key), volume);
	if (r >= 0 && !volume->hh.tbl)
		r = err_set(e, ENOMEM, "keep volume '%s'", volume->key);
	if (r < 0) {
		volume_free(volume);
		return r;
	}
	*ret = volume;
	return 0;
}

static void drop(struct agent *agent, struct persistent_volume *volume)
{
	sampler_forget_volume(agent->sampler, volume);
	HASH_DEL(agent->volumes, volume);
	volume_free(volume);
}

int persistent_forget(struct agent *agent, struct persistent_volume *volume, struct err *e)
{
	int r = store_delete(agent->store, store_kind, volume->key, e);

	if (r >= 0)
		drop(agent, volume);
	return r;
}

void persistent_free(struct agent *agent)
{
	struct persistent_volume *volume, *next;

	HASH_ITER(hh, agent->volumes, volume, next)
		drop(agent, volume);
}

struct persistent_volume *persistent_find(const struct agent *agent,
					  const struct resource_part *part)
{
	struct persistent_volume *volume = NULL;
	AUTO_FREE char *key = id_pair(part->role, part->volume);

	if (key)
		HASH_FIND_STR(agent->volumes, key, volume);
	return volume;
}

static int put(struct agent *agent, const struct persistent_volume *volume, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&volume->record->base, &data, &size, e);

	return r < 0 ? r : store_put(agent->store, store_kind, volume->key, data, size, e);
}

bool persistent_is_used_by(const struct persistent_volume *volume, const struct container *c)
{
	return c->is_charged &&
	       resource_parts_find(&c->resources.parts, persistent_part(volume));
}

/* ---- at start ---- */

/* Whatever became of the disk that it is on: it is there, and so are its data. */
static int count_in(struct agent *agent, const struct persistent_volume *volume, struct err *e)
{
	struct resources below = { 0 };
	int r = resources_below_volumes(&volume->resources, &below);

	if (r >= 0 && !resources_contain(&agent->node.total, &below))
		log_warning("volume '%s' is larger than what is left of the disk reserved for role "
			    "'%s'", volume->key, persistent_part(volume)->role);
	if (r >= 0) {
		resources_take_away(&agent->node.total, &below);
		r = resources_add(&agent->node.total, &volume->resources);
	}
	resources_done(&below);
	return r < 0 ? err_set(e, -r, "count volume '%s'", volume->key) : 0;
}

static int load_volume(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__VolumeRecord *record = tepui__volume_record__unpack(NULL, size, data);
	struct persistent_volume *volume;
	struct err why = { 0 };
	int r = -EINVAL;

	(void)e;
	if (record)
		r = adopt(agent, record, &volume, &why);
	else
		(void)err_set(&why, EINVAL, "read the record");
	if (r >= 0 && !volume->record->is_destroyed)
		r = count_in(agent, volume, &why);
	if (r >= 0)
		return 0;
	/* Its directory stays: what cannot be read is no reason to remove data. */
	agent->counters.recovery_errors++;
	log_write_err(LOG_LEVEL_ERROR, &why, "skip volume '%s'", key);
	return 0;
}

static bool is_known(const struct agent *agent, const char *path)
{
	const struct persistent_volume *volume = agent->volumes;

	while (volume && strcmp(volume->path, path) != 0)
		volume = volume->hh.next;
	return volume;
}

/* FN for each directory that is directly below PATH, a path below the work directory. */
static void each_directory(const struct agent *agent, const char *path,
			   void (*fn)(const struct agent *agent, const char *path))
{
	int fd = openat(agent->work_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		AUTO_FREE char *below = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			below = NULL;
		if (below)
			fn(agent, below);
	}
	closedir(dir);
}

static void tell_unknown(const struct agent *agent, const char *path)
{
	if (!is_known(agent, path))
		log_warning("'%s/%s' is of a volume that no record knows: left alone",
			    agent->work_dir, path);
}

static void look_into_role(const struct agent *agent, const char *path)
{
	each_directory(agent, path, tell_unknown);
}

int persistent_load(struct agent *agent, struct err *e)
{
	int r = store_each(agent->store, store_kind, load_volume, agent, e);

	if (r >= 0)
		each_directory(agent, PERSISTENT_ROOT, look_into_role);
	return r;
}

/* ---- CREATE ---- */

static int read_volumes(Mesos__V1__Resource *const *messages, size_t n, struct resources *ret,
			struct err *e)
{
	struct resources volumes = { 0 };
	int r = resources_from_messages(messages, n, &volumes, e);

	for (size_t i = 0; i < volumes.parts.n && r >= 0; i++) {
		if (!volumes.parts.items[i].volume)
			r = err_set(e, EINVAL, "apply operation: not a persistent volume");
	}
	if (r >= 0 && (n == 0 || volumes.parts.n != n))
		r = err_set(e, EINVAL, "apply operation: not as many volumes as it has resources");
	if (r < 0)
		resources_done(&volumes);
	else
		*ret = volumes;
	return r;
}

static int check_new(const struct agent *agent, const struct resources *volumes,
		     const struct resources *below, struct err *e)
{
	struct resources left = { 0 };
	bool has_room;

	for (size_t i = 0; i < volumes->parts.n; i++) {
		const struct resource_part *part = &volumes->parts.items[i];

		if (persistent_find(agent, part))
			return err_set(e, EEXIST, "create volume '%s' of role '%s': there is one",
				       part->volume, part->role);
	}
	if (resources_copy(&agent->node.total, &left) < 0)
		return err_set(e, ENOMEM, "create volumes");
	resources_take_away(&left, &agent->used);
	has_room = resources_contain(&left, below);
	resources_done(&left);
	return has_room ? 0 : err_set(e, ENOSPC, "create volumes: the node has not so much reserved"
				      " disk left");
}

/* As the agent keeps it: without the role that it was offered to. */
static Mesos__V1__Resource *describe(const struct resource_part *part)
{
	struct resource_part copy = *part;
	const struct resources alone = { .parts = { &copy, 1 } };
	Mesos__V1__Resource **messages, *message;
	size_t n;

	if (resources_to_messages(&alone, NULL, &messages, &n) < 0)
		return NULL;
	message = TAKE_PTR(messages[0]);
	free(messages);
	return message;
}

/* What lies where a new volume is to be, nobody has a claim on: it must not be seen by its user. */
static int clear_place(struct agent *agent, const struct persistent_volume *volume, struct err *e)
{
	int r = trash_throw(agent->trash, agent->work_fd, volume->path, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r >= 0)
		log_warning("'%s' was left by a volume that nobody knows: removed", volume->path);
	return r;
}

static int create_one(struct agent *agent, const struct resource_part *part, struct err *e)
{
	Tepui__VolumeRecord *record = malloc(sizeof(*record));
	struct persistent_volume *volume;
	int r;

	if (!record)
		return err_set(e, ENOMEM, "create volume '%s'", part->volume);
	tepui__volume_record__init(record);
	record->volume = describe(part);
	record->has_created_wall_ms = true;
	record->created_wall_ms = clock_wall_ms();
	if (!record->volume) {
		free(record);
		return err_set(e, ENOMEM, "create volume '%s'", part->volume);
	}
	r = adopt(agent, record, &volume, e);
	if (r < 0)
		return r;
	r = clear_place(agent, volume, e);
	if (r >= 0)
		r = put(agent, volume, e);
	if (r < 0)
		drop(agent, volume);
	return r;
}

/* All of them or none. */
static int create_all(struct agent *agent, const struct resources *volumes, struct err *e)
{
	struct err lost = { 0 };
	size_t n = 0;
	int r = 0;

	while (n < volumes->parts.n && (r = create_one(agent, &volumes->parts.items[n], e)) >= 0)
		n++;
	while (r < 0 && n-- > 0) {
		struct persistent_volume *volume = persistent_find(agent, &volumes->parts.items[n]);

		if (volume && persistent_forget(agent, volume, &lost) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &lost, "take volume '%s' back", volume->key);
			err_clear(&lost);
		}
	}
	return r;
}

static int convert(struct agent *agent, const struct resources *from, const struct resources *to,
		   struct err *e)
{
	int r = resources_convert(&agent->node.total, from, to);

	return r < 0 ? err_set(e, -r, "change the node's resources") :
		       agent_describe(agent, agent_id(agent), e);
}

static int create(struct agent *agent, const Mesos__V1__Offer__Operation__Create *body,
		  struct err *e)
{
	struct resources volumes = { 0 }, below = { 0 };
	int r = read_volumes(body->volumes, body->n_volumes, &volumes, e);

	if (r >= 0 && resources_below_volumes(&volumes, &below) < 0)
		r = err_set(e, ENOMEM, "create volumes");
	if (r >= 0)
		r = check_new(agent, &volumes, &below, e);
	if (r >= 0)
		r = create_all(agent, &volumes, e);
	if (r >= 0)
		r = convert(agent, &below, &volumes, e);
	resources_done(&volumes);
	resources_done(&below);
	return r;
}

/* ---- DESTROY ---- */

static int check_old(const struct agent *agent, const struct resources *volumes, struct err *e)
{
	for (size_t i = 0; i < volumes->parts.n; i++) {
		const struct resource_part *part = &volumes->parts.items[i];
		const struct persistent_volume *volume = persistent_find(agent, part);

		if (!volume || volume->record->is_destroyed ||
		    persistent_part(volume)->value != part->value)
			return err_set(e, ENOENT, "destroy volume '%s' of role '%s': there is none",
				       part->volume, part->role);
		if (resource_parts_find(&agent->used.parts, part))
			return err_set(e, EBUSY, "destroy volume '%s' of role '%s': a task has it",
				       part->volume, part->role);
	}
	return 0;
}

static int destroy(struct agent *agent, const Mesos__V1__Offer__Operation__Destroy *body,
		   struct err *e)
{
	struct resources volumes = { 0 }, below = { 0 };
	int r = read_volumes(body->volumes, body->n_volumes, &volumes, e);

	if (r >= 0 && resources_below_volumes(&volumes, &below) < 0)
		r = err_set(e, ENOMEM, "destroy volumes");
	if (r >= 0)
		r = check_old(agent, &volumes, e);
	for (size_t i = 0; i < volumes.parts.n && r >= 0; i++) {
		struct persistent_volume *volume = persistent_find(agent, &volumes.parts.items[i]);

		volume->record->has_is_destroyed = volume->record->is_destroyed = true;
		volume->needs_settling = true;
		r = put(agent, volume, e);
	}
	if (r >= 0)
		r = convert(agent, &volumes, &below, e);
	resources_done(&volumes);
	resources_done(&below);
	return r;
}

int persistent_apply(struct agent *agent, const Operation *operation, struct err *e)
{
	int r = -ENOTSUP;

	if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__CREATE && operation->create)
		r = create(agent, operation->create, e);
	else if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__DESTROY &&
		 operation->destroy)
		r = destroy(agent, operation->destroy, e);
	else
		(void)err_set(e, ENOTSUP, "apply operation of type %d", (int)operation->type);
	return r;
}

/* ---- what is told of them ---- */

uint64_t persistent_used(const struct agent *agent, const struct persistent_volume *volume)
{
	uint64_t bytes;

	return volume->project && disk_used(agent, volume->project, &bytes) ? bytes :
									      volume->measured_bytes;
}

static json_t *statistics_of(const struct agent *agent, const struct persistent_volume *volume)
{
	const struct resource_part *part = persistent_part(volume);
	uint64_t used = persistent_used(agent, volume);
	json_t *view = json_pack("{s:{s:s, s:s*}, s:I}", "persistence", "id", part->volume,
				 "principal", part->principal, "limit_bytes",
				 (json_int_t)persistent_size(agent, volume));

	if (view && used <= INT64_MAX)
		json_object_set_new(view, "used_bytes", json_integer((json_int_t)used));
	return view;
}

json_t *persistent_statistics(const struct container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->resources.parts.n; i++) {
		const struct resource_part *part = &c->resources.parts.items[i];
		const struct persistent_volume *volume =
			part->volume ? persistent_find(c->agent, part) : NULL;

		if (volume)
			json_array_append_new(list, statistics_of(c->agent, volume));
	}
	return list;
}

json_t *persistent_view(const struct agent *agent)
{
	const struct persistent_volume *volume;
	json_t *list = json_array();

	for (volume = agent->volumes; volume; volume = volume->hh.next) {
		const struct resource_part *part = persistent_part(volume);
		json_t *view = statistics_of(agent, volume);

		if (!view || volume->record->is_destroyed) {
			json_decref(view);
			continue;
		}
		json_object_set_new(view, "role", json_string(part->role));
		json_object_set_new(view, "container_path", json_string(part->container_path));
		json_object_set_new(view, "source", json_string(volume->project ? "quota" : "walk"));
		for (const struct container *c = agent->containers; c; c = c->hh.next) {
			if (persistent_is_used_by(volume, c))
				json_object_set_new(view, "task_id", json_string(c->executor));
		}
		json_array_append_new(list, view);
	}
	return list;
}
