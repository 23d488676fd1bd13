/* A seccomp profile as people write it (Docker's and OCI's JSON), to rules for one architecture. */
#ifndef ISOLATORS_SECCOMP_DOCUMENT_H
#define ISOLATORS_SECCOMP_DOCUMENT_H

#include <jansson.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { SECCOMP_MAX_ARGS = 6 };

struct seccomp_rule {
	int nr;
	uint32_t action;	/* SCMP_ACT_* */
	unsigned n_args;
	struct scmp_arg_cmp args[SECCOMP_MAX_ARGS];
};

struct seccomp_document {
	uint32_t default_action;
	struct seccomp_rule *rules;
	size_t n_rules;
};

/*
 * CAPS, the running kernel and the native architecture decide includes and excludes.  A name that
 * nobody knows is left out where leaving it out only makes the filter stricter, and is an error
 * where it would leave a hole.  -EINVAL names the place.
 */
int seccomp_document_read(const json_t *profile, uint64_t caps, struct seccomp_document *ret,
			  struct err *e);
/* FN for each name of an action, of a comparison. */
void seccomp_actions_each(void (*fn)(const char *name, void *arg), void *arg);
void seccomp_operators_each(void (*fn)(const char *name, void *arg), void *arg);

void seccomp_document_done(struct seccomp_document *document);

#endif
