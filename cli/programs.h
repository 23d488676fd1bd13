/* Our other programs, as tepui run needs them. */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

#include <stdbool.h>
#include <sys/types.h>

struct cli;
struct err;

/*
 * Start the program NAME of ours as if a shell had, with standard input or none.  If DIES_WITH_US it
 * is killed when we are.
 */
int program_start(const char *name, char **argv, bool passes_input, bool dies_with_us, pid_t *ret,
		  struct err *e);

/* Wait for it.  -EINVAL when it failed; it has said why. */
int program_finish(const char *name, pid_t pid, struct err *e);

enum { PROGRAM_MAX_ARGS = 1024 };

/* tepui-image VERB with ARGS, all of them ended by NULL, of the store that CLI names. */
int program_image(const struct cli *cli, const char *verb, const char *const *args, struct err *e);

#endif
