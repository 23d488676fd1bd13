#include "agent/resend.h"

#include <stddef.h>

#include "lib/err.h"
#include "lib/log.h"

void resend_init(struct resend *resend, loop_fn *again, void *arg)
{
	*resend = (struct resend){ .wait_ms = RESEND_FIRST_MS, .again = again, .arg = arg };
}

static void on_timer(void *arg)
{
	struct resend *resend = arg;

	resend->is_in_flight = false;
	resend->wait_ms *= 2;
	if (resend->wait_ms > RESEND_LAST_MS)
		resend->wait_ms = RESEND_LAST_MS;
	resend->again(resend->arg);
}

void resend_sent(struct resend *resend, struct loop *loop)
{
	struct err e = { 0 };

	resend->is_in_flight = true;
	if (!resend->timer && loop_timer_new(loop, on_timer, resend, &resend->timer, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "send again what is not acknowledged");
		return;
	}
	loop_timer_set(resend->timer, resend->wait_ms);
}

void resend_reset(struct resend *resend)
{
	resend->is_in_flight = false;
	resend->wait_ms = RESEND_FIRST_MS;
	if (resend->timer)
		loop_timer_clear(resend->timer);
}

void resend_done(struct resend *resend)
{
	loop_timer_free(resend->timer);
	resend->timer = NULL;
}
