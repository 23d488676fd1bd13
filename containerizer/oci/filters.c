/*
 * Whoever drives a runtime hands over the same profile again and again, and compiling it takes as
 * long as all the rest of a launch.  A file for each: a header, the key, the program.  The key is
 * all that the program is made of, and is compared whole; its hash is only the name.
 */
#include "containerizer/oci/filters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/crc32c.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/version.h"

/* No container can be called that: see state_check_id(). */
#define DIRECTORY "../@filters"

enum {
	MAX_KEY = 1 << 20,
	MAX_PROGRAM = BPF_MAXINSNS * sizeof(struct sock_filter),
	MAX_FILE = MAX_KEY + MAX_PROGRAM + 64,
	MAX_FILES = 64,
};

struct key {
	char *text;	/* owned */
	uint32_t length;
	char name[16];
};

/* Files are not flushed: what a crash of the machine leaves of one must not be loaded. */
struct header {
	uint32_t key_length, program_length, program_crc;
};

static struct header make_header(const struct key *key, const char *program, size_t size)
{
	return (struct header){ key->length, (uint32_t)size, crc32c(0, program, size) };
}

/* A profile may ask for the kernel ("minKernel"), which is another after the next boot. */
static int make_key(const json_t *profile, uint64_t caps, struct key *ret, struct err *e)
{
	const struct scmp_version *library = seccomp_version();
	AUTO_FREE char *text = profile ? json_dumps(profile, JSON_COMPACT | JSON_SORT_KEYS)
		: strdup("");
	struct utsname kernel;
	int n;

	if (!text || uname(&kernel) < 0)
		return err_set(e, text ? errno : ENOMEM, "read seccomp profile");
	n = asprintf(&ret->text, TEPUI_VERSION " %u.%u.%u %s %x %" PRIx64 " %s", library->major,
		     library->minor, library->micro, kernel.release, seccomp_arch_native(), caps,
		     text);
	if (n < 0)
		return err_set(e, ENOMEM, "read seccomp profile");
	ret->length = (uint32_t)n;
	(void)snprintf(ret->name, sizeof(ret->name), "%08x", crc32c(0, ret->text, ret->length));
	return 0;
}

/* Only our own: the one above may be anybody's to make something in, like /tmp. */
static int open_directory(int state_fd)
{
	AUTO_CLOSE int fd = openat(state_fd, DIRECTORY,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & 022)
		return -EPERM;
	return TAKE_FD(fd);
}

static bool is_filter_of(const struct key *key, const char *data, size_t size)
{
	const size_t start = sizeof(struct header) + key->length;
	struct header header;

	if (size <= start)
		return false;
	header = make_header(key, data + start, size - start);
	return memcmp(data, &header, sizeof(header)) == 0 &&
		memcmp(data + sizeof(header), key->text, key->length) == 0;
}

/* As a sealed memfd, owned; < 0 when there is none, or another's. */
static int load(int state_fd, const struct key *key)
{
	AUTO_CLOSE int dir_fd = open_directory(state_fd), fd = -EBADF;
	const size_t start = sizeof(struct header) + key->length;
	AUTO_FREE char *data = NULL;
	struct err lost = { 0 };
	size_t size;

	if (dir_fd < 0 || file_in_read(dir_fd, key->name, MAX_FILE, &data, &size, &lost) < 0 ||
	    !is_filter_of(key, data, size))
		return -ENOENT;
	fd = memfd_create("tepui-seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || write(fd, data + start, size - start) != (ssize_t)(size - start) ||
	    seccomp_program_seal(fd, &lost) < 0)
		return -ENOENT;
	return TAKE_FD(fd);
}

/* Profiles are few; should somebody make up ever new ones, all start anew. */
static void make_room(int dir_fd)
{
	AUTO_CLOSE int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int n = 0;

	if (!dir)
		return;
	(void)TAKE_FD(fd);
	while (readdir(dir))
		n++;
	rewinddir(dir);
	while (n > MAX_FILES && (entry = readdir(dir)))
		(void)unlinkat(dir_fd, entry->d_name, 0);
	(void)closedir(dir);
}

static bool write_filter(int fd, const struct key *key, const char *program, size_t size)
{
	struct header header = make_header(key, program, size);

	return write(fd, &header, sizeof(header)) == sizeof(header) &&
		write(fd, key->text, key->length) == (ssize_t)key->length &&
		write(fd, program, size) == (ssize_t)size;
}

/* A reader finds it whole or not at all. */
static void keep(int state_fd, const struct key *key, int program_fd)
{
	int made = mkdirat(state_fd, DIRECTORY, 0700);
	AUTO_CLOSE int dir_fd = made == 0 || errno == EEXIST ? open_directory(state_fd) : -EBADF;
	AUTO_CLOSE int fd = -EBADF;
	char name[64], *program;
	struct stat st;

	if (dir_fd < 0 || key->length > MAX_KEY || fstat(program_fd, &st) < 0)
		return;
	make_room(dir_fd);
	program = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, program_fd, 0);
	if (program == MAP_FAILED)
		return;
	(void)snprintf(name, sizeof(name), "%s.%d", key->name, (int)getpid());
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && (!write_filter(fd, key, program, (size_t)st.st_size) ||
			renameat(dir_fd, name, dir_fd, key->name) < 0))
		(void)unlinkat(dir_fd, name, 0);
	(void)munmap(program, (size_t)st.st_size);
}

int filters_get(int state_fd, const json_t *profile, uint64_t caps, struct err *e)
{
	struct key key = { 0 };
	int fd, r = make_key(profile, caps, &key, e);

	if (r < 0)
		return r;
	fd = load(state_fd, &key);
	if (fd < 0) {
		fd = seccomp_profile_compile(profile, caps, e);
		if (fd >= 0)
			keep(state_fd, &key, fd);
	}
	free(key.text);
	return fd;
}
