/* Direct mode: the terminal that the main process runs on. */
#ifndef CONTAINERIZER_CONSOLE_H
#define CONTAINERIZER_CONSOLE_H

struct err;
struct spec;

/*
 * Pid 1, entered and not sealed: a terminal of SPEC's size for its user, *RET_FD, bound on
 * /dev/console, and its master; both owned.
 */
int console_open(const struct spec *spec, int *ret_fd, struct err *e);

/* The same without /dev/console, for a process that joins. */
int console_open_another(const struct spec *spec, int *ret_fd, struct err *e);

#endif
