#include "lib/file_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

/*
 * One byte more than SIZE is asked for: that is how a file that is being written is noticed.  Of a
 * regular file less is read only at its end.
 */
static int read_whole(int fd, const char *file, char *buf, size_t size, struct err *e)
{
	size_t used = 0;
	ssize_t n;

	do {
		n = read(fd, buf + used, size + 1 - used);
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "read '%s'", file);
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used < size);
	if (used != size)
		return err_set(e, EBUSY, "read '%s': it is being written", file);
	buf[size] = '\0';
	return 0;
}

int file_in_read_fd(int fd, const char *file, size_t max, char **ret, size_t *ret_size,
		    struct err *e)
{
	AUTO_FREE char *buf = NULL;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read '%s'", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "read '%s': not a regular file", file);
	if ((size_t)st.st_size > max)
		return err_set(e, EFBIG, "read '%s': more than %zu bytes", file, max);
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return err_set(e, ENOMEM, "read '%s'", file);
	r = read_whole(fd, file, buf, (size_t)st.st_size, e);
	if (r < 0)
		return r;
	*ret_size = (size_t)st.st_size;
	*ret = TAKE_PTR(buf);
	return 0;
}

int file_in_read(int dir_fd, const char *file, size_t max, char **ret, size_t *ret_size,
		 struct err *e)
{
	AUTO_CLOSE int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				   O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", file);
	return file_in_read_fd(fd, file, max, ret, ret_size, e);
}

int file_in_read_json(int dir_fd, const char *file, size_t max, json_t **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = file_in_read(dir_fd, file, max, &text, &size, e);

	if (r < 0)
		return r;
	r = json_in_parse(text, size, ret, e);
	return r < 0 ? err_wrap(e, "%s", file) : 0;
}
