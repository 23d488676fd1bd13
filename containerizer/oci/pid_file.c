#include "containerizer/oci/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char tmp[PATH_MAX], text[16];
	int size = snprintf(text, sizeof(text), "%d", (int)pid);
	int n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return err_set(e, ENAMETOOLONG, "write pid file '%.128s'", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, (size_t)size) != size || rename(tmp, path) < 0)
		return err_set(e, errno, "write pid file '%s'", path);
	return 0;
}
