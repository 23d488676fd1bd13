#include "agent/image_gc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/agent.h"
#include "agent/errand.h"
#include "containerizer/image/prune.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum { MAX_ASKED = 16, MAX_KEPT = 1024 };

/* By an operator. */
struct asked {
	LIST_ENTRY(asked) entry;
	struct image_gc *gc;
	struct errand *errand;
	struct http_request *req;	/* NULL: who asked has left */
	char **kept;
	size_t n_kept;
};

struct image_gc {
	struct agent *agent;
	struct errand *errand;		/* NULL: not now */
	struct loop_timer *timer;
	struct image_gc_counters counters;
	LIST_HEAD(, asked) asked;
	bool is_failing, is_above;	/* and that was told */
};

_Static_assert(sizeof(struct image_pruned) <= ERRAND_RESULT, "it is what the errand brings back");

/* In the process: with a store of its own, for its locks are not to be the agent's. */
static int prune(const struct image_gc *gc, const struct image_prune *how, void *result,
		 struct err *e)
{
	struct image_pruned pruned = { 0 };
	struct image_store *store;
	int r = image_store_open(gc->agent->flags.image_store, &store, e);

	if (r < 0)
		return r;
	r = image_prune(store, how, &pruned, e);
	image_store_close(store);
	memcpy(result, &pruned, sizeof(pruned));
	return r;
}

static int prune_full(const void *arg, void *result, struct err *e)
{
	const struct image_gc *gc = arg;
	const struct image_prune how = {
		.high_percent = (unsigned)gc->agent->flags.image_gc_high,
		.low_percent = (unsigned)gc->agent->flags.image_gc_low,
	};

	return prune(gc, &how, result, e);
}

static int prune_asked(const void *arg, void *result, struct err *e)
{
	const struct asked *asked = arg;
	const struct image_prune how = {
		.all = true, .kept = asked->kept, .n_kept = asked->n_kept,
	};

	return prune(asked->gc, &how, result, e);
}

static void count(struct image_gc *gc, const struct image_pruned *pruned)
{
	if (pruned->n_images || pruned->n_layers)
		log_info("removed %u images and %u layers that nothing runs on from '%s': its file "
			 "system is %u%% full", pruned->n_images, pruned->n_layers,
			 gc->agent->flags.image_store, pruned->used_percent);
	gc->counters.images += pruned->n_images;
	gc->counters.layers += pruned->n_layers;
}

static void tell(struct image_gc *gc, const struct image_pruned *pruned)
{
	count(gc, pruned);
	if (pruned->is_still_above && !gc->is_above)
		log_warning("the file system of image store '%s' is %u%% full, and the images that "
			    "are left are in use", gc->agent->flags.image_store,
			    pruned->used_percent);
	gc->is_above = pruned->is_still_above;
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
	static const struct errand_kind kind = { prune_full, done };
	struct image_gc *gc = arg;
	struct err e = { 0 };

	if (errand_start(gc->agent->loop, &kind, gc, &gc->errand, &e) >= 0)
		return;
	fail(gc, &e);
	loop_timer_set(gc->timer, gc->agent->flags.image_gc_interval);
}

/* ---- by an operator ---- */

static void free_asked(struct asked *asked)
{
	for (size_t i = 0; i < asked->n_kept; i++)
		free(asked->kept[i]);
	free(asked->kept);
	free(asked);
}

static void end_asked(struct asked *asked, struct err *e)
{
	LIST_REMOVE(asked, entry);
	if (asked->req && e->code)
		http_reply_error(asked->req, e);
	else if (asked->req)
		http_reply(asked->req, 200, NULL, NULL, 0);
	free_asked(asked);
}

static void done_asked(void *arg, int r, const void *result, struct err *e)
{
	struct asked *asked = arg;
	struct image_pruned pruned;

	memcpy(&pruned, result, sizeof(pruned));
	if (r >= 0)
		count(asked->gc, &pruned);
	end_asked(asked, e);
}

static void on_close(void *arg)
{
	((struct asked *)arg)->req = NULL;
}

static struct asked *make_asked(struct image_gc *gc, const char *const *kept, size_t n)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return NULL;
	asked->gc = gc;
	asked->kept = calloc(n + 1, sizeof(*asked->kept));
	for (size_t i = 0; asked->kept && i < n && (asked->kept[i] = strdup(kept[i])); i++)
		asked->n_kept++;
	if (asked->kept && asked->n_kept == n)
		return asked;
	free_asked(asked);
	return NULL;
}

int image_gc_prune(struct image_gc *gc, struct http_request *req, const char *const *kept, size_t n,
		   struct err *e)
{
	static const struct errand_kind kind = { prune_asked, done_asked };
	struct asked *asked;
	unsigned n_asked = 0;
	int r;

	if (!gc) {
		http_reply(req, 200, NULL, NULL, 0);
		return 0;
	}
	LIST_FOREACH(asked, &gc->asked, entry)
		n_asked++;
	if (n_asked >= MAX_ASKED)
		return err_set(e, EAGAIN, "prune images: %d others ask for it", MAX_ASKED);
	if (n > MAX_KEPT)
		return err_set(e, E2BIG, "prune images: more than %d are excluded", MAX_KEPT);
	asked = make_asked(gc, kept, n);
	if (!asked)
		return err_set(e, ENOMEM, "prune images");
	r = errand_start(gc->agent->loop, &kind, asked, &asked->errand, e);
	if (r < 0) {
		free_asked(asked);
		return r;
	}
	asked->req = req;
	http_request_on_close(req, on_close, asked);
	LIST_INSERT_HEAD(&gc->asked, asked, entry);
	return 0;
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
	if (!agent->images)
		return 0;
	gc = calloc(1, sizeof(*gc));
	if (!gc)
		return err_set(e, ENOMEM, "prepare the removal of images");
	gc->agent = agent;
	LIST_INIT(&gc->asked);
	r = loop_timer_new(agent->loop, on_timer, gc, &gc->timer, e);
	if (r < 0) {
		image_gc_free(gc);
		return r;
	}
	if (agent->flags.image_gc_interval)
		loop_timer_set(gc->timer, agent->flags.image_gc_interval);
	*ret = gc;
	return 0;
}

void image_gc_free(struct image_gc *gc)
{
	struct asked *asked;

	if (!gc)
		return;
	while ((asked = LIST_FIRST(&gc->asked))) {
		struct err e = { 0 };

		errand_free(asked->errand);
		(void)err_set(&e, EAGAIN, "prune images: the agent ends");
		end_asked(asked, &e);
	}
	errand_free(gc->errand);
	loop_timer_free(gc->timer);
	free(gc);
}
