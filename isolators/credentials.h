/* What is left to do for credentials.c when the filter of system calls is loaded. */
#ifndef ISOLATORS_CREDENTIALS_H
#define ISOLATORS_CREDENTIALS_H

struct box;
struct err;

/*
 * Without no_new_privs the kernel loads a filter for CAP_SYS_ADMIN only, so that capability stays
 * until then, whatever the document says.  Gives it up; all that the filter must allow for it is
 * capset, capget and prctl.
 */
int credentials_settle(const struct box *box, struct err *e);

#endif
