#include "agent/measurer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/tree.h"

enum { STEP_MS = 20, STEP_ENTRIES = 256, TURN_ENTRIES = 16 * STEP_ENTRIES, MAX_ENTRIES = 1 << 20 };

struct measurer {
	struct loop_timer *timer;
	int64_t interval_ms;
	bool is_awake;				/* the timer is set */
	TAILQ_HEAD(, measured) queue;		/* whose last turn is longest ago first */
};

static bool is_due(const struct measurer *measurer, const struct measured *measured)
{
	return measured->walk || !measured->begun_boot_ms ||
	       clock_boot_ms() - measured->begun_boot_ms >= measurer->interval_ms;
}

static struct measured *find_next(const struct measurer *measurer)
{
	struct measured *measured;

	TAILQ_FOREACH(measured, &measurer->queue, link) {
		if (is_due(measurer, measured))
			return measured;
	}
	return NULL;
}

static void end_turn(struct measurer *measurer, struct measured *measured)
{
	TAILQ_REMOVE(&measurer->queue, measured, link);
	TAILQ_INSERT_TAIL(&measurer->queue, measured, link);
}

static bool begin(struct measured *measured)
{
	AUTO_CLOSE int fd = measured->ops->open(measured->arg);
	struct err ignored = { 0 };

	measured->begun_boot_ms = clock_boot_ms();
	measured->n_entries = 0;
	return fd >= 0 && tree_walk_new(fd, ".", TREE_MEASURE, &measured->walk, &ignored) >= 0;
}

static void end(struct measured *measured)
{
	uint64_t bytes = tree_walk_bytes(measured->walk);

	tree_walk_free(TAKE_PTR(measured->walk));
	measured->ops->done(measured->arg, bytes);
}

/* One step of the first whose turn it is. */
static void on_timer(void *arg)
{
	struct measurer *measurer = arg;
	struct measured *measured = find_next(measurer);

	measurer->is_awake = measured;
	if (!measured)
		return;
	loop_timer_set(measurer->timer, STEP_MS);
	if (!measured->walk && !begin(measured)) {
		end_turn(measurer, measured);
		return;
	}
	measured->n_entries += STEP_ENTRIES;
	if (tree_walk_step(measured->walk, STEP_ENTRIES) || measured->n_entries >= MAX_ENTRIES) {
		end_turn(measurer, measured);
		end(measured);
	} else if (measured->n_entries % TURN_ENTRIES == 0) {
		tree_walk_rest(measured->walk);
		end_turn(measurer, measured);
	}
}

int measurer_new(struct loop *loop, int64_t interval_ms, struct measurer **ret, struct err *e)
{
	struct measurer *measurer = calloc(1, sizeof(*measurer));
	int r;

	if (!measurer)
		return err_set(e, ENOMEM, "measure directories");
	measurer->interval_ms = interval_ms;
	TAILQ_INIT(&measurer->queue);
	r = loop_timer_new(loop, on_timer, measurer, &measurer->timer, e);
	if (r < 0)
		free(measurer);
	else
		*ret = measurer;
	return r;
}

void measurer_free(struct measurer *measurer)
{
	if (!measurer)
		return;
	loop_timer_free(measurer->timer);
	free(measurer);
}

void measurer_add(struct measurer *measurer, struct measured *measured,
		  const struct measured_ops *ops, void *arg)
{
	if (measured->ops)
		return;
	*measured = (struct measured){ .ops = ops, .arg = arg };
	TAILQ_INSERT_HEAD(&measurer->queue, measured, link);
}

void measurer_remove(struct measurer *measurer, struct measured *measured)
{
	if (!measured->ops)
		return;
	TAILQ_REMOVE(&measurer->queue, measured, link);
	tree_walk_free(measured->walk);
	*measured = (struct measured){ 0 };
}

void measurer_wake(struct measurer *measurer, int64_t wait_ms)
{
	if (measurer->is_awake)
		return;
	measurer->is_awake = true;
	loop_timer_set(measurer->timer, wait_ms);
}
