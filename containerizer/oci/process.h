/* The process that exec adds to a container: the document it is read from. */
#ifndef CONTAINERIZER_OCI_PROCESS_H
#define CONTAINERIZER_OCI_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct exec_options {
	bool help;
	char *process, *cwd, *user, *console_socket, *pid_file, *cgroup, *apparmor, *process_label;
	char **env, **gids, **caps;
	uint64_t preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused;
};

/*
 * "process" of an OCI document: that of OPTIONS' file, or the container's own, CONFIG's, with what
 * OPTIONS change of it and ARGS (NULL-terminated) to run.  Owned.
 */
int process_make(const json_t *config, const struct exec_options *options, char *const *args,
		 json_t **ret, struct err *e);

#endif
