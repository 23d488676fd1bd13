#include "lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { START_TICKS_FIELD = 22, STAT_SIZE = 1024 };

int process_start_ticks(pid_t pid, uint64_t *ret, struct err *e)
{
	char path[64], text[STAT_SIZE], *p;
	AUTO_CLOSE int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ESRCH : errno, "open '%s'", path);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return err_set(e, errno, "read '%s'", path);
	text[n] = '\0';
	/* The second field is a name in parentheses that may hold anything. */
	p = strrchr(text, ')');
	for (int field = 2; p && field < START_TICKS_FIELD; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return err_set(e, EINVAL, "read '%s': too few fields", path);
	*ret = strtoull(p + 1, NULL, 10);
	return 0;
}

int process_open(pid_t pid, uint64_t start_ticks, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	uint64_t found;
	int r;

	if (pid <= 0)
		return err_set(e, ESRCH, "find process %d", (int)pid);
	fd = (int)syscall(SYS_pidfd_open, pid, 0U);
	if (fd < 0)
		return err_set(e, errno, "find process %d", (int)pid);
	/* Opened first: what is read now is of this process, or of a younger one. */
	r = process_start_ticks(pid, &found, e);
	if (r < 0)
		return r;
	if (found != start_ticks)
		return err_set(e, ESRCH, "find process %d: another one has its number", (int)pid);
	return TAKE_FD(fd);
}
