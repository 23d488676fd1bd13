#include "lib/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int read_number(const char *text, int base, int sign)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || text[0] < '0' || text[0] > '9' || n < 0 || n > 64)
		return -EINVAL;
	n = base + sign * n;
	return n > 0 && n <= 64 ? (int)n : -EINVAL;
}

/* What the kernel takes, not what glibc keeps for itself of it. */
enum { RT_FIRST = 34, RT_LAST = 64 };

int signal_from_text(const char *text)
{
	if (text[0] >= '0' && text[0] <= '9')
		return read_number(text, 0, 1);
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strcasecmp(text, "RTMIN") == 0)
		return RT_FIRST;
	if (strcasecmp(text, "RTMAX") == 0)
		return RT_LAST;
	if (strncasecmp(text, "RTMIN+", 6) == 0)
		return read_number(text + 6, RT_FIRST, 1);
	if (strncasecmp(text, "RTMAX-", 6) == 0)
		return read_number(text + 6, RT_LAST, -1);
	for (int signo = 1; signo < RT_FIRST; signo++) {
		const char *name = sigabbrev_np(signo);

		if (name && strcasecmp(name, text) == 0)
			return signo;
	}
	return -EINVAL;
}
