/* Removal of images that nothing runs on: when the disk of the store is full, or an operator asks. */
#ifndef AGENT_IMAGE_GC_H
#define AGENT_IMAGE_GC_H

#include <stddef.h>
#include <stdint.h>

struct agent;
struct err;
struct http_request;
struct image_gc;

/* *RET is NULL, which the others take too, without a store. */
int image_gc_new(struct agent *agent, struct image_gc **ret, struct err *e);
void image_gc_free(struct image_gc *gc);

/*
 * Remove all images that nothing runs on but the N that KEPT names (copied); REQ is answered when that
 * is done, and it is done also if who asked has left.  -E2BIG, -EAGAIN: so many are under way.
 */
int image_gc_prune(struct image_gc *gc, struct http_request *req, const char *const *kept, size_t n,
		   struct err *e);

/* Since start. */
struct image_gc_counters {
	uint64_t images, layers, failed;
};
struct image_gc_counters image_gc_counters(const struct image_gc *gc);

#endif
