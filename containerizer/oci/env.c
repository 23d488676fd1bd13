#include "containerizer/oci/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "containerizer/image/passwd.h"
#include "isolators/rootfs.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

enum { MAX_PASSWD = 1 << 20 };

int env_append(char ***env, char *item)
{
	size_t n = 0;
	char **more;

	while ((*env)[n])
		n++;
	more = item ? realloc(*env, (n + 2) * sizeof(*more)) : NULL;
	if (!more) {
		free(item);
		return -ENOMEM;
	}
	more[n] = item;
	more[n + 1] = NULL;
	*env = more;
	return 0;
}

/* The text of /etc/passwd, owned; NULL: there is none that can be read. */
static char *read_passwd(int root_fd)
{
	AUTO_CLOSE int place = rootfs_open(root_fd, "/etc/passwd", 0), fd = -EBADF;
	struct err lost = { 0 };
	struct stat st;
	char link[64], *text;
	size_t size;

	/* Before it is opened: to open a device is to use it. */
	if (place < 0 || fstat(place, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_in_read_fd(fd, "/etc/passwd", MAX_PASSWD, &text, &size, &lost) < 0)
		return NULL;
	return text;
}

int env_add_home(int root_fd, uid_t uid, char ***env, struct err *e)
{
	const struct passwd_key key = { .id = uid };
	AUTO_FREE char *passwd = NULL;
	struct passwd_entry entry;
	const char *home = NULL;
	char *item;

	for (char **p = *env; *p; p++) {
		if (strncmp(*p, "HOME=", 5) == 0)
			return 0;
	}
	passwd = read_passwd(root_fd);
	if (passwd && passwd_find(passwd, &key, &entry) == 0)
		home = entry.home;
	if (asprintf(&item, "HOME=%s", home ? home : "/") < 0)
		item = NULL;
	return env_append(env, item) < 0 ? err_set(e, ENOMEM, "set HOME") : 0;
}
