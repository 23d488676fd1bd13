/* Running the hooks of a document: programs of whoever wrote it, at set moments of a container. */
#ifndef CONTAINERIZER_HOOKS_H
#define CONTAINERIZER_HOOKS_H

#include <jansson.h>
#include <sys/types.h>

#include "isolators/spec.h"

struct err;

/* What each hook reads on its stdin: the container's state, borrowed, with these two in it. */
struct hook_state {
	const json_t *object;
	const char *status;
	pid_t pid;
};

/*
 * Run all of KIND here, in the namespaces and with the rights of this process, one after the other.
 * The first that fails, or takes longer than it may, ends it: -ECANCELED and which it was.
 */
int hooks_run(const struct spec *spec, enum spec_hook_kind kind, const struct hook_state *state,
	      struct err *e);

/* The same for those whose failure changes nothing: it is told to REPORT, and the next one runs. */
void hooks_run_all(const struct spec *spec, enum spec_hook_kind kind,
		   const struct hook_state *state, void (*report)(const struct err *what));

#endif
