#include "lib/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	assert(code > 0 && e->code == 0);
	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	size_t used;
	va_list ap;
	int n;

	assert(e->code > 0);
	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(e->msg))
		(void)snprintf(e->msg + used, sizeof(e->msg) - used, ": %s", old);
	return -e->code;
}

void err_clear(struct err *e)
{
	e->code = 0;
	e->msg[0] = '\0';
}

const char *err_text(const struct err *e, char *buf, unsigned long size)
{
	const char *desc = strerrordesc_np(e->code);

	(void)snprintf(buf, size, "%s: %s", e->msg, desc ? desc : "unknown error");
	return buf;
}
