/* A daemon's durable state: records under (kind, key), written in groups, fsynced by the commit. */
#ifndef LIB_STORE_H
#define LIB_STORE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct store;

typedef int store_record_fn(void *arg, const char *key, const void *data, size_t size,
			    struct err *e);

/*
 * SQLite, WAL, synchronous=FULL, one file.  A file that is not a sound database is renamed to
 * PATH.corrupt-TIME and replaced by the newest backup, or an empty one; *ret_notice (owned by
 * the caller, may be NULL) then says so in one sentence.  A second opener gets -EBUSY.
 */
int store_open_sqlite(const char *path, struct store **ret, char **ret_notice, struct err *e);

/* Nothing on disk: for the simulator and unit tests. */
int store_open_memory(struct store **ret, struct err *e);

/*
 * Visit every committed record of KIND in order of key, each checked against its checksum; one
 * that fails is moved to the kind "corrupt" and counted.  FN's error ends the walk.
 */
int store_each(struct store *store, const char *kind, store_record_fn *fn, void *arg,
	       struct err *e);
unsigned store_corrupt_records(const struct store *store);

/* Buffered in memory until store_commit(); the data is copied. */
int store_put(struct store *store, const char *kind, const char *key, const void *data,
	      size_t size, struct err *e);
int store_delete(struct store *store, const char *kind, const char *key, struct err *e);

/*
 * Everything buffered reaches the disk, or nothing: on failure (-ENOSPC, -EIO, -EROFS) the
 * buffer is kept and the call may be repeated.
 */
int store_commit(struct store *store, struct err *e);
bool store_is_dirty(const struct store *store);
/* What was buffered since the last commit is forgotten, as by a crash: for the simulator. */
void store_rollback(struct store *store);

/*
 * Replace the backup, from which a damaged file is restored, by what is committed.  Takes as long
 * as the store is large: see lib/store_backup.h.  Nothing happens without a file.
 */
int store_back_up(struct store *store, struct err *e);

void store_close(struct store *store);

#endif
