/* What the core waits for from servers of tasks and agents: begun here, carried out by the shell. */
#ifndef MASTER_STUB_MARATHON_FETCH_H
#define MASTER_STUB_MARATHON_FETCH_H

#include "master_stub/marathon/controller.h"

struct controller;
struct fetch;

/* Once; the fetch is gone, so its owner forgets it here.  ANSWER is borrowed. */
typedef void fetch_fn(void *arg, const struct controller_answer *answer);

/* -ENOMEM, -ENOBUFS: FN is not called. */
int fetch_start(struct controller *c, const struct controller_fetch *what, fetch_fn *fn, void *arg,
		struct fetch **ret);
/* Nobody asks any more; NULL is none. */
void fetch_cancel(struct controller *c, struct fetch *fetch);

#endif
