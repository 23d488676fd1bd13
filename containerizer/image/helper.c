#include "containerizer/image/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum { MAX_REPORT = 64 << 20, REPORT_STEP = 64 << 10 };

int helper_start(struct helper *helper, enum unpack_mode mode, const struct unpack_limits *limits,
		 int root_fd, const struct stream_ends *in, int out_fd, struct err *e)
{
	AUTO_CLOSE int write_end = -EBADF;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	helper->report_fd = fds[0];
	write_end = fds[1];
	r = sandbox_start(&helper->sandbox, mode, limits, root_fd, in, out_fd, write_end, e);
	if (r < 0)
		fd_close(&helper->report_fd);
	return r;
}

int helper_read(struct helper *helper, struct err *e)
{
	char *more;
	ssize_t n;

	if (helper->size + REPORT_STEP > MAX_REPORT)
		return err_set(e, E2BIG, "unpack: a report of more than %d bytes", MAX_REPORT);
	/* Rounded up to steps: it grows seldom, and most reports are one result. */
	if (helper->size % REPORT_STEP == 0 || !helper->report) {
		more = realloc(helper->report, helper->size + REPORT_STEP);
		if (!more)
			return err_set(e, ENOMEM, "read the report of the unpack helper");
		helper->report = more;
	}
	n = read(helper->report_fd, helper->report + helper->size,
		 REPORT_STEP - helper->size % REPORT_STEP);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return err_set(e, errno, "read the report of the unpack helper");
	if (n == 0)
		fd_close(&helper->report_fd);
	helper->size += n > 0 ? (size_t)n : 0;
	return 0;
}

int helper_note(const struct helper *helper, size_t *at, const char **ret_path)
{
	size_t left = helper->size - *at, length;
	const char *note = helper->report + *at;

	if (left < 2 || (note[0] != UNPACK_NOTE_OPAQUE && note[0] != UNPACK_NOTE_IMPLIED))
		return 0;
	length = strnlen(note + 1, left - 1);
	if (length == left - 1)
		return 0;	/* without its end */
	*at += length + 2;
	*ret_path = note + 1;
	return note[0];
}

/* Strings in it end where they have to. */
static int take_error(struct unpack_result *result, struct err *e)
{
	result->error.msg[sizeof(result->error.msg) - 1] = '\0';
	if (result->error.code == 0)
		return 0;
	*e = result->error;
	if (e->code < 0 || e->code > 4095)
		e->code = EPROTO;
	return -e->code;
}

int helper_result(struct helper *helper, struct unpack_result *ret, struct err *e)
{
	int status = sandbox_end(&helper->sandbox);
	const char *path;
	size_t at = 0;

	while (helper_note(helper, &at, &path))
		;
	if (helper->size - at != 1 + sizeof(*ret) || helper->report[at] != UNPACK_NOTE_RESULT)
		return sandbox_explain(status, e);
	memcpy(ret, helper->report + at + 1, sizeof(*ret));
	return take_error(ret, e);
}

void helper_done(struct helper *helper)
{
	(void)sandbox_end(&helper->sandbox);
	fd_close(&helper->report_fd);
	free(helper->report);
	helper->report = NULL;
	helper->size = 0;
}
