/* Files of sandboxes by their virtual paths: every step below a held descriptor. */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include <stdint.h>
#include <sys/stat.h>

struct agent;
struct err;

enum { SANDBOX_READ_MAX = 64 << 10, SANDBOX_LIST_MAX = 10000 };

/*
 * The directory HOST_PATH below the work directory, a sandbox or what sandboxes lie in, with the FLAGS
 * of open(2): an owned descriptor or -errno.  By no link: what is nested lies where the task around it
 * may put some.
 */
int sandbox_open_host(const struct agent *agent, const char *host_path, int flags);

/*
 * Open what VIRTUAL_PATH names: "/sandboxes/CONTAINER/...", or the host path of a sandbox as /state
 * shows it.  A regular file or, if WANTS_DIR, a directory.  Owned descriptor; -ENOENT, -EPERM for
 * whatever else it is, -EINVAL.
 */
int sandbox_open(struct agent *agent, const char *virtual_path, int wants_dir, struct err *e);

/*
 * FN for each entry of the directory VIRTUAL_PATH, of which PATH is the virtual path (borrowed), until
 * it returns -errno; at most SANDBOX_LIST_MAX.  ST is of the entry itself, also of a symbolic link.
 */
int sandbox_list(struct agent *agent, const char *virtual_path,
		 int (*fn)(void *arg, const char *path, const struct stat *st), void *arg,
		 struct err *e);

/*
 * At most *SIZE bytes, and SANDBOX_READ_MAX, of the file VIRTUAL_PATH from OFFSET on: owned in *ret,
 * with a byte of room after them; their number is the new *SIZE, that of the file *ret_file_size.
 */
int sandbox_read(struct agent *agent, const char *virtual_path, uint64_t offset, size_t *size,
		 char **ret, uint64_t *ret_file_size, struct err *e);

/* Is VIRTUAL_PATH in the sandbox of a container that may still write to it? */
bool sandbox_is_live(struct agent *agent, const char *virtual_path);

/*
 * Split VIRTUAL_PATH into the sandbox (relative to the work directory, into BUF) and what follows,
 * for the second form.  -EINVAL, -ENOENT if it is not below the work directory's sandboxes.
 */
int sandbox_split(const char *work_dir, const char *virtual_path, char *buf, size_t size,
		  const char **ret_rest);

#endif
