/* Direct mode: the process that clone3() made becomes the main process itself. */
#ifndef CONTAINERIZER_DIRECT_H
#define CONTAINERIZER_DIRECT_H

struct child_args;

/* Steps 8 and 9 of the launch, in direct mode. */
_Noreturn void direct_run(const struct child_args *args);

#endif
