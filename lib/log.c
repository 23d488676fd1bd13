#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"

enum { LOG_MESSAGE_MAX = 2048, LOG_LINE_MAX = 4 * LOG_MESSAGE_MAX + 128 };

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};

static const char *log_program = "tepui";
static enum log_level log_level = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

/* C0, DEL, and the C1 controls in their UTF-8 form: a terminal obeys all three. */
static size_t control_length(const unsigned char *s)
{
	if (*s < 0x20 || *s == 0x7f)
		return 1;
	if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return 2;
	return 0;
}

static size_t escape(const char *text, char *line, size_t used)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = control_length(s);

		if (n == 0)
			line[used++] = (char)*s++;
		for (; n > 0; n--)
			used += (size_t)sprintf(line + used, "\\x%02x", *s++);
	}
	return used;
}

static void write_line(enum log_level level, const char *message)
{
	char line[LOG_LINE_MAX];
	char when[CLOCK_TEXT_SIZE];
	size_t used;

	clock_format(clock_wall_ms(), when);
	used = (size_t)snprintf(line, 96, "%s %s %.40s: ", when, level_names[level], log_program);
	used = escape(message, line, used);
	line[used++] = '\n';
	/* One write a line, so that the lines of several processes on one pipe stay whole. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[LOG_MESSAGE_MAX];
	va_list ap;

	if (level < log_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	write_line(level, message);
}

void log_write_err(enum log_level level, const struct err *e, const char *fmt, ...)
{
	char message[LOG_MESSAGE_MAX], detail[sizeof(e->msg) + 128];
	va_list ap;
	size_t used;
	int n;

	if (level < log_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(message))
		(void)snprintf(message + used, sizeof(message) - used, ": %s",
			       err_text(e, detail, sizeof(detail)));
	write_line(level, message);
}
