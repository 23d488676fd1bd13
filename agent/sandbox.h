/* Files of sandboxes by their virtual paths: every step below a held descriptor. */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct agent;
struct err;

enum { SANDBOX_READ_MAX = 64 << 10 };

/*
 * Open what VIRTUAL_PATH names: "/sandboxes/CONTAINER/...", or the host path of a sandbox as /state
 * shows it.  A regular file or, if WANTS_DIR, a directory.  Owned descriptor; -ENOENT, -EPERM for
 * whatever else it is, -EINVAL.
 */
int sandbox_open(struct agent *agent, const char *virtual_path, int wants_dir, struct err *e);

/* Is VIRTUAL_PATH in the sandbox of a container that may still write to it? */
bool sandbox_is_live(struct agent *agent, const char *virtual_path);

/*
 * Split VIRTUAL_PATH into the sandbox (relative to the work directory, into BUF) and what follows,
 * for the second form.  -EINVAL, -ENOENT if it is not below the work directory's sandboxes.
 */
int sandbox_split(const char *work_dir, const char *virtual_path, char *buf, size_t size,
		  const char **ret_rest);

#endif
