#include "containerizer/oci/preserved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/oci/env.h"
#include "lib/err.h"

enum { MAX_PRESERVED = 1024 };

static unsigned long count_sockets(void)
{
	const char *text = getenv("LISTEN_FDS");

	return text ? strtoul(text, NULL, 10) : 0;
}

int preserved_count(uint64_t n, unsigned *ret, struct err *e)
{
	unsigned long n_sockets = count_sockets();

	if (n > MAX_PRESERVED || n_sockets > MAX_PRESERVED)
		return err_set(e, EINVAL, "preserve more than %d descriptors", MAX_PRESERVED);
	/* What we have opened ourselves is close-on-exec, and what is inherited cannot be. */
	for (int fd = 3; fd < 3 + (int)(n + n_sockets); fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return err_set(e, EBADF, "preserve descriptor %d", fd);
	}
	*ret = (unsigned)(n + n_sockets);
	return 0;
}

int preserved_add_env(char ***env, struct err *e)
{
	unsigned long n = count_sockets();
	char *text;

	if (n == 0)
		return 0;
	if (asprintf(&text, "LISTEN_FDS=%lu", n) < 0)
		text = NULL;
	if (env_append(env, text) < 0 || env_append(env, strdup("LISTEN_PID=1")) < 0)
		return err_set(e, ENOMEM, "pass on LISTEN_FDS");
	return 0;
}
