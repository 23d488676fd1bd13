/* Compiled filters of system calls, kept between one command and the next. */
#ifndef CONTAINERIZER_OCI_FILTERS_H
#define CONTAINERIZER_OCI_FILTERS_H

#include <jansson.h>
#include <stdint.h>

struct err;

/*
 * seccomp_profile_compile() of PROFILE and CAPS, or what an earlier one of the same profile has left
 * beside STATE_FD, the directory of a container's state; owned.  That it cannot be kept is no error.
 */
int filters_get(int state_fd, const json_t *profile, uint64_t caps, struct err *e);

#endif
