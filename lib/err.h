/* One error value from kernel to user: a positive errno and one sentence. */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <errno.h>
#include <stdbool.h>

/*
 * Plain data, so that it can be filled in a container's init, sent as one message over the
 * sync socket, wrapped on the way up and stored in a status update.
 * Message grammar: lower case, verb first, the object in single quotes, no errno text; the
 * printer appends that with err_text().
 */
struct err {
	int code;		/* positive errno; 0 while unset */
	bool is_verdict;	/* ours, and the sentence is whole: no errno text behind it */
	char msg[507];
};

/*
 * Both return -code, so that "return err_set(...)" is the whole error path.
 * A literal EINVAL, EPERM, ERANGE, ENOTSUP or ENOSYS is a judgement of ours and its sentence says
 * why; what comes out of errno is the kernel's, and its text belongs to the sentence.  Which of the
 * two stands in the call is read off its words.
 */
#define err_set(e, code, ...) \
	err_set_code((e), (code), (#code)[0] == 'E' && ERR_IS_VERDICT(code), __VA_ARGS__)
#define ERR_IS_VERDICT(code) \
	((code) == EINVAL || (code) == EPERM || (code) == ERANGE || (code) == ENOTSUP || \
	 (code) == ENOSYS)
int err_set_code(struct err *e, int code, bool is_verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), nonnull(1, 4)));

/* Put "fmt: " in front of the message of an error that is already set. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull));

/* Forget the error, for a caller that has handled it. */
void err_clear(struct err *e);

/* "MSG: DESCRIPTION OF CODE", or MSG alone of a verdict, in a buffer of the caller; returns BUF. */
const char *err_text(const struct err *e, char *buf, unsigned long size);

#endif
