#include "executor/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_TRIES = 3 };

/* A plain file of ours alone, given to the task; an owned descriptor, or -errno. */
static int open_own(const struct log_file *log, int flags)
{
	AUTO_CLOSE int fd = openat(log->dir_fd, log->name, O_RDWR | O_CREAT | O_NOFOLLOW |
				   O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags, 0644);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EMLINK;
	if (fchown(fd, log->uid, log->gid) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int log_file_open(struct log_file *log, struct err *e)
{
	struct stat st;

	/* Written by the task itself, as many times as it opens it: then the kernel finds the end. */
	log->fd = open_own(log, log->limit->max_bytes > 0 ? 0 : O_APPEND);
	if (log->fd == -EMLINK)
		return err_set(e, EINVAL, "open '%s' in the sandbox: not a plain file", log->name);
	if (log->fd < 0)
		return err_set(e, -log->fd, "open '%s' in the sandbox", log->name);
	if (fstat(log->fd, &st) < 0)
		return err_set(e, errno, "look at '%s' in the sandbox", log->name);
	log->size = (uint64_t)st.st_size;
	return 0;
}

void log_file_close(struct log_file *log)
{
	fd_close(&log->fd);
}

/* NAME.N; N 0 is NAME. */
static const char *numbered(const struct log_file *log, unsigned n, char buf[NAME_MAX])
{
	if (n == 0)
		return log->name;
	(void)snprintf(buf, NAME_MAX, "%s.%u", log->name, n);
	return buf;
}

/* Each takes the place of the next older one, and the oldest is gone. */
static void shift(const struct log_file *log)
{
	char from[NAME_MAX], to[NAME_MAX];

	for (unsigned n = log->limit->files; n > 0; n--)
		(void)renameat(log->dir_fd, numbered(log, n - 1, from), log->dir_fd,
			       numbered(log, n, to));
	(void)unlinkat(log->dir_fd, log->name, 0);
}

/*
 * A task that keeps a name occupied loses its older output: the bound holds whatever it does.
 */
static void rotate(struct log_file *log)
{
	int fd = -EEXIST;

	shift(log);
	for (int i = 0; i < MAX_TRIES && fd < 0; i++) {
		fd = open_own(log, O_EXCL);
		if (fd < 0)
			(void)unlinkat(log->dir_fd, log->name, 0);
	}
	if (fd >= 0) {
		fd_close(&log->fd);
		log->fd = fd;
	} else if (ftruncate(log->fd, 0) < 0) {
		return;
	}
	log->size = 0;
}

uint64_t log_file_room(struct log_file *log)
{
	struct stat st;

	/* The task may have cut it short: no hole is to be left. */
	if (fstat(log->fd, &st) == 0 && (uint64_t)st.st_size < log->size)
		log->size = (uint64_t)st.st_size;
	if (log->limit->max_bytes == 0)
		return UINT64_MAX;
	if (log->size >= log->limit->max_bytes)
		rotate(log);
	return log->size < log->limit->max_bytes ? log->limit->max_bytes - log->size : 1;
}

ssize_t log_file_write(struct log_file *log, const void *data, size_t size)
{
	ssize_t n = pwrite(log->fd, data, size, (off_t)log->size);

	if (n < 0)
		return -errno;
	log->size += (uint64_t)n;
	return n;
}

ssize_t log_file_splice(struct log_file *log, int pipe_fd, size_t size)
{
	loff_t at = (loff_t)log->size;
	ssize_t n = splice(pipe_fd, NULL, log->fd, &at, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n < 0)
		return -errno;
	log->size += (uint64_t)n;
	return n;
}

ssize_t log_file_tail(const struct log_file *log, void *data, size_t size, bool *ret_is_cut)
{
	struct stat st;
	off_t from;
	ssize_t n;

	if (fstat(log->fd, &st) < 0)
		return -errno;
	from = st.st_size > (off_t)size ? st.st_size - (off_t)size : 0;
	n = pread(log->fd, data, size, from);
	*ret_is_cut = from > 0;
	return n < 0 ? -errno : n;
}
