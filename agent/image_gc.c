#include "agent/image_gc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/errand.h"
#include "containerizer/image/prune.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

struct image_gc {
	struct agent *agent;
	struct errand *errand;		/* NULL: not now */
	struct loop_timer *timer;
	struct image_gc_counters counters;
	bool is_failing, is_above;	/* and that was told */
};

_Static_assert(sizeof(struct image_pruned) <= ERRAND_RESULT, "it is what the errand brings back");

/* In the process: with a store of its own, for its locks are not to be the agent's. */
static int prune(const void *arg, void *result, struct err *e)
{
	const struct agent_flags *flags = &((const struct image_gc *)arg)->agent->flags;
	const struct image_prune how = {
		.high_percent = (unsigned)flags->image_gc_high,
		.low_percent = (unsigned)flags->image_gc_low,
	};
	struct image_pruned pruned = { 0 };
	struct image_store *store;
	int r = image_store_open(flags->image_store, &store, e);

	if (r < 0)
		return r;
	r = image_prune(store, &how, &pruned, e);
	image_store_close(store);
	memcpy(result, &pruned, sizeof(pruned));
	return r;
}

static void tell(struct image_gc *gc, const struct image_pruned *pruned)
{
	if (pruned->n_images || pruned->n_layers)
		log_info("removed %u images and %u layers that nothing runs on from '%s': its file "
			 "system is %u%% full", pruned->n_images, pruned->n_layers,
			 gc->agent->flags.image_store, pruned->used_percent);
	if (pruned->is_still_above && !gc->is_above)
		log_warning("the file system of image store '%s' is %u%% full, and the images that "
			    "are left are in use", gc->agent->flags.image_store,
			    pruned->used_percent);
	gc->is_above = pruned->is_still_above;
	gc->counters.images += pruned->n_images;
	gc->counters.layers += pruned->n_layers;
}

static void fail(struct image_gc *gc, const struct err *e)
{
	if (!gc->is_failing)
		log_write_err(LOG_LEVEL_WARNING, e, "look for images that may go, going on");
	gc->is_failing = true;
	gc->counters.failed++;
}

static void done(void *arg, int r, const void *result, struct err *e)
{
	struct image_gc *gc = arg;
	struct image_pruned pruned;

	gc->errand = NULL;
	loop_timer_set(gc->timer, gc->agent->flags.image_gc_interval);
	if (r < 0) {
		fail(gc, e);
		return;
	}
	gc->is_failing = false;
	memcpy(&pruned, result, sizeof(pruned));
	tell(gc, &pruned);
}

static void on_timer(void *arg)
{
	static const struct errand_kind kind = { prune, done };
	struct image_gc *gc = arg;
	struct err e = { 0 };

	if (errand_start(gc->agent->loop, &kind, gc, &gc->errand, &e) >= 0)
		return;
	fail(gc, &e);
	loop_timer_set(gc->timer, gc->agent->flags.image_gc_interval);
}

struct image_gc_counters image_gc_counters(const struct image_gc *gc)
{
	return gc ? gc->counters : (struct image_gc_counters){ 0 };
}

int image_gc_new(struct agent *agent, struct image_gc **ret, struct err *e)
{
	struct image_gc *gc;
	int r;

	*ret = NULL;
	if (!agent->images || !agent->flags.image_gc_interval)
		return 0;
	gc = calloc(1, sizeof(*gc));
	if (!gc)
		return err_set(e, ENOMEM, "prepare the removal of images");
	gc->agent = agent;
	r = loop_timer_new(agent->loop, on_timer, gc, &gc->timer, e);
	if (r < 0) {
		image_gc_free(gc);
		return r;
	}
	loop_timer_set(gc->timer, agent->flags.image_gc_interval);
	*ret = gc;
	return 0;
}

void image_gc_free(struct image_gc *gc)
{
	if (!gc)
		return;
	errand_free(gc->errand);
	loop_timer_free(gc->timer);
	free(gc);
}
