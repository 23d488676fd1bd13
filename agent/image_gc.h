/* Removal of images that nothing runs on, when the disk of the store is full. */
#ifndef AGENT_IMAGE_GC_H
#define AGENT_IMAGE_GC_H

#include <stdint.h>

struct agent;
struct err;
struct image_gc;

/* *RET is NULL, which the others take too, without a store or with --image_gc_interval=0. */
int image_gc_new(struct agent *agent, struct image_gc **ret, struct err *e);
void image_gc_free(struct image_gc *gc);

/* Since start. */
struct image_gc_counters {
	uint64_t images, layers, failed;
};
struct image_gc_counters image_gc_counters(const struct image_gc *gc);

#endif
