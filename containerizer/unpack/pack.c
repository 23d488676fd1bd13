#include "containerizer/unpack/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "containerizer/unpack/attributes.h"
#include "lib/cleanup.h"
#include "lib/open_resolved.h"

enum { BLOCK_BYTES = 256 << 10, MAX_LINKS = 1 << 16, MAX_LIST = 64 << 10 };

/* A file with several names: the first that was met is packed, the others are links to it. */
struct known {
	ino_t inode;
	char *path;
};

struct pack {
	struct archive *archive;
	const struct unpack_limits *limits;
	struct unpack_result *result;
	struct known *known;
	size_t n_known, allocated;
	char path[PATH_MAX];
	char buf[BLOCK_BYTES];
};

static int pack_directory(struct pack *p, int dir_fd, size_t length, unsigned depth, struct err *e);

static int open_entry(int dir_fd, const char *name, uint64_t flags)
{
	return open_resolved(dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int archive_failure(struct pack *p, struct err *e)
{
	return err_set(e, EIO, "pack '%.200s': %s", p->path, archive_error_string(p->archive));
}

/* ---- names of the same file ---- */

static const char *find_known(const struct pack *p, ino_t inode)
{
	for (size_t i = 0; i < p->n_known; i++) {
		if (p->known[i].inode == inode)
			return p->known[i].path;
	}
	return NULL;
}

static int remember(struct pack *p, ino_t inode, struct err *e)
{
	if (p->n_known == p->allocated) {
		size_t n = p->allocated ? 2 * p->allocated : 64;
		struct known *more = n > MAX_LINKS ? NULL
			: reallocarray(p->known, n, sizeof(*more));

		if (!more)
			return err_set(e, E2BIG, "pack '%.200s': more than %d files with several "
				       "names", p->path, MAX_LINKS);
		p->known = more;
		p->allocated = n;
	}
	p->known[p->n_known] = (struct known){ inode, strdup(p->path) };
	if (!p->known[p->n_known].path)
		return err_set(e, ENOMEM, "pack '%.200s'", p->path);
	p->n_known++;
	return 0;
}

/* ---- one entry ---- */

/* Those that unpacking accepts; the others are of this system, not of the image. */
static int add_xattrs(struct pack *p, int fd, struct archive_entry *entry, struct err *e)
{
	static char names[MAX_LIST], value[MAX_LIST];
	ssize_t n = flistxattr(fd, names, sizeof(names)), size;

	if (n < 0)
		return errno == ENOTSUP ? 0 : err_set(e, errno, "pack '%.200s'", p->path);
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		if (!attributes_is_welcome(name))
			continue;
		size = fgetxattr(fd, name, value, sizeof(value));
		if (size < 0)
			return err_set(e, errno, "read attribute '%.100s' of '%.200s'", name,
				       p->path);
		archive_entry_xattr_add_entry(entry, name, value, (size_t)size);
	}
	return 0;
}

static int write_header(struct pack *p, struct archive_entry *entry, struct err *e)
{
	/* It warns of names that are not UTF-8 and writes them as they are. */
	return archive_write_header(p->archive, entry) >= ARCHIVE_WARN ? 0 : archive_failure(p, e);
}

/* As many bytes as its header says: one that shrinks meanwhile is an error. */
static int write_content(struct pack *p, int fd, uint64_t size, struct err *e)
{
	p->result->bytes += size;
	if (p->result->bytes > p->limits->max_bytes)
		return err_set(e, EFBIG, "pack '%.200s': the directory comes to more than %llu "
			       "bytes", p->path, (unsigned long long)p->limits->max_bytes);
	while (size > 0) {
		ssize_t n = read(fd, p->buf, size < sizeof(p->buf) ? size : sizeof(p->buf));

		if (n <= 0)
			return err_set(e, n < 0 ? errno : EBUSY, "read '%.200s'", p->path);
		if (archive_write_data(p->archive, p->buf, (size_t)n) != n)
			return archive_failure(p, e);
		size -= (uint64_t)n;
	}
	return 0;
}

static int pack_file(struct pack *p, int dir_fd, const char *name, const struct stat *st,
		     struct archive_entry *entry, struct err *e)
{
	const char *first = st->st_nlink > 1 ? find_known(p, st->st_ino) : NULL;
	AUTO_CLOSE int fd = -EBADF;
	int r = 0;

	if (first) {
		archive_entry_set_hardlink(entry, first);
		archive_entry_unset_size(entry);
		return write_header(p, entry, e);
	}
	if (st->st_nlink > 1)
		r = remember(p, st->st_ino, e);
	fd = open_entry(dir_fd, name, O_RDONLY);
	if (r == 0 && fd < 0)
		r = err_set(e, errno, "open '%.200s'", p->path);
	if (r == 0)
		r = add_xattrs(p, fd, entry, e);
	if (r == 0)
		r = write_header(p, entry, e);
	return r < 0 ? r : write_content(p, fd, (uint64_t)st->st_size, e);
}

static int pack_link(struct pack *p, int dir_fd, const char *name, struct archive_entry *entry,
		     struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, errno, "read link '%.200s'", p->path);
	target[n] = '\0';
	archive_entry_set_symlink(entry, target);
	return write_header(p, entry, e);
}

static int pack_subdirectory(struct pack *p, int dir_fd, const char *name, size_t length,
			     unsigned depth, struct archive_entry *entry, struct err *e)
{
	AUTO_CLOSE int fd = open_entry(dir_fd, name, O_RDONLY | O_DIRECTORY);
	int r;

	if (fd < 0)
		return err_set(e, errno, "open '%.200s'", p->path);
	r = add_xattrs(p, fd, entry, e);
	if (r == 0)
		r = write_header(p, entry, e);
	return r < 0 ? r : pack_directory(p, fd, length, depth + 1, e);
}

static int pack_by_type(struct pack *p, int dir_fd, const char *name, const struct stat *st,
			size_t length, unsigned depth, struct archive_entry *entry, struct err *e)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return pack_file(p, dir_fd, name, st, entry, e);
	case S_IFDIR:
		return pack_subdirectory(p, dir_fd, name, length, depth, entry, e);
	case S_IFLNK:
		return pack_link(p, dir_fd, name, entry, e);
	case S_IFIFO:
		return write_header(p, entry, e);
	case S_IFSOCK:
		p->result->skipped[UNPACK_SKIPPED_SOCKETS]++;
		return 0;
	default:
		p->result->skipped[UNPACK_SKIPPED_DEVICES]++;
		return 0;
	}
}

static int pack_entry(struct pack *p, int dir_fd, const char *name, size_t length, unsigned depth,
		      struct err *e)
{
	struct archive_entry *entry;
	struct stat st;
	int n = snprintf(p->path + length, sizeof(p->path) - length, "%s%s", length ? "/" : "",
			 name);
	int r;

	if (n < 0 || (size_t)n >= sizeof(p->path) - length || depth > p->limits->max_depth)
		return err_set(e, EINVAL, "pack '%.200s': its path is too long", p->path);
	if (++p->result->entries > p->limits->max_entries)
		return err_set(e, E2BIG, "pack more than %llu entries",
			       (unsigned long long)p->limits->max_entries);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "look at '%.200s'", p->path);
	entry = archive_entry_new();
	if (!entry)
		return err_set(e, ENOMEM, "pack '%.200s'", p->path);
	archive_entry_copy_stat(entry, &st);
	archive_entry_set_pathname(entry, p->path);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	archive_entry_unset_birthtime(entry);
	r = pack_by_type(p, dir_fd, name, &st, length + (size_t)n, depth, entry, e);
	archive_entry_free(entry);
	return r;
}

/* ---- directories ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **items;
	size_t n, allocated;
};

static int add_name(struct pack *p, struct names *names, const char *name)
{
	char **more;

	if (names->n == names->allocated) {
		if (names->n > p->limits->max_entries)
			return -E2BIG;
		more = reallocarray(names->items, 2 * names->n + 32, sizeof(*more));
		if (!more)
			return -ENOMEM;
		names->items = more;
		names->allocated = 2 * names->n + 32;
	}
	names->items[names->n] = strdup(name);
	return names->items[names->n++] ? 0 : -ENOMEM;
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

/* The names in DIR_FD, sorted. */
static int read_names(struct pack *p, int dir_fd, struct names *names, struct err *e)
{
	int copy = open_entry(dir_fd, ".", O_RDONLY | O_DIRECTORY), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!dir) {
		fd_close(&copy);
		return err_set(e, errno, "open '%.200s'", p->path);
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = add_name(p, names, entry->d_name);
	}
	closedir(dir);
	if (r < 0)
		return err_set(e, -r, "read directory '%.200s'", p->path);
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(*names->items), compare_names);
	return 0;
}

/* Its path is the first LENGTH bytes of P's. */
static int pack_directory(struct pack *p, int dir_fd, size_t length, unsigned depth, struct err *e)
{
	struct names names = { 0 };
	int r = read_names(p, dir_fd, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = pack_entry(p, dir_fd, names.items[i], length, depth, e);
	free_names(&names);
	return r;
}

static struct archive *open_archive(int out_fd, struct err *e)
{
	struct archive *archive = archive_write_new();

	if (archive && archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
	    archive_write_set_bytes_per_block(archive, BLOCK_BYTES) == ARCHIVE_OK &&
	    archive_write_set_bytes_in_last_block(archive, 512) == ARCHIVE_OK &&
	    archive_write_open_fd(archive, out_fd) == ARCHIVE_OK)
		return archive;
	(void)archive_write_free(archive);
	err_set(e, ENOMEM, "pack");
	return NULL;
}

int pack_all(int root_fd, int out_fd, const struct unpack_limits *limits,
	     struct unpack_result *result, struct err *e)
{
	static struct pack p;
	int r;

	p = (struct pack){ .limits = limits, .result = result };
	p.archive = open_archive(out_fd, e);
	if (!p.archive)
		return -e->code;
	r = pack_directory(&p, root_fd, 0, 1, e);
	if (r == 0 && archive_write_close(p.archive) != ARCHIVE_OK)
		r = archive_failure(&p, e);
	(void)archive_write_free(p.archive);
	for (size_t i = 0; i < p.n_known; i++)
		free(p.known[i].path);
	free(p.known);
	return r;
}
