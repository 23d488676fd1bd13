#include "executor/oom.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

/* The eventfd of cgroup v1 speaks before the kill: so the counter is looked at a few times more. */
enum { LOOK_AGAIN_MS = 20, MAX_LOOKS = 50 };

struct oom {
	const struct cgroup *cg;
	void (*fn)(void *arg);
	void *arg;
	int fd;
	bool is_eventfd;
	unsigned looks;
	struct loop_watch *watch;
	struct loop_timer *again;
};

static void look(struct oom *oom)
{
	uint64_t kills = 0;
	struct err lost = { 0 };

	(void)cgroup_oom_kills(oom->cg, &kills, &lost);
	if (kills > 0) {
		loop_watch_free(TAKE_PTR(oom->watch));
		loop_timer_clear(oom->again);
		oom->fn(oom->arg);
		return;
	}
	if (oom->is_eventfd && oom->looks++ < MAX_LOOKS)
		loop_timer_set(oom->again, LOOK_AGAIN_MS);
}

static void on_again(void *arg)
{
	look(arg);
}

static void on_event(int fd, void *arg)
{
	struct oom *oom = arg;
	uint64_t count;

	/* Takes the readiness away; how often it was is told by the counter. */
	if (oom->is_eventfd && read(fd, &count, sizeof(count)) < 0)
		return;
	oom->looks = 0;
	look(oom);
}

DEFINE_AUTO(struct oom *, oom_free);

int oom_watch(struct loop *loop, const struct cgroup *cg, void (*fn)(void *arg), void *arg,
	      struct oom **ret, struct err *e)
{
	AUTO(oom_freep) struct oom *oom = calloc(1, sizeof(*oom));
	int r;

	if (!oom)
		return err_set(e, ENOMEM, "watch memory");
	oom->cg = cg;
	oom->fn = fn;
	oom->arg = arg;
	oom->fd = cgroup_open_oom_events(cg, &oom->is_eventfd, e);
	if (oom->fd < 0)
		return oom->fd;
	r = loop_timer_new(loop, on_again, oom, &oom->again, e);
	if (r < 0)
		return r;
	r = (oom->is_eventfd ? loop_watch_fd : loop_watch_priority)(loop, oom->fd, on_event, oom,
								     &oom->watch, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(oom);
	return 0;
}

void oom_free(struct oom *oom)
{
	if (!oom)
		return;
	loop_watch_free(oom->watch);
	loop_timer_free(oom->again);
	fd_close(&oom->fd);
	free(oom);
}
