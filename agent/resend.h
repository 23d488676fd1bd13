/* What is sent until it is acknowledged: soon again at first, then later and later. */
#ifndef AGENT_RESEND_H
#define AGENT_RESEND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/loop.h"

enum { RESEND_FIRST_MS = 10 * 1000, RESEND_LAST_MS = 10 * 60 * 1000 };

struct resend {
	struct loop_timer *timer;	/* NULL until something was sent */
	int64_t wait_ms;
	loop_fn *again;
	void *arg;
	bool is_in_flight;		/* it was sent to the present master */
};

/* AGAIN is called whenever it has waited for long enough, and is not in flight any more. */
void resend_init(struct resend *resend, loop_fn *again, void *arg);
/* Also when sending failed, for then the timer or the next registration sends it again. */
void resend_sent(struct resend *resend, struct loop *loop);
/* Another one, or another master: what is sent next has not waited yet. */
void resend_reset(struct resend *resend);
void resend_done(struct resend *resend);

#endif
