#include "executor/exit_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"

enum { RESERVED_BYTES = 16 << 10 };

static int open_tmp(int dir_fd, struct err *e)
{
	int fd = openat(dir_fd, HANDOVER_EXIT_TMP, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0600);

	return fd < 0 ? err_set(e, errno, "open '" HANDOVER_EXIT_TMP "'") : fd;
}

int exit_record_reserve(int dir_fd, struct err *e)
{
	AUTO_CLOSE int fd = open_tmp(dir_fd, e);

	if (fd < 0)
		return fd;
	if (fallocate(fd, 0, 0, RESERVED_BYTES) < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
		return err_set(e, errno, "reserve space for '" HANDOVER_EXIT "'");
	return 0;
}

static int write_all(int fd, const char *data, size_t size, struct err *e)
{
	for (size_t used = 0; used < size;) {
		ssize_t n = pwrite(fd, data + used, size - used, (off_t)used);

		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "write '" HANDOVER_EXIT_TMP "'");
		used += n > 0 ? (size_t)n : 0;
	}
	/* Only now: what was reserved beyond is given back. */
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		return err_set(e, errno, "write '" HANDOVER_EXIT_TMP "'");
	return 0;
}

int exit_record_write(int dir_fd, const Tepui__ExitRecord *record, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	AUTO_FREE void *data = NULL;
	size_t size;
	int r;

	r = pb_pack(&record->base, &data, &size, e);
	if (r < 0)
		return r;
	fd = open_tmp(dir_fd, e);
	if (fd < 0)
		return fd;
	r = write_all(fd, data, size, e);
	if (r < 0)
		return r;
	if (renameat(dir_fd, HANDOVER_EXIT_TMP, dir_fd, HANDOVER_EXIT) < 0)
		return err_set(e, errno, "rename '" HANDOVER_EXIT_TMP "'");
	if (fsync(dir_fd) < 0)
		return err_set(e, errno, "write '" HANDOVER_EXIT "'");
	return 0;
}

void exit_record_give_up(const char *path, const struct err *why)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	Tepui__ExitRecord record = TEPUI__EXIT_RECORD__INIT;
	char text[sizeof(why->msg) + 64];
	const char *name = strrchr(path, '/');
	struct err e = { 0 };

	if (dir < 0 || !name || faccessat(dir, HANDOVER_EXIT, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	record.container_id = (char *)(uintptr_t)(name + 1);
	record.error = (char *)(uintptr_t)err_text(why, text, sizeof(text));
	if (exit_record_write(dir, &record, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "record the failure");
}
