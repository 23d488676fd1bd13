/* Stalls of one container for want of cpu, memory or i/o: counted as the kernel tells of them. */
#ifndef AGENT_STALLS_H
#define AGENT_STALLS_H

#include <stdint.h>

struct cgroup;
struct err;
struct loop;
struct stalls;
struct usage;

/* The kernel lets every process watch windows of 2 s. */
enum { STALLS_WINDOW_MS = 2000 };

/*
 * Watch CG (borrowed until stalls_free()) for stalls of THRESHOLD_MS within any window.  -ENOTSUP:
 * a kernel without pressure stall information.
 */
int stalls_new(struct loop *loop, const struct cgroup *cg, int64_t threshold_ms,
	       struct stalls **ret, struct err *e);
void stalls_free(struct stalls *stalls);

/* The counts so far into USAGE; without STALLS they stay unknown. */
void stalls_fill(const struct stalls *stalls, struct usage *usage);

#endif
