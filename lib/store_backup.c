#include "lib/store_backup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/store.h"

/* A backup that takes long is made more rarely: one part in SHARE of the daemon's time. */
enum { FIRST_PAUSE_MS = 1000, SHARE = 100 };

struct store_backup {
	struct store *store;
	struct loop_timer *timer;
	int64_t pause_ms;
	bool is_armed;
};

static void renew(void *arg)
{
	struct store_backup *backup = arg;
	int64_t start_ms = clock_boot_ms();
	struct err e = { 0 };

	backup->is_armed = false;
	/* The old backup is still there: a failure costs nothing but its age. */
	if (store_back_up(backup->store, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "renew the backup");
	backup->pause_ms = FIRST_PAUSE_MS + (clock_boot_ms() - start_ms) * SHARE;
}

int store_backup_new(struct loop *loop, struct store *store, struct store_backup **ret,
		     struct err *e)
{
	struct store_backup *backup = calloc(1, sizeof(*backup));
	int r;

	if (!backup)
		return err_set(e, ENOMEM, "prepare backups");
	backup->store = store;
	backup->pause_ms = FIRST_PAUSE_MS;
	r = loop_timer_new(loop, renew, backup, &backup->timer, e);
	if (r < 0) {
		free(backup);
		return r;
	}
	*ret = backup;
	return 0;
}

void store_backup_free(struct store_backup *backup)
{
	if (!backup)
		return;
	loop_timer_free(backup->timer);
	free(backup);
}

void store_backup_note(struct store_backup *backup)
{
	if (!backup || backup->is_armed)
		return;
	backup->is_armed = true;
	loop_timer_set(backup->timer, backup->pause_ms);
}
