#include "lib/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

int file_out_write(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int file_out_sync_dir(int dir_fd)
{
	AUTO_CLOSE int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_new(int dir_fd, const char *file, const void *data, size_t size)
{
	AUTO_CLOSE int fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
				   O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : file_out_write(fd, data, size);

	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_out_replace(int dir_fd, const char *file, const void *data, size_t size, struct err *e)
{
	char tmp[256];
	int r;

	/* A hidden name: who lists the directory passes over it. */
	(void)snprintf(tmp, sizeof(tmp), ".%.240s.%d", file, (int)getpid());
	r = write_new(dir_fd, tmp, data, size);
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, file) < 0)
		r = -errno;
	if (r == 0)
		r = file_out_sync_dir(dir_fd);
	if (r == 0)
		return 0;
	(void)unlinkat(dir_fd, tmp, 0);
	return err_set(e, -r, "write '%s'", file);
}
