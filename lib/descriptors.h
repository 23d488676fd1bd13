/* How many descriptors a daemon may hold: shells and service managers leave it 1024. */
#ifndef LIB_DESCRIPTORS_H
#define LIB_DESCRIPTORS_H

#include <stddef.h>

/*
 * Raise the process's limit to WANTED, or as near as is allowed; never lower it.
 * Returns the limit that holds.
 */
size_t descriptors_raise(size_t wanted);

#endif
