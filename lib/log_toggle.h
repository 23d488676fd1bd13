/* More in the log for a while, as operators ask for it: SET_LOGGING_LEVEL and /logging/toggle. */
#ifndef LIB_LOG_TOGGLE_H
#define LIB_LOG_TOGGLE_H

#include <stdint.h>

#include "lib/log.h"

struct err;
struct log_toggle;
struct loop;

/* What the log's level is now is its usual one. */
int log_toggle_new(struct loop *loop, struct log_toggle **ret, struct err *e);
/* The usual level is back. */
void log_toggle_free(struct log_toggle *toggle);

/* LEVEL is the usual one from now on, and at once. */
void log_toggle_set_usual(struct log_toggle *toggle, enum log_level level);

/*
 * Verbosity as Mesos counts it: 0 is what the daemon was started with, unless that was debug, which
 * is 1; everything above is debug, too.  After FOR_NS the usual one is back.  -EINVAL: less than
 * the usual one, or no time.
 */
int log_toggle_set(struct log_toggle *toggle, uint32_t verbosity, int64_t for_ns, struct err *e);
uint32_t log_toggle_verbosity(const struct log_toggle *toggle);

#endif
