/* Seccomp profiles: parsed and compiled once by the agent, handed on as finished BPF. */
#ifndef ISOLATORS_SECCOMP_PROFILE_H
#define ISOLATORS_SECCOMP_PROFILE_H

#include <jansson.h>
#include <stdint.h>

struct err;

/*
 * Compile PROFILE (OCI or Docker form; NULL: the built-in one) for a container with the
 * capabilities CAPS (1 << CAP_*, for includes and excludes) into a sealed memfd; owned.  Native
 * architecture only, a foreign one is killed; an empty or unknown profile is an error, never
 * "unconfined".
 * Compiled programs are cached by content: the same profile gives a copy of the same memfd.
 */
int seccomp_profile_compile(const json_t *profile, uint64_t caps, struct err *e);

/* Make the program that is in the memfd FD unchangeable; -E2BIG when it is none that can be loaded. */
int seccomp_program_seal(int fd, struct err *e);

/* Drop the cache. */
void seccomp_profile_forget(void);

#endif
