/* Init mode: pid 1 is our own code, never re-executed, and dies with its supervisor. */
#ifndef CONTAINERIZER_INIT_H
#define CONTAINERIZER_INIT_H

struct child_args;
struct err;

/* Before anything else: a death signal, a session and /dev/null for 0 to 2. */
int init_prepare(const struct child_args *args, struct err *e);

/* Steps 8 and 9 of the launch, in init mode; ends with the container. */
_Noreturn void init_run(const struct child_args *args);

#endif
