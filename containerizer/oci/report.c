#include "containerizer/oci/report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { TEXT_SIZE = 640 };

static int log_fd = -EBADF;
static bool is_json;

int report_open(const char *path, const char *format, struct err *e)
{
	if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return err_set(e, EINVAL, "read flag '--log-format': '%.32s' is neither 'text' nor "
			       "'json'", format);
	is_json = format && format[0] == 'j';
	if (!path)
		return 0;
	log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	return log_fd < 0 ? err_set(e, errno, "open log '%s'", path) : 0;
}

/* The line in runc's form; owned, NULL without memory. */
static char *format_line(const char *level, const char *text, const char *time)
{
	char *line = NULL, *dumped;
	json_t *object;

	if (!is_json) {
		if (asprintf(&line, "time=\"%s\" level=%s msg=\"%s\"\n", time, level, text) < 0)
			return NULL;
		return line;
	}
	object = json_pack("{ssssss}", "level", level, "msg", text, "time", time);
	dumped = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (dumped && asprintf(&line, "%s\n", dumped) < 0)
		line = NULL;
	free(dumped);
	return line;
}

static void write_all(int fd, const char *text)
{
	if (text && write(fd, text, strlen(text)) < 0)
		return;		/* there is nobody left to tell */
}

static void report(const char *level, const struct err *what)
{
	AUTO_FREE char *line = NULL, *plain = NULL;
	char text[TEXT_SIZE], time[CLOCK_TEXT_SIZE];

	clock_format(clock_wall_ms(), time);
	line = format_line(level, err_text(what, text, sizeof(text)), time);
	if (log_fd >= 0)
		write_all(log_fd, line);
	if (is_json && log_fd < 0)
		write_all(STDERR_FILENO, line);
	else if (asprintf(&plain, "tepui-oci: %s\n", text) >= 0)
		write_all(STDERR_FILENO, plain);
	else
		plain = NULL;
}

void report_error(const struct err *what)
{
	report("error", what);
}

void report_warning(const struct err *what)
{
	report("warning", what);
}
