#include "lib/store.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/store_file.h"

enum { STORE_MAX_DATA = 64 << 20, STORE_MAX_NAME = 4096 };

/* A write that waits for its commit, or a record of a store in memory. */
struct record {
	UT_hash_handle hh;
	bool is_delete;
	const char *key;	/* in name */
	size_t name_size, size;
	const void *data;	/* behind the name */
	char name[];		/* kind NUL key NUL */
};

struct store {
	int lock_fd;
	sqlite3 *db;			/* NULL: in memory */
	char *path;
	int generation;			/* of what is committed */
	sqlite3_stmt *put, *delete;
	struct record *pending;		/* hash by name, in order of writing */
	struct record *memory;		/* hash by name: the committed records without a database */
	unsigned n_corrupt;
};

DEFINE_AUTO(struct store *, store_close);
DEFINE_AUTO(sqlite3_stmt *, sqlite3_finalize);

int store_open_memory(struct store **ret, struct err *e)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(e, ENOMEM, "open store");
	store->lock_fd = -EBADF;
	*ret = store;
	return 0;
}

static int prepare(struct store *store, const char *sql, sqlite3_stmt **ret, struct err *e)
{
	int rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return rc == SQLITE_OK ? 0 : store_file_error(store->db, rc, "open", e);
}

int store_open_sqlite(const char *path, struct store **ret, char **ret_notice, struct err *e)
{
	AUTO(store_closep) struct store *store = NULL;
	AUTO_FREE char *notice = NULL;
	int r;

	r = store_open_memory(&store, e);
	if (r < 0)
		return r;
	store->lock_fd = store_file_lock(path, e);
	if (store->lock_fd < 0)
		return store->lock_fd;
	store->path = strdup(path);
	if (!store->path)
		return err_set(e, ENOMEM, "open store '%s'", path);
	r = store_file_open(path, &store->db, &notice, e);
	if (r < 0)
		return r;
	r = prepare(store, "REPLACE INTO record (kind, key, crc, data) VALUES (?1, ?2, ?3, ?4)",
		    &store->put, e);
	if (r == 0)
		r = prepare(store, "DELETE FROM record WHERE kind = ?1 AND key = ?2",
			    &store->delete, e);
	if (r < 0)
		return r;
	if (r == 0 && store_file_generation(store->db, &store->generation) < 0)
		return err_set(e, EIO, "read the generation of '%s'", path);
	*ret = TAKE_PTR(store);
	if (ret_notice)
		*ret_notice = TAKE_PTR(notice);
	return 0;
}

static void free_records(struct record **hash)
{
	struct record *record, *next;

	HASH_ITER(hh, *hash, record, next) {
		HASH_DEL(*hash, record);
		free(record);
	}
}

void store_close(struct store *store)
{
	if (!store)
		return;
	free_records(&store->pending);
	free_records(&store->memory);
	(void)sqlite3_finalize(store->put);
	(void)sqlite3_finalize(store->delete);
	(void)sqlite3_close(store->db);
	/* Last: whoever gets the lock may open the file. */
	fd_close(&store->lock_fd);
	free(store->path);
	free(store);
}

bool store_is_dirty(const struct store *store)
{
	return store->pending != NULL;
}

void store_rollback(struct store *store)
{
	free_records(&store->pending);
}

int store_back_up(struct store *store, struct err *e)
{
	return store->db ? store_file_back_up(store->db, store->path, e) : 0;
}

unsigned store_corrupt_records(const struct store *store)
{
	return store->n_corrupt;
}

/* Put RECORD into *HASH, in the place of one with the same name; takes it over if it succeeds. */
static int add_record(struct record **hash, struct record *record)
{
	struct record *old;

	HASH_FIND(hh, *hash, record->name, record->name_size, old);
	HASH_ADD_KEYPTR(hh, *hash, record->name, record->name_size, record);
	if (!record->hh.tbl)
		return -ENOMEM;
	if (old) {
		HASH_DEL(*hash, old);
		free(old);
	}
	return 0;
}

static int write_record(struct store *store, const char *kind, const char *key, bool is_delete,
			const void *data, size_t size, struct err *e)
{
	size_t kind_size = strlen(kind) + 1, key_size = strlen(key) + 1;
	struct record *record;

	if (kind_size > STORE_MAX_NAME || key_size > STORE_MAX_NAME || size > STORE_MAX_DATA)
		return err_set(e, E2BIG, "store %.64s '%.255s': too large", kind, key);
	record = calloc(1, sizeof(*record) + kind_size + key_size + size);
	if (!record)
		return err_set(e, ENOMEM, "store %s '%.255s'", kind, key);
	memcpy(record->name, kind, kind_size);
	memcpy(record->name + kind_size, key, key_size);
	if (size > 0)
		memcpy(record->name + kind_size + key_size, data, size);
	record->key = record->name + kind_size;
	record->name_size = kind_size + key_size;
	record->data = record->name + kind_size + key_size;
	record->size = size;
	record->is_delete = is_delete;
	if (add_record(&store->pending, record) < 0) {
		free(record);
		return err_set(e, ENOMEM, "store %s '%.255s'", kind, key);
	}
	return 0;
}

int store_put(struct store *store, const char *kind, const char *key, const void *data,
	      size_t size, struct err *e)
{
	return write_record(store, kind, key, false, data, size, e);
}

int store_delete(struct store *store, const char *kind, const char *key, struct err *e)
{
	return write_record(store, kind, key, true, NULL, 0, e);
}

static int run_record(struct store *store, const struct record *record)
{
	sqlite3_stmt *statement = record->is_delete ? store->delete : store->put;
	uint32_t crc;
	int rc;

	rc = sqlite3_bind_text(statement, 1, record->name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 2, record->key, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && !record->is_delete) {
		crc = store_file_checksum(record->name, record->key, record->data, record->size);
		rc = sqlite3_bind_int64(statement, 3, crc);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_blob64(statement, 4, record->data, record->size,
						 SQLITE_STATIC);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int set_generation(const struct store *store, int generation)
{
	char sql[48];

	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", generation);
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

static int commit_to_database(struct store *store, struct err *e)
{
	struct record *record, *next;
	int r, rc;

	errno = 0;	/* see store_file_error() */
	rc = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = set_generation(store, store->generation + 1);
	HASH_ITER(hh, store->pending, record, next) {
		if (rc == SQLITE_OK)
			rc = run_record(store, record);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		store->generation++;
		return 0;
	}
	r = store_file_error(store->db, rc, "write", e);
	/* Some failures have rolled back already. */
	if (!sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* Move what is pending over; a record that finds no memory stays pending with those after it. */
static int commit_to_memory(struct store *store, struct err *e)
{
	struct record *record, *next, *old;

	HASH_ITER(hh, store->pending, record, next) {
		HASH_DEL(store->pending, record);
		if (!record->is_delete) {
			if (add_record(&store->memory, record) < 0) {
				free(record);
				return err_set(e, ENOMEM, "write to store in memory");
			}
			continue;
		}
		HASH_FIND(hh, store->memory, record->name, record->name_size, old);
		if (old) {
			HASH_DEL(store->memory, old);
			free(old);
		}
		free(record);
	}
	return 0;
}

int store_commit(struct store *store, struct err *e)
{
	int r;

	if (!store->pending)
		return 0;
	r = store->db ? commit_to_database(store, e) : commit_to_memory(store, e);
	if (r == 0)
		free_records(&store->pending);
	return r;
}

static int compare_names(const struct record *a, const struct record *b)
{
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : strcmp(a->key, b->key);
}

static int each_in_memory(struct store *store, const char *kind, store_record_fn *fn, void *arg,
			  struct err *e)
{
	struct record *record, *next;
	int r;

	HASH_SORT(store->memory, compare_names);
	HASH_ITER(hh, store->memory, record, next) {
		if (strcmp(record->name, kind) != 0)
			continue;
		r = fn(arg, record->key, record->data, record->size, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Out of the way of the daemon, but not lost: someone may want to look at it. */
static int set_aside(struct store *store, const char *kind, const char *key, const void *data,
		     size_t size, struct err *e)
{
	AUTO_FREE char *name = NULL;
	int r;

	if (asprintf(&name, "%s/%s", kind, key) < 0) {
		name = NULL;
		return err_set(e, ENOMEM, "set aside %s '%s'", kind, key);
	}
	r = store_put(store, "corrupt", name, data, size, e);
	if (r == 0)
		r = store_delete(store, kind, key, e);
	if (r == 0)
		store->n_corrupt++;
	return r;
}

/* The row that STATEMENT stands on. */
static int visit_row(struct store *store, const char *kind, sqlite3_stmt *statement,
		     store_record_fn *fn, void *arg, struct err *e)
{
	const char *key = (const char *)sqlite3_column_text(statement, 0);
	const void *data = sqlite3_column_blob(statement, 2);
	size_t size = (size_t)sqlite3_column_bytes(statement, 2);

	if (!key)
		return err_set(e, ENOMEM, "read %s", kind);
	if (!data)
		data = "";
	if (store_file_checksum(kind, key, data, size) !=
	    (uint32_t)sqlite3_column_int64(statement, 1))
		return set_aside(store, kind, key, data, size, e);
	return fn(arg, key, data, size, e);
}

int store_each(struct store *store, const char *kind, store_record_fn *fn, void *arg,
	       struct err *e)
{
	static const char sql[] = "SELECT key, crc, data FROM record WHERE kind = ?1 ORDER BY key";
	AUTO(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
	int rc, r;

	if (!store->db)
		return each_in_memory(store, kind, fn, arg, e);
	r = prepare(store, sql, &statement, e);
	if (r < 0)
		return r;
	rc = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
	if (rc != SQLITE_OK)
		return store_file_error(store->db, rc, "read", e);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		r = visit_row(store, kind, statement, fn, arg, e);
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : store_file_error(store->db, rc, "read", e);
}
