/* The two clocks: the boot clock for timers and timeouts, wall time for display and ids only. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

int64_t clock_boot_ms(void);	/* CLOCK_BOOTTIME */
int64_t clock_boot_ns(void);
int64_t clock_wall_ms(void);	/* CLOCK_REALTIME, since the epoch */

/* "2021-01-02T03:04:05.678Z", always three digits of fraction (reference/marathon.md 1.0). */
enum { CLOCK_TEXT_SIZE = 25 };
void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE]);

/* The reverse; also accepts no fraction.  -EINVAL on anything else. */
int clock_parse(const char *text, int64_t *ret_wall_ms);

#endif
