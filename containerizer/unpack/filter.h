/* The system calls of the unpack helper. */
#ifndef CONTAINERIZER_UNPACK_FILTER_H
#define CONTAINERIZER_UNPACK_FILTER_H

struct err;

/* From now on any other call, and any of a foreign ABI, ends the process. */
int filter_load(struct err *e);

#endif
