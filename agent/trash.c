#include "agent/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/errand.h"
#include "agent/runtime_dir.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/tree.h"

enum { GATHER_MS = 500, RETRY_MS = 60 * 1000 };

static const char name_of_directory[] = "trash";

struct trash {
	struct agent *agent;
	char *path;
	struct errand *errand;		/* NULL: nothing is being removed */
	struct loop_timer *timer;	/* until the next is begun */
	struct trash_counters counters;
	uint64_t n_thrown, n_begun;	/* begun: those before are being removed, or were */
	bool is_failing;		/* and that was told */
};

struct trash_counters trash_counters(const struct trash *trash)
{
	return trash->counters;
}

/* ---- in the process ---- */

static int empty(const void *arg, void *result, struct err *e)
{
	const struct trash *trash = arg;
	int fd = open(trash->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	struct err last = { 0 };
	DIR *dir;

	(void)result;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", trash->path);
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return err_set(e, ENOMEM, "read '%s'", trash->path);
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		err_clear(&last);
		if (tree_remove(dirfd(dir), entry->d_name, &last) < 0 && !e->code)
			*e = last;
	}
	closedir(dir);
	return -e->code;
}

/* ---- in the agent ---- */

static void fail(struct trash *trash, const struct err *e)
{
	if (!trash->is_failing)
		log_write_err(LOG_LEVEL_WARNING, e, "empty '%s', going on", trash->path);
	trash->is_failing = true;
	trash->counters.failed++;
	loop_timer_set(trash->timer, RETRY_MS);
}

static void done(void *arg, int r, const void *result, struct err *e)
{
	struct trash *trash = arg;

	(void)result;
	trash->errand = NULL;
	if (r < 0) {
		fail(trash, e);
		return;
	}
	trash->is_failing = false;
	trash->counters.pending = trash->n_thrown - trash->n_begun;
	trash->counters.succeeded = trash->n_begun;
	if (trash->counters.pending)
		loop_timer_set(trash->timer, GATHER_MS);
}

static void on_timer(void *arg)
{
	static const struct errand_kind kind = { empty, done };
	struct trash *trash = arg;
	struct err e = { 0 };

	if (trash->errand)
		return;
	trash->n_begun = trash->n_thrown;
	if (errand_start(trash->agent->loop, &kind, trash, &trash->errand, &e) < 0)
		fail(trash, &e);
}

int trash_throw(struct trash *trash, int dir_fd, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = dir_make(trash->agent->work_fd, name_of_directory, 0700, e);
	char unique[64];

	if (fd < 0) {
		trash->counters.failed++;
		return -e->code;
	}
	(void)snprintf(unique, sizeof(unique), "%lld-%llu",
		       (long long)trash->agent->started_wall_ms,
		       (unsigned long long)trash->n_thrown);
	if (renameat(dir_fd, name, fd, unique) < 0) {
		trash->counters.failed += errno != ENOENT;
		return err_set(e, errno, "throw '%s' away", name);
	}
	trash->n_thrown++;
	trash->counters.pending++;
	/* Not each alone: what ends often ends together. */
	if (!trash->errand)
		loop_timer_set(trash->timer, GATHER_MS);
	return 0;
}

int trash_new(struct agent *agent, struct trash **ret, struct err *e)
{
	struct trash *trash = calloc(1, sizeof(*trash));
	int r;

	if (!trash)
		return err_set(e, ENOMEM, "prepare the removal of trees");
	trash->agent = agent;
	if (asprintf(&trash->path, "%s/%s", agent->work_dir, name_of_directory) < 0)
		trash->path = NULL;
	r = trash->path ? loop_timer_new(agent->loop, on_timer, trash, &trash->timer, e) :
			  err_set(e, ENOMEM, "prepare the removal of trees");
	if (r < 0) {
		trash_free(trash);
		return r;
	}
	loop_timer_set(trash->timer, GATHER_MS);
	*ret = trash;
	return 0;
}

void trash_free(struct trash *trash)
{
	if (!trash)
		return;
	errand_free(trash->errand);
	loop_timer_free(trash->timer);
	free(trash->path);
	free(trash);
}
