#include "master_stub/marathon/instance/backoff.h"

#include "master_stub/marathon/definition/app.h"

static void lengthen(struct backoff *backoff, const struct app *app)
{
	double max = (double)app->max_delay_ms;

	if (backoff->delay_ms > 0)
		backoff->delay_ms *= app->backoff_factor;
	else
		backoff->delay_ms = (double)app->backoff_ms;
	if (backoff->delay_ms > max)
		backoff->delay_ms = max;
}

void backoff_failed(struct backoff *backoff, const struct app *app, int64_t now_ms)
{
	lengthen(backoff, app);
	backoff->failures++;
	backoff_moved(backoff, now_ms);
}

void backoff_lost(struct backoff *backoff, const struct app *app, int64_t now_ms)
{
	if (backoff->delay_ms <= 0)
		lengthen(backoff, app);
	backoff->failures++;
	backoff_moved(backoff, now_ms);
}

void backoff_moved(struct backoff *backoff, int64_t now_ms)
{
	backoff->reference_ms = now_ms;
}

bool backoff_has_given_up(const struct backoff *backoff, const struct app *app)
{
	return app->max_launch_attempts > 0 && backoff->failures >= app->max_launch_attempts;
}

int64_t backoff_expires_at(const struct backoff *backoff, const struct app *app)
{
	if (backoff->failures == 0 || backoff_has_given_up(backoff, app))
		return INT64_MAX;
	return backoff->reference_ms + app->max_delay_ms + 1;
}

bool backoff_expire(struct backoff *backoff, const struct app *app, int64_t now_ms)
{
	if (now_ms < backoff_expires_at(backoff, app))
		return false;
	backoff_reset(backoff);
	return true;
}

void backoff_reset(struct backoff *backoff)
{
	*backoff = (struct backoff){ 0 };
}

int64_t backoff_deadline(const struct backoff *backoff)
{
	return backoff->delay_ms > 0 ? backoff->reference_ms + (int64_t)backoff->delay_ms : 0;
}

bool backoff_is_waiting(const struct backoff *backoff, int64_t now_ms)
{
	return now_ms < backoff_deadline(backoff);
}
