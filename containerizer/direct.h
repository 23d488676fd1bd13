/* Direct mode: the process that clone3() made becomes the main process itself. */
#ifndef CONTAINERIZER_DIRECT_H
#define CONTAINERIZER_DIRECT_H

struct child_args;
struct err;
struct spec;

/* Steps 8 and 9 of the launch, in direct mode. */
_Noreturn void direct_run(const struct child_args *args);

/* ---- For a process that joins a running container (visit.c), too ---- */

/*
 * A process that is not root shall be able to open /dev/stdout again.  Where that is a file of
 * somebody who does not let us, or a device of all, it stays as it is.
 */
void direct_give_stdio(const struct spec *spec);

/* N descriptors from 3 on are the only ones besides 0 to 2 that outlive the execve. */
int direct_keep_preserved(unsigned n, struct err *e);

#endif
