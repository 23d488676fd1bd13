/* A container on its way from a bundle to a process: what create and run have in common. */
#ifndef CONTAINERIZER_OCI_MAKING_H
#define CONTAINERIZER_OCI_MAKING_H

#include <stdbool.h>
#include <stdint.h>

#include "containerizer/oci/state.h"
#include "isolators/spec.h"

struct container;
struct err;
struct oci;

struct making_options {
	bool help;
	char *bundle, *pid_file, *console_socket;
	uint64_t preserve_fds;
	bool no_pivot, no_new_keyring;
	bool keep, detach, no_subreaper;	/* of run */
};

struct making {
	const struct oci *oci;
	int dir_fd;			/* of the state, locked */
	int seccomp_fd, start_fd;
	int master_fd;			/* of its terminal, unless it went to the console socket */
	struct spec spec;
	struct state state;
	struct container *container;
};
#define MAKING_INIT(oci_) { .oci = (oci_), .dir_fd = -EBADF, .seccomp_fd = -EBADF, \
	.start_fd = -EBADF, .master_fd = -EBADF }

/*
 * Make container ID of the bundle up to the point where its process either waits to be started
 * (IS_WAITING) or runs.  On failure nothing is left behind but what making_done() frees.
 */
int making_launch(struct making *m, const char *id, const struct making_options *options,
		  bool is_waiting, struct err *e);

/* End it and remove what there is of it. */
int making_remove(struct making *m, struct err *e);

/* The same of a container that another command has made; DIR_FD is its state's, locked. */
int making_delete(const struct oci *oci, int dir_fd, const struct state *state, struct err *e);

/* Frees M alone; the container lives on. */
void making_done(struct making *m);

#endif
