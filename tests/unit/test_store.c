#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/crc32c.h"
#include "lib/err.h"
#include "lib/store.h"

/* A directory of its own for each test, and the path of a store in it. */
struct place {
	char directory[64];
	char path[128];
};

static int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->directory, "/tmp/test_store.XXXXXX");
	if (!mkdtemp(p->directory))
		return -1;
	(void)snprintf(p->path, sizeof(p->path), "%s/state", p->directory);
	*state = p;
	return 0;
}

/* Call FN for every file of the store. */
static void each_file(const struct place *p, void (*fn)(const char *path))
{
	DIR *directory = opendir(p->directory);
	struct dirent *entry;
	char path[400];

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", p->directory, entry->d_name);
		fn(path);
	}
	(void)closedir(directory);
}

static void remove_file(const char *path)
{
	(void)unlink(path);
}

static int place_teardown(void **state)
{
	struct place *p = *state;

	each_file(p, remove_file);
	(void)rmdir(p->directory);
	free(p);
	return 0;
}

static struct store *open_with_notice(const struct place *p, char **ret_notice)
{
	struct store *store = NULL;
	struct err e = { 0 };

	*ret_notice = NULL;
	if (store_open_sqlite(p->path, &store, ret_notice, &e) < 0)
		fail_msg("%s", e.msg);
	return store;
}

/* A start without anything to report. */
static struct store *open_sound(const struct place *p)
{
	char *notice;
	struct store *store = open_with_notice(p, &notice);

	if (notice)
		fail_msg("%s", notice);
	return store;
}

static void put(struct store *store, const char *kind, const char *key, const char *text)
{
	struct err e = { 0 };

	assert_int_equal(store_put(store, kind, key, text, strlen(text), &e), 0);
}

static void commit(struct store *store)
{
	struct err e = { 0 };

	if (store_commit(store, &e) < 0)
		fail_msg("%s", e.msg);
	assert_false(store_is_dirty(store));
}

/* Appends "key=data;". */
static int append(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	char *text = arg;

	(void)e;
	(void)snprintf(text + strlen(text), 2000 - strlen(text), "%s=%.*s;", key, (int)size,
		       (const char *)data);
	return 0;
}

static void assert_records(struct store *store, const char *kind, const char *expected)
{
	char text[2000] = "";
	struct err e = { 0 };

	assert_int_equal(store_each(store, kind, append, text, &e), 0);
	assert_string_equal(text, expected);
}

static void exercise(struct store *store)
{
	struct err e = { 0 };

	assert_false(store_is_dirty(store));
	put(store, "task", "b", "1");
	put(store, "task", "a", "2");
	put(store, "app", "a", "3");
	assert_true(store_is_dirty(store));
	assert_records(store, "task", "");
	commit(store);
	assert_records(store, "task", "a=2;b=1;");
	assert_records(store, "app", "a=3;");
	assert_records(store, "ta", "");

	/* The last write of a turn wins, whichever it is. */
	put(store, "task", "a", "4");
	put(store, "task", "a", "5");
	assert_int_equal(store_delete(store, "task", "b", &e), 0);
	assert_int_equal(store_delete(store, "task", "none", &e), 0);
	put(store, "task", "c", "6");
	assert_int_equal(store_delete(store, "task", "c", &e), 0);
	assert_int_equal(store_delete(store, "app", "a", &e), 0);
	put(store, "app", "a", "");
	assert_records(store, "task", "a=2;b=1;");
	commit(store);
	assert_records(store, "task", "a=5;");
	assert_records(store, "app", "a=;");
	commit(store);
	assert_int_equal(store_corrupt_records(store), 0);
}

static void test_memory(void **state)
{
	struct store *store = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_open_memory(&store, &e), 0);
	exercise(store);
	put(store, "left", "pending", "at the end");
	store_close(store);
	store_close(NULL);
}

static void test_file(void **state)
{
	struct place *p = *state;
	struct store *store = open_sound(p);

	exercise(store);
	put(store, "task", "lost", "never committed");
	store_close(store);
	store = open_sound(p);
	assert_records(store, "task", "a=5;");
	assert_records(store, "app", "a=;");
	store_close(store);
}

static void assert_private(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	if ((st.st_mode & 07777) != 0600)
		fail_msg("%s has mode %o", path, st.st_mode & 07777);
}

static void test_files_are_private(void **state)
{
	struct place *p = *state;
	mode_t saved = umask(0);
	struct store *store = open_sound(p);

	put(store, "k", "a", "1");
	commit(store);
	each_file(p, assert_private);
	store_close(store);
	/* One that was opened up by hand is closed again. */
	assert_int_equal(chmod(p->path, 0644), 0);
	store = open_sound(p);
	each_file(p, assert_private);
	store_close(store);
	(void)umask(saved);
}

static void test_binary_data_and_strange_keys(void **state)
{
	static const char data[] = "\0\1\xff'\"\0";
	struct place *p = *state;
	struct store *store = open_sound(p);
	struct err e = { 0 };

	assert_int_equal(store_put(store, "k", "'; DROP TABLE record;--", data, sizeof(data), &e),
			 0);
	assert_int_equal(store_put(store, "k", "", NULL, 0, &e), 0);
	assert_int_equal(store_put(store, "k", "\xff\xfe", "x", 1, &e), 0);
	commit(store);
	store_close(store);
	store = open_sound(p);
	assert_records(store, "k", "=;'; DROP TABLE record;--=;\xff\xfe=x;");
	store_close(store);
}

static int refuse(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	int *n = arg;

	(void)data;
	(void)size;
	(*n)++;
	return err_set(e, EBADMSG, "read '%s'", key);
}

static void test_callback_ends_the_walk(void **state)
{
	struct place *p = *state;
	struct store *store = open_sound(p);
	struct err e = { 0 };
	int n = 0;

	put(store, "k", "a", "1");
	put(store, "k", "b", "1");
	commit(store);
	assert_int_equal(store_each(store, "k", refuse, &n, &e), -EBADMSG);
	assert_string_equal(e.msg, "read 'a'");
	assert_int_equal(n, 1);
	store_close(store);
}

static void test_second_opener_is_refused(void **state)
{
	struct place *p = *state;
	struct store *store = open_sound(p), *second = NULL;
	struct err e = { 0 };
	pid_t pid;
	int status;

	assert_int_equal(store_open_sqlite(p->path, &second, NULL, &e), -EBUSY);
	assert_memory_equal(e.msg, "lock '", 6);
	pid = fork();
	if (pid == 0) {
		err_clear(&e);
		_exit(store_open_sqlite(p->path, &second, NULL, &e) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	store_close(store);
	store_close(open_sound(p));
}

static void test_missing_directory(void **state)
{
	struct store *store = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_open_sqlite("/nonexistent/state", &store, NULL, &e), -ENOENT);
	assert_string_equal(e.msg, "open '/nonexistent/state.lock'");
	assert_null(store);
}

static void test_not_a_file(void **state)
{
	struct place *p = *state;
	struct store *store = NULL;
	struct err e = { 0 };

	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(store_open_sqlite(p->path, &store, NULL, &e), -EISDIR);
	assert_int_equal(rmdir(p->path), 0);
	err_clear(&e);
	assert_int_equal(symlink("/etc/passwd", p->path), 0);
	assert_int_equal(store_open_sqlite(p->path, &store, NULL, &e), -ELOOP);
	err_clear(&e);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(store_open_sqlite(p->path, &store, NULL, &e), -EINVAL);
}

/* What a daemon that is killed has committed is there; what it has not is not. */
static void test_killed_without_close(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		struct store *store;
		char key[16], expected[64], all[2000] = "";
		struct err e = { 0 };
		int status;

		(void)snprintf(key, sizeof(key), "%02d", i);
		if (pid == 0) {
			store = open_sound(p);
			put(store, "k", key, "committed");
			commit(store);
			put(store, "k", "never", "x");
			(void)raise(SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		store = open_sound(p);
		assert_int_equal(store_each(store, "k", append, all, &e), 0);
		(void)snprintf(expected, sizeof(expected), "%s=committed;", key);
		assert_non_null(strstr(all, expected));
		assert_null(strstr(all, "never"));
		store_close(store);
	}
}

/* Write BYTES over the file, from OFFSET on. */
static void damage(const char *path, off_t offset, const void *bytes, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, offset), (ssize_t)size);
	(void)close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* A store of some pages, whose backup has "old", and whose file has "old" and "new". */
static void fill(const struct place *p)
{
	struct store *store = open_sound(p);
	char data[1000], key[16];
	struct err e = { 0 };

	memset(data, 'd', sizeof(data));
	put(store, "k", "old", "1");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(key, sizeof(key), "%03d", i);
		assert_int_equal(store_put(store, "bulk", key, data, sizeof(data), &e), 0);
	}
	commit(store);
	store_close(store);
	store = open_sound(p);
	put(store, "k", "new", "2");
	commit(store);
	store_close(store);
}

static int kept_files;

static void count_kept(const char *path)
{
	kept_files += strstr(path, ".corrupt-") != NULL;
}

/* The file is not usable: the backup takes its place, and the old one is kept. */
static void assert_restored(const struct place *p, const char *expected)
{
	char *notice;
	struct store *store = open_with_notice(p, &notice);

	assert_non_null(notice);
	assert_non_null(strstr(notice, p->path));
	assert_records(store, "k", expected);
	kept_files = 0;
	each_file(p, count_kept);
	assert_true(kept_files > 0);
	free(notice);
	/* It works again, and the next start has nothing to report. */
	put(store, "k", "zzz", "3");
	commit(store);
	store_close(store);
	store_close(open_sound(p));
}

static void test_garbage_without_backup(void **state)
{
	struct place *p = *state;
	char garbage[10000];

	memset(garbage, 'x', sizeof(garbage));
	damage(p->path, 0, garbage, sizeof(garbage));
	assert_restored(p, "");
}

static void test_garbage_with_backup(void **state)
{
	struct place *p = *state;
	char garbage[5000];

	fill(p);
	memset(garbage, 'x', sizeof(garbage));
	damage(p->path, 0, garbage, sizeof(garbage));
	assert_restored(p, "old=1;");
}

static void test_garbage_in_both(void **state)
{
	struct place *p = *state;
	char garbage[5000], backup[200];

	fill(p);
	(void)snprintf(backup, sizeof(backup), "%s.backup", p->path);
	memset(garbage, 'x', sizeof(garbage));
	damage(p->path, 0, garbage, sizeof(garbage));
	damage(backup, 0, garbage, sizeof(garbage));
	assert_restored(p, "");
}

static void test_foreign_database(void **state)
{
	struct place *p = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE record (other)", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_restored(p, "");
}

static void test_file_is_gone(void **state)
{
	struct place *p = *state;
	char *notice;
	struct store *store;

	fill(p);
	assert_int_equal(unlink(p->path), 0);
	store = open_with_notice(p, &notice);
	assert_non_null(strstr(notice, "replaced by the backup"));
	assert_records(store, "k", "old=1;");
	free(notice);
	store_close(store);
}

static void test_truncated(void **state)
{
	static const off_t lengths[] = { 0, 1, 15, 16, 99, 100, 512, 4095, 4096, 4097, 8192, 20000,
					 40000 };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		each_file(p, remove_file);
		fill(p);
		assert_true(size_of(p->path) > 40000);
		assert_int_equal(truncate(p->path, lengths[i]), 0);
		assert_restored(p, "old=1;");
	}
}

/*
 * One flipped byte anywhere: the start succeeds, and no record is ever given out that was not
 * written so.  A damaged page is found by SQLite, a damaged record by its checksum.
 */
static int check_bulk(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	const char *text = data;
	int *n = arg;

	(void)e;
	(void)key;
	assert_int_equal(size, 1000);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(text[i], 'd');
	(*n)++;
	return 0;
}

static void test_flipped_bytes(void **state)
{
	struct place *p = *state;
	int n_restored = 0, n_aside = 0;
	off_t size;

	fill(p);
	size = size_of(p->path);
	for (off_t offset = 3; offset < size; offset += 397) {
		struct store *store;
		struct err e = { 0 };
		char *notice, byte;
		int n = 0, fd;

		each_file(p, remove_file);
		fill(p);
		fd = open(p->path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, offset), 1);
		(void)close(fd);
		byte ^= 0x10;
		damage(p->path, offset, &byte, 1);

		store = open_with_notice(p, &notice);
		assert_int_equal(store_each(store, "bulk", check_bulk, &n, &e), 0);
		n_restored += notice && strstr(notice, "replaced by the backup");
		n_aside += store_corrupt_records(store) > 0;
		assert_true(n == 40 || (notice && n < 40));
		free(notice);
		store_close(store);
	}
	assert_true(n_restored > 0);
	assert_true(n_aside > 0);
}

static void test_damaged_record_is_set_aside(void **state)
{
	struct place *p = *state;
	struct store *store;
	char *notice;
	sqlite3 *db;

	fill(p);
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE record SET data = 'bad' WHERE key = 'new'", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	for (int i = 0; i < 2; i++) {
		store = open_with_notice(p, &notice);
		assert_non_null(strstr(notice, "has 1 damaged records; its backup is kept"));
		free(notice);
		assert_records(store, "k", "old=1;");
		assert_int_equal(store_corrupt_records(store), 1);
		if (i > 0)
			commit(store);
		store_close(store);
	}
	store = open_sound(p);
	assert_records(store, "corrupt", "k/new=bad;");
	assert_records(store, "k", "old=1;");
	assert_int_equal(store_corrupt_records(store), 0);
	store_close(store);
}

/* The write-ahead log of another file must not be played into a restored one. */
static void test_log_of_a_bad_file_is_moved_along(void **state)
{
	struct place *p = *state;
	char garbage[5000];
	pid_t pid;

	fill(p);
	pid = fork();
	if (pid == 0) {
		struct store *store = open_sound(p);

		put(store, "k", "later", "9");
		commit(store);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	memset(garbage, 'x', sizeof(garbage));
	damage(p->path, 0, garbage, sizeof(garbage));
	assert_restored(p, "new=2;old=1;");
	assert_true(kept_files >= 2);
}

/* A limit on the size of files does what a full disk does. */
static void test_full_disk(void **state)
{
	struct place *p = *state;
	struct store *store = open_sound(p);
	struct rlimit limit, saved;
	struct err e = { 0 };
	char *big = calloc(1, 1 << 20);

	put(store, "k", "a", "1");
	commit(store);
	put(store, "k", "b", "2");
	assert_int_equal(store_put(store, "k", "big", big, 1 << 20, &e), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit = saved;
	limit.rlim_cur = 65536;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 3; i++) {
		err_clear(&e);
		assert_int_equal(store_commit(store, &e), -ENOSPC);
		assert_true(store_is_dirty(store));
		assert_records(store, "k", "a=1;");
	}
	/* More may come while it lasts. */
	put(store, "k", "c", "3");
	put(store, "k", "big", "small now");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	commit(store);
	assert_records(store, "k", "a=1;b=2;big=small now;c=3;");
	store_close(store);
	store = open_sound(p);
	assert_records(store, "k", "a=1;b=2;big=small now;c=3;");
	store_close(store);
	free(big);
}

/*
 * On a file system of 300 kB in a mount namespace of its own; ends with the number of the step
 * that went wrong.
 */
static void fill_file_system(const struct place *p)
{
	static char block[4096];
	char *notice = NULL, filler[200];
	struct store *store = NULL;
	struct err e = { 0 };
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", p->directory, "tmpfs", 0, "size=300k") < 0)
		_exit(1);
	if (store_open_sqlite(p->path, &store, &notice, &e) < 0 || notice)
		_exit(2);
	(void)snprintf(filler, sizeof(filler), "%s/filler", p->directory);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	if (store_put(store, "k", "a", block, sizeof(block), &e) < 0)
		_exit(3);
	for (int i = 0; i < 2; i++) {
		if (store_commit(store, &e) != -ENOSPC || !store_is_dirty(store))
			_exit(4);
		err_clear(&e);
	}
	if (unlink(filler) < 0 || close(fd) < 0 || store_commit(store, &e) < 0)
		_exit(5);
	store_close(store);
	_exit(store_open_sqlite(p->path, &store, &notice, &e) < 0 || notice ? 6 : 0);
}

static void test_no_space_on_a_real_file_system(void **state)
{
	struct place *p = *state;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			_exit(77);
		fill_file_system(p);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A start on a full disk works with what there is; only the backup has to wait. */
static void test_start_on_a_full_disk(void **state)
{
	struct place *p = *state;
	struct rlimit limit, saved;
	struct store *store;
	char *notice;

	fill(p);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit = saved;
	limit.rlim_cur = 8192;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store = open_with_notice(p, &notice);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_non_null(notice);
	assert_non_null(strstr(notice, "back up '"));
	assert_records(store, "k", "new=2;old=1;");
	free(notice);
	store_close(store);
}

static void test_too_large(void **state)
{
	struct store *store = NULL;
	struct err e = { 0 };
	char *key = calloc(1, 5001);

	(void)state;
	memset(key, 'k', 5000);
	assert_int_equal(store_open_memory(&store, &e), 0);
	assert_int_equal(store_put(store, "k", key, "x", 1, &e), -E2BIG);
	err_clear(&e);
	assert_int_equal(store_put(store, "k", "a", key, (size_t)1 << 40, &e), -E2BIG);
	assert_false(store_is_dirty(store));
	store_close(store);
	free(key);
}

/* RFC 3720 appendix B.4. */
static void test_crc32c(void **state)
{
	uint8_t bytes[32] = { 0 };

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_missing_directory),
		WITH_PLACE(test_file),
		WITH_PLACE(test_files_are_private),
		WITH_PLACE(test_binary_data_and_strange_keys),
		WITH_PLACE(test_callback_ends_the_walk),
		WITH_PLACE(test_second_opener_is_refused),
		WITH_PLACE(test_not_a_file),
		WITH_PLACE(test_killed_without_close),
		WITH_PLACE(test_garbage_without_backup),
		WITH_PLACE(test_garbage_with_backup),
		WITH_PLACE(test_garbage_in_both),
		WITH_PLACE(test_foreign_database),
		WITH_PLACE(test_file_is_gone),
		WITH_PLACE(test_truncated),
		WITH_PLACE(test_flipped_bytes),
		WITH_PLACE(test_damaged_record_is_set_aside),
		WITH_PLACE(test_log_of_a_bad_file_is_moved_along),
		WITH_PLACE(test_full_disk),
		WITH_PLACE(test_no_space_on_a_real_file_system),
		WITH_PLACE(test_start_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
