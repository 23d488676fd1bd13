/* What a task writes: into its sandbox, bounded, and to whoever is attached. */
#ifndef EXECUTOR_OUTPUT_H
#define EXECUTOR_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "containerizer/container.h"
#include "lib/excerpt.h"

struct err;
struct loop;
struct output;
struct packet_fds;
struct spec;

/*
 * Open the logs of SPEC (borrowed) in its sandbox.  With a bound or a terminal all output passes
 * through here, and a task that writes faster than the disk has to wait; without, the task writes
 * to its files itself.
 */
int output_new(struct loop *loop, const struct spec *spec, struct output **ret, struct err *e);
void output_free(struct output *output);

/* Borrowed until output_started(): what the main process is to have. */
struct container_stdio output_stdio(const struct output *output);

/*
 * The main process has its own copies now: from here on its output is read.  TERMINAL_FD (taken) is
 * its terminal's master, or -EBADF.
 */
int output_started(struct output *output, int terminal_fd, struct err *e);

/* Nobody is left that could write: take what is still on its way. */
void output_drain(struct output *output);

/* After that: the end of stderr, or else of stdout; "" when there is none. */
void output_excerpt(const struct output *output, char ret[EXCERPT_SIZE]);

/*
 * ID (not 0) is to get copies of stdout and stderr in the pipes FDS (taken; none: it only wants the
 * terminal).  What it does not read in time it misses: nobody slows a task down by watching it.
 * *ret_terminal_fd is borrowed, -EBADF if there is none.  -ENOTSUP: the task's output does not pass
 * through here; -EBUSY: too many.
 */
int output_attach(struct output *output, uint32_t id, struct packet_fds *fds,
		  int *ret_terminal_fd, struct err *e);
void output_detach(struct output *output, uint32_t id);

#endif
