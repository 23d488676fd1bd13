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
#include "agent/task.h"
#include "lib/tree.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

enum { SCAN_MS = 60 * 1000, STEP_MS = 5, STEP_ENTRIES = 256, N_LEVELS = 7 };

static const double headroom = 0.1;
static const char trash[] = "trash";

struct gc {
	struct agent *agent;
	struct loop_timer *scan_timer, *step_timer;
	struct tree_walk *walk;		/* of the trash */
	struct gc_counters counters;
	unsigned n_moved;
};

int64_t gc_max_age(int64_t delay_ms, double used)
{
	double factor = 1 - headroom - used;

	return factor > 0 ? (int64_t)((double)delay_ms * factor) : 0;
}

struct gc_counters gc_counters(const struct gc *gc)
{
	return gc->counters;
}

/* ---- emptying the trash ---- */

/* A little at a time: a sandbox may hold a million files, and the loop has other things to do. */
static void on_step(void *arg)
{
	struct gc *gc = arg;
	struct err e = { 0 };

	if (!gc->walk && tree_walk_new(gc->agent->work_fd, trash, TREE_REMOVE, &gc->walk, &e) < 0)
		return;
	if (!tree_walk_step(gc->walk, STEP_ENTRIES)) {
		loop_timer_set(gc->step_timer, STEP_MS);
		return;
	}
	tree_walk_free(TAKE_PTR(gc->walk));
	gc->counters.succeeded += gc->counters.pending;
	gc->counters.pending = 0;
}

/* ---- finding what is old ---- */

static bool is_in_use(const struct agent *agent, const char *container_id)
{
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		if (strcmp(task->record->container_id, container_id) == 0)
			return true;
	}
	return false;
}

/* A rename takes it out of sight at once, whatever its size. */
static void throw_away(struct gc *gc, int dir_fd, const char *container_id)
{
	AUTO_CLOSE int trash_fd = -EBADF;
	struct err e = { 0 };
	char name[32];

	trash_fd = dir_make(gc->agent->work_fd, trash, 0700, &e);
	(void)snprintf(name, sizeof(name), "%llu-%u",
		       (unsigned long long)gc->agent->started_wall_ms, gc->n_moved++);
	if (trash_fd < 0 || renameat(dir_fd, container_id, trash_fd, name) < 0) {
		gc->counters.failed++;
		return;
	}
	log_info("remove the sandbox of container '%s'", container_id);
	gc->counters.pending++;
}

static void check_run(struct gc *gc, int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISLNK(st.st_mode)) {
		if (faccessat(dir_fd, name, F_OK, 0) < 0)
			(void)unlinkat(dir_fd, name, 0);
		return;
	}
	/* Not the time of modification: its owner, the task, may have set that to any year. */
	if (S_ISDIR(st.st_mode) && !is_in_use(gc->agent, name) &&
	    clock_wall_ms() - (int64_t)st.st_ctim.tv_sec * 1000 > gc->counters.max_age_ms)
		throw_away(gc, dir_fd, name);
}

/*
 * slaves/S/frameworks/F/executors/E/runs/CONTAINER: names of directories alternate with ids.
 * Parents that have become empty go too.
 */
static void scan_level(struct gc *gc, int parent_fd, const char *name, unsigned level)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (level == N_LEVELS - 1)
			check_run(gc, dirfd(dir), entry->d_name);
		else
			scan_level(gc, dirfd(dir), entry->d_name, level + 1);
	}
	/* Whether the link dangles is known only now. */
	if (level == N_LEVELS - 1)
		check_run(gc, dirfd(dir), "latest");
	closedir(dir);
	if (level > 0)
		(void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static void on_scan(void *arg)
{
	struct gc *gc = arg;
	struct statvfs disk;
	double used = 0;

	if (fstatvfs(gc->agent->work_fd, &disk) == 0 && disk.f_blocks)
		used = 1 - (double)disk.f_bavail / (double)disk.f_blocks;
	gc->counters.max_age_ms = gc_max_age(gc->agent->flags.gc_delay, used);
	scan_level(gc, gc->agent->work_fd, "slaves", 0);
	loop_timer_set(gc->step_timer, 0);
	loop_timer_set(gc->scan_timer, SCAN_MS);
}

int gc_new(struct agent *agent, struct gc **ret, struct err *e)
{
	struct gc *gc = calloc(1, sizeof(*gc));
	int r;

	if (!gc)
		return err_set(e, ENOMEM, "prepare the removal of sandboxes");
	gc->agent = agent;
	gc->counters.max_age_ms = agent->flags.gc_delay;
	r = loop_timer_new(agent->loop, on_scan, gc, &gc->scan_timer, e);
	if (r >= 0)
		r = loop_timer_new(agent->loop, on_step, gc, &gc->step_timer, e);
	if (r < 0) {
		gc_free(gc);
		return r;
	}
	/* Soon, but not before the tasks of the last run are known. */
	loop_timer_set(gc->scan_timer, agent->flags.gc_delay < SCAN_MS ? 1000 : SCAN_MS);
	*ret = gc;
	return 0;
}

void gc_free(struct gc *gc)
{
	if (!gc)
		return;
	tree_walk_free(gc->walk);
	loop_timer_free(gc->scan_timer);
	loop_timer_free(gc->step_timer);
	free(gc);
}
