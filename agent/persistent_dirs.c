/* The directories of persistent volumes: made, given to who uses them, and taken away. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/disk.h"
#include "agent/launch_spec.h"
#include "agent/persistent.h"
#include "agent/runtime_dir.h"
#include "agent/trash.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"

/* Those above a volume are looked through by tasks' supervisors only. */
enum { VOLUME_MODE = 0750, PARENT_MODE = 0711 };

/* The directory of its role; a descriptor, owned. */
static int open_parent(struct agent *agent, const struct persistent_volume *volume, struct err *e)
{
	const char *name = strrchr(volume->path, '/') + 1;
	AUTO_FREE char *above = strndup(volume->path, (size_t)(name - volume->path));

	return above ? dir_make(agent->work_fd, above, PARENT_MODE, e) :
		       err_set(e, ENOMEM, "open volume '%s'", volume->key);
}

/* *RET_MADE: it was not there.  A descriptor, owned. */
static int open_directory(struct agent *agent, const struct persistent_volume *volume,
			  bool *ret_made, struct err *e)
{
	const char *name = strrchr(volume->path, '/') + 1;
	AUTO_CLOSE int parent = open_parent(agent, volume, e);
	int fd;

	if (parent < 0)
		return parent;
	*ret_made = mkdirat(parent, name, VOLUME_MODE) == 0;
	if (!*ret_made && errno != EEXIST)
		return err_set(e, errno, "make the directory of volume '%s'", volume->key);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open volume '%s'", volume->key) : fd;
}

static int make(struct agent *agent, struct persistent_volume *volume, struct err *e)
{
	bool is_new;
	AUTO_CLOSE int fd = open_directory(agent, volume, &is_new, e);

	if (fd < 0)
		return fd;
	if (is_new) {
		int r = disk_assign_volume(agent, fd, persistent_size(agent, volume), e);

		if (r < 0)
			return err_wrap(e, "volume '%s'", volume->key);
		log_info("volume '%s' of %lld MB is made", volume->key,
			 (long long)(persistent_size(agent, volume) >> 20));
	}
	volume->project = disk_project_of(agent, fd);
	volume->needs_settling = false;
	return 0;
}

/* Out of sight first, then forgotten: whatever happens between is repeated by the next start. */
static int take_away(struct agent *agent, struct persistent_volume *volume, struct err *e)
{
	AUTO_CLOSE int parent = open_parent(agent, volume, e), fd = -EBADF;
	int r = parent < 0 ? parent : trash_throw(agent->trash, agent->work_fd, volume->path, e);

	if (r == -ENOENT) {
		err_clear(e);
		r = 0;
	}
	if (r < 0)
		return r;
	/* The record must not be gone before that is on the disk; what is only a path has no fsync. */
	fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set(e, errno, "remove volume '%s'", volume->key);
	log_info("volume '%s' is destroyed", volume->key);
	return persistent_forget(agent, volume, e);
}

void persistent_settle(struct agent *agent)
{
	struct persistent_volume *volume, *next;

	HASH_ITER(hh, agent->volumes, volume, next) {
		struct err e = { 0 };
		int r = 0;

		if (!volume->needs_settling)
			continue;
		r = volume->record->is_destroyed ? take_away(agent, volume, &e) :
						   make(agent, volume, &e);
		if (r >= 0)
			continue;
		/* Tried again at every turn, told once. */
		if (!volume->has_failed)
			log_write_err(LOG_LEVEL_ERROR, &e, "volumes");
		volume->has_failed = true;
	}
}

/* One that could not be made before may be possible now. */
static int prepare(struct agent *agent, struct persistent_volume *volume,
		   const struct launch_result *launch, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;
	bool is_new;
	int r = volume->needs_settling ? make(agent, volume, e) : 0;

	if (r < 0)
		return r;
	fd = open_directory(agent, volume, &is_new, e);
	if (fd < 0)
		return fd;
	/* Only the top, as Mesos does: what is in there was made by whoever had it before. */
	if (fstat(fd, &st) < 0 || ((st.st_uid != launch->uid || st.st_gid != launch->gid) &&
				   fchown(fd, launch->uid, launch->gid) < 0))
		return err_set(e, errno, "give volume '%s' to user %u", volume->key, launch->uid);
	return 0;
}

int persistent_prepare(const struct container *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->resources.parts.n && r >= 0; i++) {
		const struct resource_part *part = &c->resources.parts.items[i];
		struct persistent_volume *volume = part->volume ? persistent_find(c->agent, part) : NULL;

		if (volume)
			r = prepare(c->agent, volume, c->launch, e);
		else if (part->volume)
			r = err_set(e, ENOENT, "find volume '%s' of role '%s'", part->volume,
				    part->role);
	}
	return r;
}
