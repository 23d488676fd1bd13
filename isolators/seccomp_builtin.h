/* The profile that a container has unless it names another. */
#ifndef ISOLATORS_SECCOMP_BUILTIN_H
#define ISOLATORS_SECCOMP_BUILTIN_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of system calls, blanks between them; ALLOWED when the container has CAPABILITY (-1:
 * always).  What is in no row does not exist as far as the container can tell (ENOSYS), so that
 * programs fall back from calls that are newer than this list.
 */
struct seccomp_group {
	int capability;
	const char *names;
};
extern const struct seccomp_group seccomp_allowed[];
extern const size_t n_seccomp_allowed;

/* Refused with EPERM, unless a row above allows it: programs take it for a lack of rights. */
extern const char *const seccomp_refused[];
extern const size_t n_seccomp_refused;

/*
 * What depends on arguments, as instructions that go in front of a compiled filter: 32-bit
 * arguments are compared as the kernel does, without the upper half of the register, which
 * libseccomp's comparisons take into account (reference/reliability.md 0.2).  Returns how many.
 */
enum { SECCOMP_PROLOGUE_MAX = 64 };
size_t seccomp_prologue(struct sock_filter ret[SECCOMP_PROLOGUE_MAX]);

#endif
