/* One error value from kernel to user: a positive errno and one sentence. */
#ifndef LIB_ERR_H
#define LIB_ERR_H

/*
 * Plain data, so that it can be filled in a container's init, sent as one message over the
 * sync socket, wrapped on the way up and stored in a status update.
 * Message grammar: lower case, verb first, the object in single quotes, no errno text; the
 * printer appends that with err_text().
 */
struct err {
	int code;		/* positive errno; 0 while unset */
	char msg[508];
};

/* Both return -code, so that "return err_set(...)" is the whole error path. */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* Put "fmt: " in front of the message of an error that is already set. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull));

/* Forget the error, for a caller that has handled it. */
void err_clear(struct err *e);

/* "MSG: DESCRIPTION OF CODE" in a buffer of the caller; returns BUF. */
const char *err_text(const struct err *e, char *buf, unsigned long size);

#endif
