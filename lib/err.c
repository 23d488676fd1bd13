#include "lib/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"

/* A message that was cut must not end in half a character: JSON has no place for it. */
static void drop_half_character(char *msg, size_t size)
{
	if (strlen(msg) + 1 == size)
		msg[utf8_cut(msg, size)] = '\0';
}

int err_set_code(struct err *e, int code, bool is_verdict, const char *fmt, ...)
{
	va_list ap;

	assert(code > 0 && e->code == 0);
	e->code = code;
	e->is_verdict = is_verdict;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	drop_half_character(e->msg, sizeof(e->msg));
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
	if (used + 2 < sizeof(e->msg)) {
		size_t left = sizeof(e->msg) - used - 3, size = strnlen(old, left);

		memcpy(e->msg + used, ": ", 2);
		memcpy(e->msg + used + 2, old, size);
		e->msg[used + 2 + size] = '\0';
	}
	drop_half_character(e->msg, sizeof(e->msg));
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

	/* The kernel's own word leaves open what to do about it. */
	if (e->code == ENOSYS)
		desc = "the system call for it is not there: it takes Linux 5.14, and no filter "
		       "that hides some of its calls";
	if (e->is_verdict)
		(void)snprintf(buf, size, "%s", e->msg);
	else
		(void)snprintf(buf, size, "%s: %s", e->msg, desc ? desc : "unknown error");
	return buf;
}
