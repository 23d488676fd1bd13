#include "lib/log_toggle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/loop.h"

struct log_toggle {
	struct loop_timer *timer;
	enum log_level usual_level;
	uint32_t usual, verbosity;
};

static void reset(void *arg)
{
	struct log_toggle *toggle = arg;

	toggle->verbosity = toggle->usual;
	log_set_level(toggle->usual_level);
}

void log_toggle_set_usual(struct log_toggle *toggle, enum log_level level)
{
	toggle->usual_level = level;
	toggle->usual = level == LOG_LEVEL_DEBUG;
	loop_timer_clear(toggle->timer);
	reset(toggle);
}

int log_toggle_new(struct loop *loop, struct log_toggle **ret, struct err *e)
{
	struct log_toggle *toggle = calloc(1, sizeof(*toggle));
	int r;

	if (!toggle)
		return err_set(e, ENOMEM, "make the toggle of the log's level");
	r = loop_timer_new(loop, reset, toggle, &toggle->timer, e);
	if (r < 0) {
		free(toggle);
		return r;
	}
	log_toggle_set_usual(toggle, log_get_level());
	*ret = toggle;
	return 0;
}

void log_toggle_free(struct log_toggle *toggle)
{
	if (!toggle)
		return;
	reset(toggle);
	loop_timer_free(toggle->timer);
	free(toggle);
}

int log_toggle_set(struct log_toggle *toggle, uint32_t verbosity, int64_t for_ns, struct err *e)
{
	const int64_t ns_per_ms = 1000000;

	if (verbosity < toggle->usual)
		return err_set(e, EINVAL, "set logging level: %" PRIu32 " is less than the usual "
			       "%" PRIu32, verbosity, toggle->usual);
	if (for_ns <= 0)
		return err_set(e, EINVAL, "set logging level: the duration must be positive");
	toggle->verbosity = verbosity;
	log_set_level(verbosity > 0 ? LOG_LEVEL_DEBUG : toggle->usual_level);
	loop_timer_set(toggle->timer, (for_ns + ns_per_ms - 1) / ns_per_ms);
	return 0;
}

uint32_t log_toggle_verbosity(const struct log_toggle *toggle)
{
	return toggle->verbosity;
}
