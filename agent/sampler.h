/* Usage of every container and of the node: sampled at intervals and on demand, an hour kept. */
#ifndef AGENT_SAMPLER_H
#define AGENT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isolators/usage.h"

struct agent;
struct err;
struct sampler;
struct container;
struct persistent_volume;

enum { SAMPLER_HISTORY_MS = 60 * 60 * 1000, SAMPLER_MAX_POINTS = 720 };

/* One point of the history: what a plot needs and no more. */
struct sample {
	int64_t wall_ms;
	uint64_t cpu_usage_usec, memory_bytes;
	uint64_t io_read_bytes, io_write_bytes;
	uint32_t pids;
};

/* A container's figures; borrowed, valid until the next turn. */
struct sampler_view {
	const struct usage *usage;
	int cgroup_fd;			/* of the v2 core */
	double cpus_used;		/* since the last sample or the launch; < 0: unknown */
	bool is_disk_counted;		/* by the file system; else measured now and then */
	const struct sample *points;	/* ring */
	size_t first, n, cap;
};

struct sampler_node {
	struct usage_node usage;
	double cpus_used;		/* < 0: not known yet */
	uint64_t disk_used_bytes, disk_total_bytes;
};

int sampler_new(struct agent *agent, struct sampler **ret, struct err *e);
void sampler_free(struct sampler *sampler);

/* Not older than half a second.  -ENOENT: nothing runs in it (yet, or any more). */
int sampler_look(struct sampler *sampler, struct container *c, struct sampler_view *ret,
		 struct err *e);
const struct sampler_node *sampler_look_node(struct sampler *sampler);

/* It runs: the first figures need not wait for the interval.  SAMPLER may be NULL. */
void sampler_begin(struct sampler *sampler, struct container *c);

/* Its limits have changed: who looks next sees the new ones. */
void sampler_renew(struct sampler *sampler, struct container *c);

/* It is freed. */
void sampler_forget(struct container *c);
/* The same of a volume; SAMPLER may be NULL. */
void sampler_forget_volume(struct sampler *sampler, struct persistent_volume *volume);

/* The ring by itself, for tests: room for CAP points, the oldest is overwritten. */
struct sample_ring {
	struct sample *points;
	size_t first, n, cap;
};
int sample_ring_add(struct sample_ring *ring, const struct sample *sample, size_t max);

#endif
