/* Backups of a store in a running daemon: some seconds after a change, and never much of its time. */
#ifndef LIB_STORE_BACKUP_H
#define LIB_STORE_BACKUP_H

struct err;
struct loop;
struct store;
struct store_backup;

/* LOOP and STORE are borrowed. */
int store_backup_new(struct loop *loop, struct store *store, struct store_backup **ret,
		     struct err *e);
void store_backup_free(struct store_backup *backup);

/* Something was committed: the backup will be renewed.  BACKUP may be NULL: there is to be none. */
void store_backup_note(struct store_backup *backup);

#endif
