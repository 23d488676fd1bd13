#include "agent/directory_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/errand.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/file_out.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"

enum { GATHER_MS = 3000, RETRY_MS = 60 * 1000, MAX_BYTES = 256 << 20 };

static const char name[] = "directory", unfinished[] = ".directory.";

struct directory_file {
	struct agent *agent;
	struct loop_timer *timer;
	struct errand *errand;		/* NULL: nothing is being written */
	bool is_behind;			/* of the directory */
	bool is_failing;		/* and that was logged */
};

/* ---- in the errand, which has the agent's memory of the moment it began ---- */

/* The entries themselves are lent. */
static int list_entries(const struct directory *directory, Tepui__Directory *whole, struct err *e)
{
	struct directory_counts counts = directory_count(directory);
	const struct directory_endpoint *endpoint = NULL;
	const struct directory_service *service = NULL;
	const struct directory_node *node = NULL;

	whole->nodes = calloc(counts.nodes + 1, sizeof(*whole->nodes));
	whole->services = calloc(counts.services + 1, sizeof(*whole->services));
	whole->endpoints = calloc(counts.endpoints + 1, sizeof(*whole->endpoints));
	if (!whole->nodes || !whole->services || !whole->endpoints)
		return err_set(e, ENOMEM, "pack the directory");
	while ((node = directory_node_next(directory, node)))
		whole->nodes[whole->n_nodes++] = node->info;
	while ((service = directory_service_next(directory, service)))
		whole->services[whole->n_services++] = service->info;
	while ((endpoint = directory_endpoint_next(directory, endpoint)))
		whole->endpoints[whole->n_endpoints++] = endpoint->info;
	return 0;
}

/* As the first message of a stream, which loading it is. */
static int pack(const struct directory *directory, void **ret, size_t *ret_size, struct err *e)
{
	Tepui__Directory whole = TEPUI__DIRECTORY__INIT;
	int r;

	whole.has_generation = whole.has_is_whole = whole.is_whole = true;
	whole.generation = 1;
	r = list_entries(directory, &whole, e);
	if (r >= 0)
		r = pb_pack(&whole.base, ret, ret_size, e);
	free(whole.nodes);
	free(whole.services);
	free(whole.endpoints);
	return r;
}

static int run(const void *arg, void *result, struct err *e)
{
	const struct directory_file *file = arg;
	AUTO_CLOSE int dir = open(file->agent->work_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE void *data = NULL;
	size_t size;
	int r;

	(void)result;
	if (dir < 0)
		return err_set(e, errno, "open '%s'", file->agent->work_dir);
	r = pack(file->agent->directory, &data, &size, e);
	return r < 0 ? r : file_out_replace(dir, name, data, size, e);
}

/* ---- in the agent ---- */

static void fail(struct directory_file *file, const struct err *e)
{
	if (!file->is_failing)
		log_write_err(LOG_LEVEL_WARNING, e, "keep the directory for a restart, going on");
	file->is_failing = true;
	file->is_behind = true;
	loop_timer_set(file->timer, RETRY_MS);
}

static void done(void *arg, int r, const void *result, struct err *e)
{
	struct directory_file *file = arg;

	(void)result;
	file->errand = NULL;
	if (r < 0) {
		fail(file, e);
		return;
	}
	file->is_failing = false;
	if (file->is_behind)
		loop_timer_set(file->timer, GATHER_MS);
}

static void on_timer(void *arg)
{
	static const struct errand_kind kind = { run, done };
	struct directory_file *file = arg;
	struct err e = { 0 };

	file->is_behind = false;
	if (errand_start(file->agent->loop, &kind, file, &file->errand, &e) < 0)
		fail(file, &e);
}

/* The first change of several sets the time, so that a directory that never rests is written, too. */
static void on_settled(void *arg, uint64_t generation)
{
	struct directory_file *file = arg;

	(void)generation;
	if (!file->is_behind && !file->errand)
		loop_timer_set(file->timer, GATHER_MS);
	file->is_behind = true;
}

/* An errand that was killed has left what it had written. */
static void sweep(const struct directory_file *file)
{
	AUTO_CLOSE int fd = openat(file->agent->work_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return;
	(void)TAKE_FD(fd);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, unfinished, sizeof(unfinished) - 1) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

void directory_file_load(struct directory_file *file)
{
	struct agent *agent = file->agent;
	ProtobufCMessage *whole;
	AUTO_FREE char *data = NULL;
	struct err e = { 0 };
	size_t size;
	int r;

	sweep(file);
	r = file_in_read(agent->work_fd, name, MAX_BYTES, &data, &size, &e);

	if (r == -ENOENT)
		return;
	if (r >= 0)
		r = pb_unpack(&tepui__directory__descriptor, data, size, &whole, &e);
	if (r >= 0) {
		directory_begin(agent->directory);
		r = directory_apply(agent->directory, (Tepui__Directory *)whole, &e);
	}
	if (r < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "begin without the directory that was kept");
	/* It is what the file says already. */
	file->is_behind = false;
	loop_timer_clear(file->timer);
}

void directory_file_remove(struct directory_file *file)
{
	errand_free(TAKE_PTR(file->errand));
	loop_timer_clear(file->timer);
	if (unlinkat(file->agent->work_fd, name, 0) < 0 && errno != ENOENT)
		log_warning("remove the directory that was kept: %m");
}

int directory_file_new(struct agent *agent, struct directory_file **ret, struct err *e)
{
	static const struct directory_listener listener = { .settled = on_settled };
	struct directory_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return err_set(e, ENOMEM, "prepare to keep the directory");
	file->agent = agent;
	r = loop_timer_new(agent->loop, on_timer, file, &file->timer, e);
	if (r >= 0)
		r = directory_listen(agent->directory, &listener, file, e);
	if (r < 0) {
		directory_file_free(file);
		return r;
	}
	*ret = file;
	return 0;
}

void directory_file_free(struct directory_file *file)
{
	if (!file)
		return;
	errand_free(file->errand);
	loop_timer_free(file->timer);
	free(file);
}
