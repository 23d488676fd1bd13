#include "isolators/cgroup_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { HALF_PAGE = 2048 };

static int open_file(int dir_fd, const char *file, int flags, struct err *e)
{
	int fd = openat(dir_fd, file, flags | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ENOTSUP : errno, "open cgroup file '%s'", file);
	return fd;
}

int cgroup_io_write(int dir_fd, const char *file, const char *value, struct err *e)
{
	AUTO_CLOSE int fd = open_file(dir_fd, file, O_WRONLY, e);

	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		return err_set(e, errno, "write '%s' to cgroup file '%s'", value, file);
	return 0;
}

int cgroup_io_read(int dir_fd, const char *file, char *buf, size_t size, struct err *e)
{
	AUTO_CLOSE int fd = open_file(dir_fd, file, O_RDONLY, e);
	size_t used = 0;

	if (fd < 0)
		return fd;
	while (used < size) {
		ssize_t n = read(fd, buf + used, size - used);

		if (n < 0)
			return err_set(e, errno, "read cgroup file '%s'", file);
		used += (size_t)n;
		/* The kernel fills a page with whole lines: less than half of one is the end. */
		if (n == 0 || (n < HALF_PAGE && used < size && buf[used - 1] == '\n')) {
			buf[used] = '\0';
			return 0;
		}
	}
	return err_set(e, E2BIG, "read cgroup file '%s'", file);
}
