#include "lib/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/err.h"

DEFINE_AUTO(sqlite3 *, sqlite3_close);
DEFINE_AUTO(sqlite3_stmt *, sqlite3_finalize);

/* What SQLite keeps beside its file; each belongs to that file and to no other. */
static const char *const file_suffixes[] = { "", "-wal", "-shm", "-journal" };

uint32_t store_file_checksum(const char *kind, const char *key, const void *data, size_t size)
{
	/* With the NUL bytes, so that no byte can move from one part to the next unseen. */
	uint32_t crc = crc32c(0, kind, strlen(kind) + 1);

	crc = crc32c(crc, key, strlen(key) + 1);
	return crc32c(crc, data, size);
}

/* -EUCLEAN stands for "not a sound database" in this file; CALL is the errno of the failed call. */
static int errno_of(sqlite3 *db, int rc, int call)
{
	switch (rc) {
	case SQLITE_IOERR_SHORT_READ:
	case SQLITE_IOERR_CORRUPTFS:
		return EUCLEAN;
	default:
		break;
	}
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR:	/* our statements are right: the tables are not ours */
		return EUCLEAN;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_TOOBIG:
		return E2BIG;
	default:
		break;
	}
	/*
	 * A limit on file sizes or a quota is a full disk to whoever has to decide what to do; of
	 * these SQLite says no more than "I/O error".
	 */
	if (call == EFBIG || call == EDQUOT || call == ENOSPC)
		return ENOSPC;
	if ((rc & 0xff) == SQLITE_CANTOPEN && sqlite3_system_errno(db) > 0)
		return sqlite3_system_errno(db);
	return EIO;
}

int store_file_error(sqlite3 *db, int rc, const char *doing, struct err *e)
{
	int call = errno;
	const char *file = sqlite3_db_filename(db, "main");

	return err_set(e, errno_of(db, rc, call), "%s '%s': %s", doing, file ? file : "",
		       sqlite3_errmsg(db));
}

enum { LOCK_TRIES = 20, LOCK_PAUSE_MS = 10 };

static char *join(const char *path, const char *suffix)
{
	char *joined;

	return asprintf(&joined, "%s%s", path, suffix) < 0 ? NULL : joined;
}

int store_file_lock(const char *path, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	AUTO_FREE char *name = join(path, ".lock");
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (!name)
		return err_set(e, ENOMEM, "lock '%s'", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", name);
	/*
	 * A daemon that was killed while it started a process leaves it the lock for the moment
	 * until that executes its program; the next daemon may be as quick.
	 */
	for (int i = 0; (r = fcntl(fd, F_OFD_SETLK, &lock)) < 0 && i < LOCK_TRIES &&
			(errno == EAGAIN || errno == EACCES); i++)
		(void)nanosleep(&pause, NULL);
	if (r < 0)
		return err_set(e, errno == EAGAIN || errno == EACCES ? EBUSY : errno,
			       "lock '%s'", path);
	return TAKE_FD(fd);
}

static int sync_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int fd = -EBADF;

	if (slash)
		name = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	else
		name = strdup(".");
	if (!name)
		return err_set(e, ENOMEM, "sync directory of '%s'", path);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set(e, errno, "sync directory '%s'", name);
	return 0;
}

/* SQLite gives its side files the mode of the main one, so that one is made here. */
static int create(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "open '%s': not a regular file", path);
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return err_set(e, errno, "change mode of '%s'", path);
	return sync_directory(path, e);
}

/* Run SQL and compare the first column of the first row, if EXPECTED is not NULL. */
static int run(sqlite3 *db, const char *sql, const char *expected, struct err *e)
{
	AUTO(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
	const char *answer;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return store_file_error(db, rc, "open", e);
	if (!expected)
		return 0;
	answer = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (!answer || strcmp(answer, expected) != 0)
		return err_set(e, EUCLEAN, "open '%s': '%s' is '%s'",
			       sqlite3_db_filename(db, "main"), sql, answer ? answer : "");
	return 0;
}

static const struct {
	const char *sql, *expected;
} start_statements[] = {
	/* One process, and no shared memory: a full disk cannot end it with a bus error. */
	{ "PRAGMA locking_mode=EXCLUSIVE", "exclusive" },
	{ "PRAGMA cell_size_check=ON", NULL },
	{ "PRAGMA journal_mode=WAL", "wal" },
	{ "PRAGMA synchronous=FULL", NULL },
	{ "PRAGMA journal_size_limit=4194304", NULL },
	{ "PRAGMA quick_check(1)", "ok" },
	{ "CREATE TABLE IF NOT EXISTS record (kind TEXT NOT NULL, key TEXT NOT NULL,"
	  " crc INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
	  NULL },
	{ "SELECT kind, key, crc, data FROM record LIMIT 1", NULL },
};

static int open_checked(const char *path, sqlite3 **ret, struct err *e)
{
	enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX };
	AUTO(sqlite3_closep) sqlite3 *db = NULL;
	int rc, r;

	r = create(path, e);
	if (r < 0)
		return r;
	rc = sqlite3_open_v2(path, &db, FLAGS, NULL);
	if (!db)
		return err_set(e, ENOMEM, "open '%s'", path);
	if (rc != SQLITE_OK)
		return store_file_error(db, rc, "open", e);
	(void)sqlite3_extended_result_codes(db, 1);
	/* The log of a file that turns out to be bad stays what it is, to be set aside with it. */
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(start_statements); i++) {
		r = run(db, start_statements[i].sql, start_statements[i].expected, e);
		if (r < 0)
			return r;
	}
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	*ret = TAKE_PTR(db);
	return 0;
}

/* Count the records, and those whose checksum is wrong. */
static int count_records(sqlite3 *db, unsigned *ret_n, unsigned *ret_bad, struct err *e)
{
	static const char sql[] = "SELECT kind, key, crc, data FROM record";
	AUTO(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	*ret_n = *ret_bad = 0;
	if (rc != SQLITE_OK)
		return store_file_error(db, rc, "read", e);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *kind = (const char *)sqlite3_column_text(statement, 0);
		const char *key = (const char *)sqlite3_column_text(statement, 1);
		const void *data = sqlite3_column_blob(statement, 3);
		size_t size = (size_t)sqlite3_column_bytes(statement, 3);

		(*ret_n)++;
		if (!kind || !key || store_file_checksum(kind, key, data, size) !=
					     (uint32_t)sqlite3_column_int64(statement, 2))
			(*ret_bad)++;
	}
	return rc == SQLITE_DONE ? 0 : store_file_error(db, rc, "read", e);
}

static int sync_file(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fsync(fd) < 0)
		return err_set(e, errno, "sync '%s'", path);
	return 0;
}

static int vacuum_into(sqlite3 *db, const char *path, struct err *e)
{
	AUTO(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
	AUTO_CLOSE int fd = -EBADF;
	int rc;

	/* SQLite writes into an empty file; so this one is ours and private. */
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", path);
	rc = sqlite3_prepare_v2(db, "VACUUM INTO ?", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_DONE)
		return store_file_error(db, rc, "back up", e);
	return sync_file(path, e);
}

/* The old backup stays until the new one is whole and on the disk. */
static int back_up(sqlite3 *db, const char *path, struct err *e)
{
	AUTO_FREE char *backup = join(path, ".backup");
	AUTO_FREE char *new = join(path, ".backup.new");
	int r;

	if (!backup || !new)
		return err_set(e, ENOMEM, "back up '%s'", path);
	r = vacuum_into(db, new, e);
	if (r < 0) {
		(void)unlink(new);
		return r;
	}
	if (rename(new, backup) < 0)
		return err_set(e, errno, "rename '%s'", new);
	return sync_directory(path, e);
}

static int move_files(const char *from, const char *to, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_suffixes); i++) {
		AUTO_FREE char *old = join(from, file_suffixes[i]);
		AUTO_FREE char *new = join(to, file_suffixes[i]);

		if (!old || !new)
			return err_set(e, ENOMEM, "rename '%s'", from);
		if (rename(old, new) < 0 && errno != ENOENT)
			return err_set(e, errno, "rename '%s'", old);
	}
	return sync_directory(from, e);
}

static int copy_bytes(int in_fd, int out_fd)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(in_fd, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0, written; done < n; done += written) {
			written = write(out_fd, buf + done, (size_t)(n - done));
			if (written < 0)
				return -errno;
		}
	}
	return n < 0 || fsync(out_fd) < 0 ? -errno : 0;
}

/* Put a copy of the backup in the place of PATH.  Returns 1 when there was one, else 0. */
static int restore(const char *path, struct err *e)
{
	AUTO_FREE char *backup = join(path, ".backup");
	AUTO_FREE char *copy = join(path, ".restored");
	AUTO_CLOSE int in_fd = -EBADF;
	AUTO_CLOSE int out_fd = -EBADF;
	int r;

	if (!backup || !copy)
		return err_set(e, ENOMEM, "restore '%s'", path);
	in_fd = open(backup, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in_fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", backup);
	out_fd = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out_fd < 0)
		return err_set(e, errno, "create '%s'", copy);
	r = copy_bytes(in_fd, out_fd);
	if (r < 0) {
		(void)unlink(copy);
		return err_set(e, -r, "copy '%s'", backup);
	}
	if (rename(copy, path) < 0)
		return err_set(e, errno, "rename '%s'", copy);
	r = sync_directory(path, e);
	return r < 0 ? r : 1;
}

/*
 * PATH is gone or empty although there is a backup.  It is never so by our doing: the first thing
 * an opened file gets is its header.  So either the file system lost it, or a mending was cut off
 * between its two renames.  A single byte counts as empty, because it does to SQLite.
 */
static bool is_lost(const char *path)
{
	AUTO_FREE char *backup = join(path, ".backup");
	struct stat st;

	if (!backup || stat(backup, &st) < 0)
		return false;
	return stat(path, &st) < 0 ? errno == ENOENT : st.st_size <= 1;
}

/* Replace the file at PATH; on success *RET is open. */
static int mend(const char *path, const char *problem, sqlite3 **ret, char **ret_notice,
		struct err *e)
{
	char when[CLOCK_TEXT_SIZE];
	AUTO_FREE char *aside = NULL;
	const char *source = "the backup";
	int r, restored;

	clock_format(clock_wall_ms(), when);
	if (asprintf(&aside, "%s.corrupt-%s", path, when) < 0) {
		aside = NULL;
		return err_set(e, ENOMEM, "rename '%s'", path);
	}
	r = move_files(path, aside, e);
	if (r < 0)
		return r;
	restored = restore(path, e);
	if (restored < 0)
		return restored;
	r = open_checked(path, ret, e);
	if (r == -EUCLEAN && restored) {
		err_clear(e);
		AUTO_FREE char *bad_copy = join(aside, ".backup");

		restored = 0;
		if (bad_copy)
			r = move_files(path, bad_copy, e);
		else
			r = err_set(e, ENOMEM, "mend '%s'", path);
		if (r == 0)
			r = open_checked(path, ret, e);
	}
	if (r < 0)
		return r;
	if (!restored)
		source = "an empty store, for want of a sound backup";
	if (asprintf(ret_notice, "%s; what was found is kept as '%s', replaced by %s", problem,
		     aside, source) < 0)
		*ret_notice = NULL;
	return 0;
}

/* A file that opened is checked record by record before it may replace the backup. */
static int renew_backup(sqlite3 *db, const char *path, char **notice, struct err *e)
{
	struct err backup_error = { 0 };
	unsigned n, n_bad;
	char text[sizeof(backup_error.msg) + 64];
	int r;

	r = count_records(db, &n, &n_bad, e);
	if (r < 0 || *notice)
		return r;
	if (n_bad > 0) {
		r = asprintf(notice, "'%s' has %u damaged records; its backup is kept as it is",
			     path, n_bad);
	} else if (n > 0 && back_up(db, path, &backup_error) < 0) {
		/* A disk too full for the backup is no reason not to start. */
		r = asprintf(notice, "%s", err_text(&backup_error, text, sizeof(text)));
	}
	if (r < 0)
		*notice = NULL;
	return 0;
}

int store_file_generation(sqlite3 *db, int *ret)
{
	AUTO(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		return -EIO;
	*ret = sqlite3_column_int(statement, 0);
	return 0;
}

/* Committed records are missing; a backup that cannot be read tells nothing. */
static bool is_older_than_backup(sqlite3 *db, const char *path)
{
	AUTO(sqlite3_closep) sqlite3 *backup = NULL;
	AUTO_FREE char *backup_path = join(path, ".backup");
	int ours, theirs;

	return backup_path &&
	       sqlite3_open_v2(backup_path, &backup, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	       store_file_generation(backup, &theirs) == 0 &&
	       store_file_generation(db, &ours) == 0 && ours < theirs;
}

int store_file_back_up(sqlite3 *db, const char *path, struct err *e)
{
	unsigned n, n_bad;
	int r = count_records(db, &n, &n_bad, e);

	if (r < 0)
		return r;
	if (n_bad > 0)
		return err_set(e, EUCLEAN, "back up '%s': %u records are damaged", path, n_bad);
	return back_up(db, path, e);
}

int store_file_open(const char *path, sqlite3 **ret, char **ret_notice, struct err *e)
{
	AUTO(sqlite3_closep) sqlite3 *db = NULL;
	AUTO_FREE char *notice = NULL;
	struct err found = { 0 };
	int r;

	if (is_lost(path))
		r = err_set(&found, EUCLEAN, "open '%s': empty or missing", path);
	else
		r = open_checked(path, &db, &found);
	if (r == 0 && is_older_than_backup(db, path)) {
		(void)sqlite3_close(TAKE_PTR(db));
		r = err_set(&found, EUCLEAN, "open '%s': older than its backup", path);
	}
	if (r == -EUCLEAN)
		r = mend(path, found.msg, &db, &notice, e);
	else if (r < 0)
		*e = found;
	if (r == 0)
		r = renew_backup(db, path, &notice, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(db);
	*ret_notice = TAKE_PTR(notice);
	return 0;
}
