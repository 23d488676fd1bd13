/* Rates of data as people write them. */
#ifndef LIB_BANDWIDTH_H
#define LIB_BANDWIDTH_H

#include <stdint.h>

struct err;

/* "10mbit": a number with bit, kbit, mbit or gbit (of 1000), in bits a second.  -EINVAL: also below 8kbit. */
int bandwidth_parse(const char *text, uint64_t *ret, struct err *e);

#endif
