/* The SQLite file below a store: locked, opened, checked, mended, backed up.  For store.c only. */
#ifndef LIB_STORE_FILE_H
#define LIB_STORE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct sqlite3;

/*
 * Take the lock of PATH; the owned descriptor holds it until it is closed.  -EBUSY when another
 * store, of this process or another, has it.
 */
int store_file_lock(const char *path, struct err *e);

/*
 * Open PATH, or what can be had in its place: see store_open_sqlite().  The caller holds the lock.
 * *RET is closed with sqlite3_close(); *RET_NOTICE is owned by the caller and may be NULL.
 */
int store_file_open(const char *path, struct sqlite3 **ret, char **ret_notice, struct err *e);

/*
 * Replace PATH.backup by what DB holds, after every record was found sound; the old one stays until
 * the new one is whole and on the disk.  -EUCLEAN: a record is damaged, the old one is kept.
 */
int store_file_back_up(struct sqlite3 *db, const char *path, struct err *e);

/* Set E from the last failure of DB, which was RC.  errno is looked at: 0 before the call. */
int store_file_error(struct sqlite3 *db, int rc, const char *doing, struct err *e);

/*
 * The generation of a file's content: SQLite's user_version, one more with every commit.  A log that
 * was cut short at a good place leaves a sound but older file, which only this tells.
 */
int store_file_generation(struct sqlite3 *db, int *ret);

/* What is stored with every record. */
uint32_t store_file_checksum(const char *kind, const char *key, const void *data, size_t size);

#endif
