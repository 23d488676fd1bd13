#include "containerizer/unpack/report.h"

#include <string.h>

#include "lib/file_out.h"

static int flush(struct report *report)
{
	int r = file_out_write(report->fd, report->buf, report->used);

	report->used = 0;
	return r;
}

static int put(struct report *report, const void *data, size_t size)
{
	int r = report->used + size > sizeof(report->buf) ? flush(report) : 0;

	if (r < 0 || size > sizeof(report->buf))
		return r < 0 ? r : file_out_write(report->fd, data, size);
	memcpy(report->buf + report->used, data, size);
	report->used += size;
	return 0;
}

int report_path(struct report *report, enum unpack_note note, const char *path, struct err *e)
{
	char byte = (char)note;
	int r = put(report, &byte, 1);

	if (r == 0)
		r = put(report, path, strlen(path) + 1);
	return r < 0 ? err_set(e, -r, "report '%.200s'", path) : 0;
}

void report_result(struct report *report, const struct unpack_result *result)
{
	char byte = UNPACK_NOTE_RESULT;

	if (put(report, &byte, 1) == 0 && put(report, result, sizeof(*result)) == 0)
		(void)flush(report);
}
