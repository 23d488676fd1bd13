#include "isolators/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

enum {
	FIRST_BYTES = 16 << 10,
	MAX_BYTES = 4 << 20,	/* mountinfo of a host with some 20,000 mounts */
};

/* 1 at the end of the file, 0 when there is no more room. */
static int read_on(int fd, char *text, size_t size, size_t *used)
{
	while (*used + 1 < size) {
		ssize_t n = read(fd, text + *used, size - *used - 1);

		if (n < 0)
			return -errno;
		if (n == 0)
			return 1;
		*used += (size_t)n;
	}
	return 0;
}

int proc_file_read(const char *path, char **ret, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	size_t used = 0;

	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	for (size_t size = FIRST_BYTES; size <= MAX_BYTES; size *= 2) {
		char *more = realloc(text, size);
		int r;

		if (!more)
			return err_set(e, ENOMEM, "read '%s'", path);
		text = more;
		r = read_on(fd, text, size, &used);
		if (r < 0)
			return err_set(e, -r, "read '%s'", path);
		if (r == 0)
			continue;
		text[used] = '\0';
		*ret = TAKE_PTR(text);
		return 0;
	}
	return err_set(e, E2BIG, "read '%s'", path);
}

int proc_file_write(int proc_fd, const char *file, const char *value, struct err *e)
{
	AUTO_CLOSE int fd = open_resolved(proc_fd, file, O_WRONLY, RESOLVE_BENEATH |
					  RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	if (fd < 0)
		return err_set(e, -fd, "open '%.128s' of /proc", file);
	if (write(fd, value, strlen(value)) < 0)
		return err_set(e, errno, "write '%.64s' to '%.128s' of /proc", value, file);
	return 0;
}
