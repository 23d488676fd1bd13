/*
 * Option "tmpcopyup": a fresh tmpfs starts with what it covers.  The source is the image's, so
 * names are never followed, and what is neither file, directory nor link is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/rootfs.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_DEPTH = 64 };

static int copy_directory(int from_fd, int to_fd, unsigned depth);

static int copy_attributes(int fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	/* The owner first: changing it takes set-id bits away. */
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
	    futimens(fd, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	AUTO_CLOSE int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				     O_CLOEXEC);
	AUTO_CLOSE int to = -EBADF;
	ssize_t n;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	do {
		n = sendfile(to, from, NULL, 1 << 20);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : copy_attributes(to, st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int open_directory(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, const struct stat *st,
			     unsigned depth)
{
	AUTO_CLOSE int from = open_directory(from_dir, name), to = -EBADF;
	int r;

	if (from < 0)
		return from;
	if (depth == 0)
		return -ELOOP;
	if (mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = open_directory(to_dir, name);
	if (to < 0)
		return to;
	r = copy_directory(from, to, depth - 1);
	return r < 0 ? r : copy_attributes(to, st);
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_subdirectory(from_dir, to_dir, name, &st, depth);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, &st);
	return S_ISLNK(st.st_mode) ? copy_link(from_dir, to_dir, name, &st) : 0;
}

/* FROM_FD is borrowed and its offset moved. */
static int copy_directory(int from_fd, int to_fd, unsigned depth)
{
	AUTO_CLOSE int copy = fcntl(from_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	(void)TAKE_FD(copy);
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = copy_entry(from_fd, to_fd, entry->d_name, depth);
	if (r == 0)
		r = -errno;
	(void)closedir(dir);
	return r;
}

int copy_up(int from_fd, int to_fd, struct err *e)
{
	AUTO_CLOSE int from = open_directory(from_fd, "."), to = open_directory(to_fd, ".");
	int r = from < 0 ? from : to;

	if (r >= 0)
		r = copy_directory(from, to, MAX_DEPTH);
	return r < 0 ? err_set(e, -r, "copy what the tmpfs covers") : 0;
}
