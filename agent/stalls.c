#include "agent/stalls.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "isolators/isolator.h"
#include "isolators/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

static const struct {
	const char *isolator;
	size_t offset;		/* of the count in struct usage */
} kinds[] = {
	{ "cpu", offsetof(struct usage, cpu_stalls) },
	{ "memory", offsetof(struct usage, memory_stalls) },
	{ "io", offsetof(struct usage, io_stalls) },
};

struct stall_watch {
	int fd;
	uint64_t n;
	struct loop_watch *watch;
};

struct stalls {
	struct stall_watch watches[ARRAY_SIZE(kinds)];
};

DEFINE_AUTO(struct stalls *, stalls_free);

/* Of a group that was removed the descriptor says so for ever. */
static void on_stall(int fd, void *arg)
{
	struct stall_watch *w = arg;
	struct pollfd now = { .fd = fd, .events = POLLPRI };

	if (poll(&now, 1, 0) > 0 && now.revents & POLLERR)
		loop_watch_free(TAKE_PTR(w->watch));
	else
		w->n++;
}

static int watch(struct loop *loop, const struct cgroup *cg, size_t kind,
		 const struct cgroup_pressure *trigger, struct stall_watch *w, struct err *e)
{
	w->fd = isolators_watch(cg, kinds[kind].isolator, trigger, e);
	return w->fd < 0 ? w->fd : loop_watch_priority(loop, w->fd, on_stall, w, &w->watch, e);
}

int stalls_new(struct loop *loop, const struct cgroup *cg, int64_t threshold_ms,
	       struct stalls **ret, struct err *e)
{
	const struct cgroup_pressure trigger = {
		.stall_usec = (uint64_t)threshold_ms * 1000,
		.window_usec = STALLS_WINDOW_MS * 1000,
	};
	AUTO(stalls_freep) struct stalls *stalls = calloc(1, sizeof(*stalls));

	if (!stalls)
		return err_set(e, ENOMEM, "watch for stalls");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		stalls->watches[i].fd = -EBADF;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = watch(loop, cg, i, &trigger, &stalls->watches[i], e);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(stalls);
	return 0;
}

void stalls_free(struct stalls *stalls)
{
	if (!stalls)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		loop_watch_free(stalls->watches[i].watch);
		fd_close(&stalls->watches[i].fd);
	}
	free(stalls);
}

void stalls_fill(const struct stalls *stalls, struct usage *usage)
{
	for (size_t i = 0; stalls && i < ARRAY_SIZE(kinds); i++)
		memcpy((char *)usage + kinds[i].offset, &stalls->watches[i].n,
		       sizeof(stalls->watches[i].n));
}
