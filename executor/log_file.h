/* One log of a task in its sandbox, which begins anew when it is full. */
#ifndef EXECUTOR_LOG_FILE_H
#define EXECUTOR_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct spec_log;

/*
 * The sandbox is the task's: it may rename, replace and truncate whatever is in there.  So nothing
 * is written but to the descriptor of a plain file that we made, and names are only ever renamed
 * or made anew (rule B11).
 */
struct log_file {
	int dir_fd;			/* the sandbox; borrowed */
	const char *name;
	const struct spec_log *limit;	/* borrowed; max_bytes 0: none */
	uid_t uid;
	gid_t gid;
	int fd;
	uint64_t size;
};

/* Open or make NAME, owned by the task.  LOG is zero but for what the caller filled in. */
int log_file_open(struct log_file *log, struct err *e);
void log_file_close(struct log_file *log);

/* How many bytes fit until it has to begin anew: never 0. */
uint64_t log_file_room(struct log_file *log);

/* Write, or move from the pipe PIPE_FD without waiting, at the end: bytes done, or -errno. */
ssize_t log_file_write(struct log_file *log, const void *data, size_t size);
ssize_t log_file_splice(struct log_file *log, int pipe_fd, size_t size);

/* The last bytes, at most SIZE: how many, or -errno; *ret_is_cut: there are more before them. */
ssize_t log_file_tail(const struct log_file *log, void *data, size_t size, bool *ret_is_cut);

#endif
