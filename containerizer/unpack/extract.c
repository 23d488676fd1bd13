#include "containerizer/unpack/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "containerizer/unpack/attributes.h"
#include "containerizer/unpack/feed.h"
#include "containerizer/unpack/place.h"
#include "lib/cleanup.h"
#include "lib/open_resolved.h"

/* Marks of removal in layers, as the image specification names them. */
static const char whiteout[] = ".wh.", opaque[] = ".wh..wh..opq", reserved[] = ".wh..wh.";

/* A directory's times change with everything that is put into it: so they are set at the end. */
struct directory_time {
	char *path;
	struct timespec mtime;
};

struct extract {
	struct archive *archive;
	enum unpack_mode mode;
	const struct unpack_limits *limits;
	struct unpack_result *result;
	struct places places;
	struct directory_time *times;
	size_t n_times, allocated;
};

static int archive_error(struct archive *archive, const char *doing, struct err *e)
{
	const char *text = archive_error_string(archive);

	return err_set(e, EINVAL, "%s: %s", doing, text ? text : "not a tar archive");
}

int extract_open(struct feed *feed, struct archive **ret, struct err *e)
{
	struct archive *archive = archive_read_new();

	if (!archive)
		return err_set(e, ENOMEM, "open the archive");
	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    feed_attach(feed, archive) != ARCHIVE_OK) {
		int r = archive_error(archive, "open the archive", e);

		(void)archive_read_free(archive);
		return r;
	}
	*ret = archive;
	return 0;
}

/* ---- what an entry is made of ---- */

static int write_data(struct extract *x, int fd, const struct place *place, struct err *e)
{
	const void *data;
	size_t size;
	int64_t offset;
	int r;

	while ((r = archive_read_data_block(x->archive, &data, &size, &offset)) == ARCHIVE_OK) {
		x->result->bytes += size;
		if (x->result->bytes > x->limits->max_bytes)
			return err_set(e, EFBIG, "unpack '%.200s': the archive comes to more than "
				       "%llu bytes", place->path,
				       (unsigned long long)x->limits->max_bytes);
		while (size > 0) {
			ssize_t n = pwrite(fd, data, size, offset);

			if (n < 0)
				return err_set(e, errno, "write '%.200s'", place->path);
			data = (const char *)data + n;
			offset += n;
			size -= (size_t)n;
		}
	}
	return r == ARCHIVE_EOF ? 0 : archive_error(x->archive, place->path, e);
}

/* Looks for what is there only when something is: archives seldom say a thing twice. */
static int create_file(struct extract *x, const struct place *place, mode_t mode, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(place->parent_fd, place->name, flags, mode), r;

	if (fd < 0 && errno == EEXIST) {
		r = place_clear(&x->places, place, false, e);
		if (r < 0)
			return r;
		fd = openat(place->parent_fd, place->name, flags, mode);
	}
	return fd < 0 ? err_set(e, errno, "create '%.200s'", place->path) : fd;
}

static int make_file(struct extract *x, struct archive_entry *entry, const struct place *place,
		     struct err *e)
{
	int64_t size = archive_entry_size(entry);
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;
	int r;

	if (size < 0 || (uint64_t)size > x->limits->max_file_bytes)
		return err_set(e, EFBIG, "unpack '%.200s': longer than %llu bytes", place->path,
			       (unsigned long long)x->limits->max_file_bytes);
	fd = create_file(x, place, archive_entry_mode(entry) & 0777, e);
	if (fd < 0)
		return fd;
	r = size > 0 ? write_data(x, fd, place, e) : 0;
	if (r < 0)
		return r;
	/* It may end with a hole. */
	if (archive_entry_sparse_count(entry) > 0 &&
	    (fstat(fd, &st) < 0 || (st.st_size < size && ftruncate(fd, size) < 0)))
		return err_set(e, errno, "write '%.200s'", place->path);
	return attributes_set(fd, entry, place->path, e);
}

static int note_time(struct extract *x, struct archive_entry *entry, const struct place *place,
		     struct err *e)
{
	struct directory_time *more;

	if (x->n_times == x->allocated) {
		x->allocated = x->allocated ? 2 * x->allocated : 256;
		more = reallocarray(x->times, x->allocated, sizeof(*more));
		if (!more)
			return err_set(e, ENOMEM, "unpack '%.200s'", place->path);
		x->times = more;
	}
	x->times[x->n_times].path = strdup(place->path);
	if (!x->times[x->n_times].path)
		return err_set(e, ENOMEM, "unpack '%.200s'", place->path);
	x->times[x->n_times++].mtime = attributes_mtime(entry);
	return 0;
}

static int open_made(int fd, const char *path)
{
	return open_resolved(fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			     RESOLVE_IN_ROOT | RESOLVE_NO_XDEV);
}

/* An entry that names the root itself says how the root is. */
static int make_directory(struct extract *x, struct archive_entry *entry,
			  const struct place *place, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r = *place->name ? place_clear(&x->places, place, true, e) : 1;

	if (r < 0)
		return r;
	if (r == 0 && mkdirat(place->parent_fd, place->name, 0700) < 0)
		return err_set(e, errno, "create directory '%.200s'", place->path);
	fd = open_made(place->parent_fd, place->name);
	if (fd < 0)
		return err_set(e, errno, "open directory '%.200s'", place->path);
	r = attributes_set(fd, entry, place->path, e);
	return r < 0 ? r : note_time(x, entry, place, e);
}

static int make_symlink(struct extract *x, struct archive_entry *entry, const struct place *place,
			struct err *e)
{
	const char *target = archive_entry_symlink(entry);

	(void)x;
	if (!target || !*target)
		return err_set(e, EINVAL, "unpack '%.200s': a link to nothing", place->path);
	if (symlinkat(target, place->parent_fd, place->name) < 0)
		return err_set(e, errno, "link '%.200s'", place->path);
	return attributes_set_at(place->parent_fd, place->name, entry, place->path, e);
}

static int make_fifo(struct extract *x, struct archive_entry *entry, const struct place *place,
		     struct err *e)
{
	(void)x;
	if (mknodat(place->parent_fd, place->name, S_IFIFO | 0600, 0) < 0)
		return err_set(e, errno, "create fifo '%.200s'", place->path);
	return attributes_set_at(place->parent_fd, place->name, entry, place->path, e);
}

/* To what the archive has brought itself, under any name, links included. */
static int make_hard_link(struct extract *x, const char *raw, const struct place *place,
			  struct err *e)
{
	char path[PATH_MAX], *slash;
	AUTO_CLOSE int fd = -EBADF;
	int r = place_clean(raw, x->limits->max_depth, path, e);

	if (r < 0)
		return r;
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	fd = open_made(x->places.root_fd, slash ? path : "");
	if (fd >= 0 && linkat(fd, slash ? slash + 1 : path, place->parent_fd, place->name, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(e, EINVAL, "link '%.200s' to '%.200s', which is not in the archive",
			       place->path, raw);
	return err_set(e, errno, "link '%.200s' to '%.200s'", place->path, raw);
}

/* ---- marks ---- */

/* What the archive itself has put there is not meant: the mark speaks of the layers below. */
static int hide_name(struct extract *x, const struct place *place, struct err *e)
{
	struct place hidden = *place;
	struct stat st;

	hidden.name = place->name + strlen(whiteout);
	if (!*hidden.name || strcmp(hidden.name, ".") == 0 || strcmp(hidden.name, "..") == 0)
		return err_set(e, EINVAL, "unpack '%.200s': removes nothing", place->path);
	if (fstatat(place->parent_fd, hidden.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)strcpy(hidden.path + (place->name - place->path), hidden.name);
		return S_ISDIR(st.st_mode) ? report_path(x->places.report, UNPACK_NOTE_OPAQUE,
							 hidden.path, e) : 0;
	}
	/* The one device that every user may make: the kernel takes it for what it is. */
	if (mknodat(place->parent_fd, hidden.name, S_IFCHR, makedev(0, 0)) < 0)
		return err_set(e, errno, "hide '%.200s'", place->path);
	return 0;
}

/* 1: it was a mark. */
static int obey_mark(struct extract *x, const struct place *place, struct err *e)
{
	char parent[PATH_MAX], *slash;
	int r = 0;

	if (x->mode != UNPACK_LAYER || strncmp(place->name, whiteout, strlen(whiteout)) != 0)
		return 0;
	if (strcmp(place->name, opaque) == 0) {
		memcpy(parent, place->path, sizeof(parent));
		slash = strrchr(parent, '/');
		*(slash ? slash : parent) = '\0';
		r = report_path(x->places.report, UNPACK_NOTE_OPAQUE, parent, e);
	} else if (strncmp(place->name, reserved, strlen(reserved)) != 0) {
		r = hide_name(x, place, e);
	}
	return r < 0 ? r : 1;
}

/* ---- the archive ---- */

static const struct entry_kind {
	mode_t type;
	int (*make)(struct extract *x, struct archive_entry *entry, const struct place *place,
		    struct err *e);
	enum unpack_skipped skipped;	/* without make */
} kinds[] = {
	{ AE_IFREG, make_file, 0 },
	{ AE_IFDIR, make_directory, 0 },
	{ AE_IFLNK, make_symlink, 0 },
	{ AE_IFIFO, make_fifo, 0 },
	{ AE_IFCHR, NULL, UNPACK_SKIPPED_DEVICES },
	{ AE_IFBLK, NULL, UNPACK_SKIPPED_DEVICES },
	{ AE_IFSOCK, NULL, UNPACK_SKIPPED_SOCKETS },
};

static int make_entry(struct extract *x, struct archive_entry *entry, const struct place *place,
		      struct err *e)
{
	const char *link = archive_entry_hardlink(entry);
	mode_t type = archive_entry_filetype(entry);
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (link || kinds[i].type != type)
			continue;
		if (!kinds[i].make) {
			x->result->skipped[kinds[i].skipped]++;
			return 0;
		}
		/* A directory decides itself what may stay, and a file looks when it has to. */
		r = type == AE_IFDIR || type == AE_IFREG ? 0
			: place_clear(&x->places, place, false, e);
		return r < 0 ? r : kinds[i].make(x, entry, place, e);
	}
	if (!link)
		return err_set(e, EINVAL, "unpack '%.200s': of unknown type", place->path);
	r = place_clear(&x->places, place, false, e);
	return r < 0 ? r : make_hard_link(x, link, place, e);
}

static int extract_entry(struct extract *x, struct archive_entry *entry, struct err *e)
{
	const char *raw = archive_entry_pathname(entry);
	struct place place;
	int r;

	if (++x->result->entries > x->limits->max_entries)
		return err_set(e, E2BIG, "unpack more than %llu entries",
			       (unsigned long long)x->limits->max_entries);
	if (!raw || !*raw)
		return err_set(e, EINVAL, "unpack an entry without a name");
	r = place_find(&x->places, raw, &place, e);
	if (r < 0)
		return r;
	if (!*place.name && archive_entry_filetype(entry) != AE_IFDIR)
		return err_set(e, EINVAL, "unpack '%.200s' in the place of the root", raw);
	r = obey_mark(x, &place, e);
	if (r == 0)
		r = make_entry(x, entry, &place, e);
	return r < 0 ? r : 0;
}

/* The last word on a directory is its last entry's; one that has gone since needs none. */
static void set_times(struct extract *x)
{
	for (size_t i = 0; i < x->n_times; i++) {
		struct timespec times[2] = { x->times[i].mtime, x->times[i].mtime };
		const char *path = x->times[i].path;
		AUTO_CLOSE int fd = open_made(x->places.root_fd, path);

		if (fd >= 0)
			(void)futimens(fd, times);
	}
}

int extract_all(struct archive *archive, int root_fd, enum unpack_mode mode,
		const struct unpack_limits *limits, struct report *report,
		struct unpack_result *result, struct err *e)
{
	struct extract x = {
		.archive = archive, .mode = mode, .limits = limits, .result = result,
		.places = { .root_fd = root_fd, .max_depth = limits->max_depth,
			    .report = report, .parent_fd = -EBADF },
	};
	struct archive_entry *entry;
	int r = 0, got;

	while ((got = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
	       got == ARCHIVE_WARN) {
		r = extract_entry(&x, entry, e);
		if (r < 0)
			break;
	}
	if (r == 0 && got != ARCHIVE_EOF)
		r = archive_error(archive, "read the archive", e);
	if (r == 0)
		set_times(&x);
	for (size_t i = 0; i < x.n_times; i++)
		free(x.times[i].path);
	free(x.times);
	places_done(&x.places);
	return r;
}
