#include "agent/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/trash.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/file_out.h"

enum { MAX_EXIT_BYTES = 1 << 20, PATH_SIZE = 320 };

static const char containers[] = "containers";

static const char *const files[] = {
	HANDOVER_CONFIG, HANDOVER_EXIT, HANDOVER_EXIT_TMP, HANDOVER_CONTROL,
	HANDOVER_HOSTS, HANDOVER_HOSTNAME, HANDOVER_RESOLV_CONF, HANDOVER_NETWORKS,
};

int dir_make(int dir_fd, const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *copy = strdup(path);
	AUTO_CLOSE int fd = -EBADF;
	char *rest = copy, *name;

	if (!copy)
		return err_set(e, ENOMEM, "make directory '%s'", path);
	while ((name = strsep(&rest, "/"))) {
		int parent = fd >= 0 ? fd : dir_fd, next;

		if (!*name)
			continue;
		if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory '%s'", path);
		next = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return err_set(e, errno, "open directory '%s'", path);
		fd_close(&fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

static int write_file(int dir_fd, const char *name, mode_t mode, const char *text, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir_fd, name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	size_t size = strlen(text), done = 0;

	if (fd < 0)
		return err_set(e, errno, "create '%s'", name);
	while (done < size) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0)
			return err_set(e, errno, "write '%s'", name);
		done += (size_t)n;
	}
	return 0;
}

int runtime_dir_make(int work_fd, const char *container_id, const json_t *config, struct err *e)
{
	AUTO_FREE char *text = json_dumps(config, JSON_COMPACT);
	char path[PATH_SIZE];
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (!text)
		return err_set(e, ENOMEM, "write '%s'", HANDOVER_CONFIG);
	(void)snprintf(path, sizeof(path), "%s/%s", containers, container_id);
	fd = dir_make(work_fd, path, 0700, e);
	/* Not synced: only a supervisor of this boot reads it. */
	r = fd < 0 ? fd : write_file(fd, HANDOVER_CONFIG, 0600, text, e);
	if (r < 0)
		runtime_dir_remove(work_fd, container_id);
	return r;
}

static int open_existing(int work_fd, const char *container_id, struct err *e)
{
	int fd = runtime_dir_open(work_fd, container_id);

	return fd < 0 ? err_set(e, errno, "find the document of container '%s'", container_id) : fd;
}

int runtime_dir_write(int work_fd, const char *container_id, const char *name, const char *text,
		      struct err *e)
{
	AUTO_CLOSE int fd = open_existing(work_fd, container_id, e);

	return fd < 0 ? fd : write_file(fd, name, 0644, text, e);
}

int runtime_dir_read_config(int work_fd, const char *container_id, json_t **ret, struct err *e)
{
	AUTO_CLOSE int fd = open_existing(work_fd, container_id, e);

	return fd < 0 ? fd : file_in_read_json(fd, HANDOVER_CONFIG, SPEC_MAX_DOCUMENT, ret, e);
}

int runtime_dir_write_config(int work_fd, const char *container_id, const json_t *config,
			     struct err *e)
{
	AUTO_CLOSE int fd = open_existing(work_fd, container_id, e);
	AUTO_FREE char *text = json_dumps(config, JSON_COMPACT);

	if (fd < 0)
		return fd;
	if (!text)
		return err_set(e, ENOMEM, "write '%s'", HANDOVER_CONFIG);
	return file_out_replace(fd, HANDOVER_CONFIG, text, strlen(text), e);
}

int runtime_dir_open(int work_fd, const char *container_id)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", containers, container_id);
	return openat(work_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int runtime_dir_make_root(int work_fd, const char *container_id, const char *name,
			  struct err *e)
{
	char path[PATH_SIZE];
	AUTO_CLOSE int made = -EBADF;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/" HANDOVER_ROOT "/%s", containers, container_id,
		       name);
	made = dir_make(work_fd, path, 0711, e);
	if (made < 0)
		return made;
	fd = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

int runtime_dir_throw_root(int work_fd, const char *container_id, struct trash *trash,
			   struct err *e)
{
	AUTO_CLOSE int fd = runtime_dir_open(work_fd, container_id);
	int r = fd < 0 ? -ENOENT : trash_throw(trash, fd, HANDOVER_ROOT, e);

	if (r == -ENOENT)
		err_clear(e);
	return r == -ENOENT ? 0 : r;
}

void runtime_dir_remove(int work_fd, const char *container_id)
{
	char path[PATH_SIZE];

	/* By path, for the want of descriptors may be why it goes; all of it is root's alone. */
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", containers, container_id, files[i]);
		(void)unlinkat(work_fd, path, 0);
	}
	(void)snprintf(path, sizeof(path), "%s/%s", containers, container_id);
	(void)unlinkat(work_fd, path, AT_REMOVEDIR);
}

Tepui__ExitRecord *runtime_dir_read_exit(int work_fd, const char *container_id)
{
	AUTO_FREE unsigned char *data = NULL;
	char path[PATH_SIZE];
	AUTO_CLOSE int fd = -EBADF;
	Tepui__ExitRecord *record;
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s/" HANDOVER_EXIT, containers, container_id);
	fd = openat(work_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_EXIT_BYTES)
		return NULL;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return NULL;
	n = read(fd, data, (size_t)st.st_size);
	if (n < 0)
		return NULL;
	record = tepui__exit_record__unpack(NULL, (size_t)n, data);
	if (record && strcmp(record->container_id, container_id) != 0) {
		tepui__exit_record__free_unpacked(record, NULL);
		return NULL;
	}
	return record;
}

void runtime_dirs_sweep(int work_fd, int (*is_known)(void *arg, const char *container_id),
			void *arg)
{
	int fd = openat(work_fd, containers, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !is_known(arg, entry->d_name))
			runtime_dir_remove(work_fd, entry->d_name);
	}
	closedir(dir);
}
