/* Work that may block, done outside of the loop: in a process that dies with the agent. */
#ifndef AGENT_ERRAND_H
#define AGENT_ERRAND_H

struct err;
struct errand;
struct loop;

enum { ERRAND_RESULT = 64 };	/* bytes that an errand brings back */

struct errand_kind {
	/*
	 * In the process, a copy of the agent as it was at the start, but with none of its
	 * descriptors, so that it holds no lock: what it needs is opened by name.  RESULT is
	 * ERRAND_RESULT bytes of zero.
	 */
	int (*run)(const void *arg, void *result, struct err *e);
	/*
	 * In the agent, once: what run() returned, left in RESULT and in E; -ECHILD when it did not
	 * come to its end.  The errand is freed.
	 */
	void (*done)(void *arg, int r, const void *result, struct err *e);
};

/* Of low priority.  ARG is borrowed until done(). */
int errand_start(struct loop *loop, const struct errand_kind *kind, void *arg, struct errand **ret,
		 struct err *e);

/* Kill it, if it runs, without done(). */
void errand_free(struct errand *errand);

#endif
