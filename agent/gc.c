#include "agent/gc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/runtime_dir.h"
#include "agent/container.h"
#include "agent/trash.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

enum { SCAN_MS = 60 * 1000, STEP_MS = 5, STEP_ENTRIES = 64, N_LEVELS = 7 };

static const double headroom = 0.1;

struct gc_level {
	DIR *dir;
	char *name;		/* in the level above; owned */
};

struct gc {
	struct agent *agent;
	struct loop_timer *timer;
	struct gc_level levels[N_LEVELS];	/* that the scan is in */
	unsigned depth;
	int64_t max_age_ms;
};

int64_t gc_max_age(int64_t delay_ms, double used)
{
	double factor = 1 - headroom - used;

	return factor > 0 ? (int64_t)((double)delay_ms * factor) : 0;
}

int64_t gc_present_max_age(const struct gc *gc)
{
	return gc->max_age_ms;
}

/* ---- what is old ---- */

static void check_run(struct gc *gc, int dir_fd, const char *name)
{
	struct err e = { 0 };
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISLNK(st.st_mode)) {
		if (faccessat(dir_fd, name, F_OK, 0) < 0)
			(void)unlinkat(dir_fd, name, 0);
		return;
	}
	/* Not the time of modification: its owner, the task, may have set that to any year. */
	if (!S_ISDIR(st.st_mode) || container_find(gc->agent, name) ||
	    clock_wall_ms() - (int64_t)st.st_ctim.tv_sec * 1000 <= gc->max_age_ms)
		return;
	if (trash_throw(gc->agent->trash, dir_fd, name, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "remove the sandbox of container '%s'", name);
	else
		log_info("remove the sandbox of container '%s'", name);
}

/* ---- the scan: a little at a time ---- */

/*
 * slaves/S/frameworks/F/executors/E/runs/CONTAINER: names of directories alternate with ids.
 */
static void enter(struct gc *gc, int parent_fd, const char *name)
{
	struct gc_level *level = &gc->levels[gc->depth];
	AUTO_CLOSE int fd = openat(parent_fd, name,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	level->name = strdup(name);
	level->dir = level->name ? fdopendir(fd) : NULL;
	if (!level->dir) {
		free(level->name);
		return;
	}
	(void)TAKE_FD(fd);
	gc->depth++;
}

/* Parents that have become empty go too. */
static void leave(struct gc *gc)
{
	struct gc_level *level = &gc->levels[gc->depth - 1];

	/* Whether the link dangles is known only now. */
	if (gc->depth == N_LEVELS)
		check_run(gc, dirfd(level->dir), "latest");
	closedir(level->dir);
	if (gc->depth > 1)
		(void)unlinkat(dirfd(level[-1].dir), level->name, AT_REMOVEDIR);
	free(level->name);
	gc->depth--;
}

static void step(struct gc *gc)
{
	DIR *dir = gc->levels[gc->depth - 1].dir;
	const struct dirent *entry = readdir(dir);

	if (!entry)
		leave(gc);
	else if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return;
	else if (gc->depth == N_LEVELS)
		check_run(gc, dirfd(dir), entry->d_name);
	else
		enter(gc, dirfd(dir), entry->d_name);
}

static void begin(struct gc *gc)
{
	struct statvfs disk;
	double used = 0;

	if (fstatvfs(gc->agent->work_fd, &disk) == 0 && disk.f_blocks)
		used = 1 - (double)disk.f_bavail / (double)disk.f_blocks;
	gc->max_age_ms = gc_max_age(gc->agent->flags.gc_delay, used);
	enter(gc, gc->agent->work_fd, "slaves");
}

static void on_timer(void *arg)
{
	struct gc *gc = arg;

	if (!gc->depth)
		begin(gc);
	for (int n = 0; gc->depth && n < STEP_ENTRIES; n++)
		step(gc);
	loop_timer_set(gc->timer, gc->depth ? STEP_MS : SCAN_MS);
}

int gc_new(struct agent *agent, struct gc **ret, struct err *e)
{
	struct gc *gc = calloc(1, sizeof(*gc));
	int r;

	if (!gc)
		return err_set(e, ENOMEM, "prepare the removal of sandboxes");
	gc->agent = agent;
	gc->max_age_ms = agent->flags.gc_delay;
	r = loop_timer_new(agent->loop, on_timer, gc, &gc->timer, e);
	if (r < 0) {
		gc_free(gc);
		return r;
	}
	/* Soon, but not before the tasks of the last run are known. */
	loop_timer_set(gc->timer, agent->flags.gc_delay < SCAN_MS ? 1000 : SCAN_MS);
	*ret = gc;
	return 0;
}

void gc_free(struct gc *gc)
{
	if (!gc)
		return;
	while (gc->depth)
		leave(gc);
	loop_timer_free(gc->timer);
	free(gc);
}
