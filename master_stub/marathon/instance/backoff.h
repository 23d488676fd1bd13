/* Launch backoff of an app (reference/marathon.md 3.1): pure, times in ms of the boot clock. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_BACKOFF_H
#define MASTER_STUB_MARATHON_INSTANCE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct app;

/* Zero-initialised: no delay. */
struct backoff {
	double delay_ms;	/* 0: none; fractions are kept, so that factors multiply exactly */
	int64_t reference_ms;	/* the deadline is this plus the delay */
	unsigned failures;	/* starts that came to nothing since it was reset */
};

/* An instance of APP ended by itself. */
void backoff_failed(struct backoff *backoff, const struct app *app, int64_t now_ms);
/* A node refused or lost an instance of APP: launches are spaced, but by no more than before. */
void backoff_lost(struct backoff *backoff, const struct app *app, int64_t now_ms);
/* An instance moved forward (launched, staging, running): further launches are spaced. */
void backoff_moved(struct backoff *backoff, int64_t now_ms);
/*
 * Forget the delay when it was quiet for as long as the largest delay, unless APP was given up.
 * True: it was forgotten.
 */
bool backoff_expire(struct backoff *backoff, const struct app *app, int64_t now_ms);
void backoff_reset(struct backoff *backoff);

/* Launches wait until then; 0 when there is no delay. */
int64_t backoff_deadline(const struct backoff *backoff);
bool backoff_is_waiting(const struct backoff *backoff, int64_t now_ms);
/* Has APP failed as often as its maxLaunchAttempts let it?  Only a reset ends that. */
bool backoff_has_given_up(const struct backoff *backoff, const struct app *app);
/* When backoff_expire() will forget the delay; INT64_MAX: never, or there is none. */
int64_t backoff_expires_at(const struct backoff *backoff, const struct app *app);

#endif
