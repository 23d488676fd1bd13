#include "agent/sandbox.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

/* slaves/S/frameworks/F/executors/E/runs/CONTAINER */
enum { SANDBOX_COMPONENTS = 8 };

static const char virtual_root[] = "/sandboxes/";

static int open_below(int dir_fd, const char *path, uint64_t flags)
{
	/* A pipe that nobody writes must not hold up the agent. */
	return open_resolved(dir_fd, path, flags | (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY),
			     RESOLVE_BENEATH | RESOLVE_NO_XDEV);
}

/* What the kernel said is part of the sentence: it goes to people as it is. */
static int refuse(struct err *e, int code, int reason, const char *virtual_path)
{
	const char *text = strerrordesc_np(reason);

	if (!text)
		text = "Unknown error";
	return err_set(e, code, "open '%.300s': %c%s", virtual_path,
		       tolower((unsigned char)text[0]), text + 1);
}

int sandbox_split(const char *work_dir, const char *virtual_path, char *buf, size_t size,
		  const char **ret_rest)
{
	size_t n = strlen(work_dir);
	const char *start, *end;

	if (strncmp(virtual_path, work_dir, n) != 0 || virtual_path[n] != '/')
		return -ENOENT;
	start = end = virtual_path + n + 1;
	if (strncmp(start, "slaves/", strlen("slaves/")) != 0)
		return -ENOENT;
	for (int i = 0; i < SANDBOX_COMPONENTS; i++) {
		const char *slash = strchrnul(end, '/');

		if (slash == end || (slash - end == 1 && *end == '.') ||
		    (slash - end == 2 && end[0] == '.' && end[1] == '.'))
			return -EINVAL;
		if (i < SANDBOX_COMPONENTS - 1 && !*slash)
			return -ENOENT;
		end = i < SANDBOX_COMPONENTS - 1 ? slash + 1 : slash;
	}
	if ((size_t)(end - start) >= size)
		return -ENAMETOOLONG;
	memcpy(buf, start, (size_t)(end - start));
	buf[end - start] = '\0';
	*ret_rest = end + strspn(end, "/");
	return 0;
}

static struct container *find_container(struct agent *agent, const char *id, size_t n)
{
	struct container *c;

	HASH_FIND(hh, agent->containers, id, n, c);
	return c;
}

/* A task's directory by its container's id: living tasks, then those that are remembered. */
static char *directory_of(struct agent *agent, const char *id, size_t n)
{
	const struct container *c = find_container(agent, id, n);
	const struct past_task *past;

	if (c)
		return c->sandbox ? strdup(c->sandbox) : NULL;
	past = history_find(&agent->history, id, n);
	return past && past->sandbox ? strdup(past->sandbox) : NULL;
}

int sandbox_open_host(const struct agent *agent, const char *host_path, int flags)
{
	size_t skip = strlen(agent->work_dir) + 1;

	if (strlen(host_path) <= skip)
		return -ENOENT;
	return open_resolved(agent->work_fd, host_path + skip,
			     (uint64_t)(flags | O_DIRECTORY | O_NOFOLLOW),
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int open_of_container(struct agent *agent, const char *id, size_t n, const char *virtual_path,
			     struct err *e)
{
	AUTO_FREE char *host_path = directory_of(agent, id, n);
	int r;

	if (!host_path)
		return err_set(e, ENOENT, "find the sandbox of container '%.*s': no such container "
			       "here", (int)n, id);
	r = sandbox_open_host(agent, host_path, O_PATH);
	return r < 0 ? refuse(e, -r, -r, virtual_path) : r;
}

static int open_sandbox(struct agent *agent, const char *virtual_path, const char **ret_rest,
			struct err *e)
{
	char relative[PATH_MAX];
	const char *rest;
	int r;

	if (strncmp(virtual_path, virtual_root, sizeof(virtual_root) - 1) == 0) {
		const char *id = virtual_path + sizeof(virtual_root) - 1;
		size_t n = strcspn(id, "/");

		rest = id + n + strspn(id + n, "/");
		*ret_rest = *rest ? rest : ".";
		return open_of_container(agent, id, n, virtual_path, e);
	}
	r = sandbox_split(agent->work_dir, virtual_path, relative, sizeof(relative), &rest);
	if (r < 0)
		return err_set(e, -r, "find '%.300s': not in a sandbox", virtual_path);
	*ret_rest = *rest ? rest : ".";
	/* These components are ours; what follows is the task's. */
	r = open_below(agent->work_fd, relative, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	return r < 0 ? refuse(e, -r, -r, virtual_path) : r;
}

int sandbox_open(struct agent *agent, const char *virtual_path, int wants_dir, struct err *e)
{
	AUTO_CLOSE int root = -EBADF, fd = -EBADF;
	const char *rest;
	struct stat st;

	root = open_sandbox(agent, virtual_path, &rest, e);
	if (root < 0)
		return root;
	fd = open_below(root, rest, wants_dir ? O_RDONLY | O_DIRECTORY : O_RDONLY);
	/* A socket or a device without driver: it is there but nothing to read. */
	if (fd == -ENXIO || fd == -ENODEV || fd == -EXDEV || fd == -ELOOP)
		return err_set(e, EPERM, "open '%.300s': it leads elsewhere", virtual_path);
	if (fd == -ENOTDIR || fd == -ENAMETOOLONG)
		return refuse(e, ENOENT, -fd, virtual_path);
	if (fd < 0)
		return refuse(e, -fd, -fd, virtual_path);
	if (fstat(fd, &st) < 0)
		return refuse(e, errno, errno, virtual_path);
	if (!wants_dir && !S_ISREG(st.st_mode))
		return err_set(e, EPERM, "open '%.300s': not a regular file", virtual_path);
	return TAKE_FD(fd);
}

static bool is_entry(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int sandbox_list(struct agent *agent, const char *virtual_path,
		 int (*fn)(void *arg, const char *path, const struct stat *st), void *arg,
		 struct err *e)
{
	size_t n = strlen(virtual_path), left = SANDBOX_LIST_MAX;
	const char *slash = n && virtual_path[n - 1] == '/' ? "" : "/";
	const struct dirent *entry;
	char path[PATH_MAX + 256];
	struct stat st;
	int fd = sandbox_open(agent, virtual_path, 1, e), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		r = fd < 0 ? fd : err_set(e, ENOMEM, "list '%.300s'", virtual_path);
		fd_close(&fd);
		return r;
	}
	while (r >= 0 && left && (entry = readdir(dir))) {
		if (!is_entry(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", virtual_path, slash, entry->d_name);
		r = fn(arg, path, &st);
		left--;
	}
	closedir(dir);
	return r < 0 ? err_set(e, -r, "list '%.300s'", virtual_path) : 0;
}

int sandbox_read(struct agent *agent, const char *virtual_path, uint64_t offset, size_t *size,
		 char **ret, uint64_t *ret_file_size, struct err *e)
{
	AUTO_CLOSE int fd = sandbox_open(agent, virtual_path, 0, e);
	AUTO_FREE char *data = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (offset > INT64_MAX)
		return err_set(e, EINVAL, "read '%.300s': no file is so long", virtual_path);
	if (*size > SANDBOX_READ_MAX)
		*size = SANDBOX_READ_MAX;
	data = malloc(*size + 1);
	if (!data)
		return err_set(e, ENOMEM, "read '%.300s'", virtual_path);
	n = pread(fd, data, *size, (off_t)offset);
	if (n < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "read '%.300s'", virtual_path);
	*size = (size_t)n;
	*ret = TAKE_PTR(data);
	*ret_file_size = (uint64_t)st.st_size;
	return 0;
}

bool sandbox_is_live(struct agent *agent, const char *virtual_path)
{
	const char *id = virtual_path + sizeof(virtual_root) - 1, *rest;
	char relative[PATH_MAX];
	const struct container *c;

	if (strncmp(virtual_path, virtual_root, sizeof(virtual_root) - 1) != 0) {
		if (sandbox_split(agent->work_dir, virtual_path, relative, sizeof(relative),
				  &rest) < 0)
			return false;
		id = strrchr(relative, '/') + 1;
	}
	c = find_container(agent, id, strcspn(id, "/"));
	return c && c->state != CONTAINER_GONE;
}
