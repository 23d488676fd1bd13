#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char installed[] = "/usr/libexec/tepui/";

/* Where it lies as seen from our own program. */
static const char *const places[] = { "", "../libexec/tepui/" };

static int open_near(const char *place, const char *name)
{
	char self[PATH_MAX], path[2 * PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	(void)snprintf(path, sizeof(path), "%s%s%s", self, place, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int program_open(const char *name, struct err *e)
{
	char path[PATH_MAX];
	int fd = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places) && fd < 0; i++)
		fd = open_near(places[i], name);
	if (fd >= 0)
		return fd;
	(void)snprintf(path, sizeof(path), "%s%s", installed, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open program '%s'", path) : fd;
}
