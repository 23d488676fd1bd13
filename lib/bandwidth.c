#include "lib/bandwidth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* Less is not a limit of a link, but one that is mistyped. */
enum { MIN_BITS = 8000 };

int bandwidth_parse(const char *text, uint64_t *ret, struct err *e)
{
	static const struct {
		const char *name;
		uint64_t bits;
	} units[] = {
		{ "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", 1000000000 },
	};
	uint64_t number;
	int n = 0;

	*ret = 0;
	if (text[0] >= '0' && text[0] <= '9' && sscanf(text, "%9" SCNu64 "%n", &number, &n) == 1) {
		for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
			if (strcmp(units[i].name, text + n) == 0)
				*ret = number * units[i].bits;
		}
	}
	if (*ret < MIN_BITS)
		return err_set(e, EINVAL, "'%.64s' is not a number with bit, kbit, mbit or gbit, and "
			       "at least 8kbit", text);
	return 0;
}
