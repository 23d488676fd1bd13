/* Terminals of a container: made in its own devpts, by its init. */
#ifndef CONTAINERIZER_TERMINAL_H
#define CONTAINERIZER_TERMINAL_H

#include <stdint.h>

struct err;

/*
 * Before anybody else's program has run in the container: its devpts as an O_PATH descriptor
 * (owned), in which nobody can make or replace names.  -ENOTTY: it has none.
 */
int terminal_open_devpts(struct err *e);

/*
 * A new terminal of DEVPTS_FD for a program to run on, *ret_fd, and its master; both owned.  No
 * name is looked up but the one that devpts itself provides.
 */
int terminal_open(int devpts_fd, uint16_t rows, uint16_t columns, int *ret_fd, struct err *e);

#endif
