/* What the controller asks servers of tasks and agents for, over HTTP: bounded in number, size and time. */
#ifndef MASTER_STUB_FETCHES_H
#define MASTER_STUB_FETCHES_H

#include <stdint.h>

#include "master_stub/marathon/controller.h"

struct err;
struct fetches;
struct loop;

/* The end of the fetch ID, once and in a later turn; ANSWER is borrowed. */
typedef void fetches_fn(void *arg, uint64_t id, const struct controller_answer *answer);

int fetches_new(struct loop *loop, fetches_fn *fn, void *arg, struct fetches **ret,
		struct err *e);
/* Fetches of agents, from now on, carry VALUE (borrowed; NULL: none) as their header 'Authorization'. */
void fetches_authorize(struct fetches *fetches, const char *value);
/* Pending ones end without a word. */
void fetches_free(struct fetches *fetches);

/*
 * Begin, or wait for one of 64 places; WHAT is copied.  Its time runs from here.  Names are looked
 * up without blocking, in /etc/hosts and with the servers of /etc/resolv.conf.  -ENOBUFS: 20,000 are
 * pending; -ENOMEM.
 */
int fetches_start(struct fetches *fetches, uint64_t id, const struct controller_fetch *what);
/* One that has ended is no error. */
void fetches_cancel(struct fetches *fetches, uint64_t id);

#endif
