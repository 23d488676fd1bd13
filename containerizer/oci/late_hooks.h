/* Hooks whose failure changes nothing any more: poststart and poststop. */
#ifndef CONTAINERIZER_OCI_LATE_HOOKS_H
#define CONTAINERIZER_OCI_LATE_HOOKS_H

#include "containerizer/oci/state.h"
#include "isolators/spec.h"

/*
 * By the document in DIR_FD, the state's directory; in two steps, for poststop comes when that has
 * gone.  LATE is for late_hooks_run() in any case, which frees what there is; failures are warnings.
 */
struct late_hooks {
	bool is_loaded;
	struct spec spec;
};
void late_hooks_load(struct late_hooks *late, int dir_fd, const struct state *state);
void late_hooks_run(struct late_hooks *late, const struct state *state, enum spec_hook_kind kind,
		    enum state_status status);

#endif
