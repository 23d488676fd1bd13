/*
 * What the last changes did away with, so that groups can be shown, and made again, as they were
 * at a version.
 */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_HISTORY_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "lib/clock.h"
#include "lib/hash.h"

struct app;
struct change_set;
struct controller;

/* What an app was before a change. */
struct past_app {
	char id[192];
	struct app *before;	/* a reference; NULL: it was not there */
};

struct past_group {
	char id[192];
	json_t *before;		/* its settings; NULL: it was not named */
};

/* One change of everything: what it did away with, and the version that it made. */
struct past {
	TAILQ_ENTRY(past) all;
	char version[CLOCK_TEXT_SIZE];
	struct past_app *apps;
	struct past_group *groups;
	unsigned n_apps, n_groups;
};
TAILQ_HEAD(pasts, past);

/* Before SET makes VERSION: note what there is.  In memory and in the store; -ENOMEM. */
int history_note(struct controller *c, const struct change_set *set, const char *version);
/* From the store, in any order, when the versions are there.  -ENOENT: one is not; -ENOMEM. */
int history_load(struct controller *c, const char *version, const json_t *json);
/* Nothing older than VERSION is known any more. */
void history_forget_before(struct controller *c, const char *version);
/* The stored form.  New reference or NULL. */
json_t *history_to_json(const struct past *past);
void history_free(struct controller *c);
/* The change that made VERSION; NULL: it is not known any more. */
const struct past *history_at(const struct controller *c, const char *version);
/* VERSION of an app that was changed or deleted since; borrowed, NULL: it is not known. */
const struct app *history_find(const struct controller *c, const char *app_id, const char *version);
/* May APP's definition be asked for again, though its app has it no more? */
bool history_has(const struct controller *c, const struct app *app);

/* The whole as it is, or was. */
struct snapshot_app {
	UT_hash_handle by_id;
	struct app *app;
};
struct snapshot_group {
	UT_hash_handle by_id;
	const char *id;
	const json_t *settings;
};
struct snapshot {
	const struct past *last;	/* the change that made it; NULL: none is known */
	struct snapshot_app *apps;	/* both in order of id; everything is borrowed */
	struct snapshot_group *groups;
};

/* As it is now.  -ENOMEM; freed with snapshot_free() in any case. */
int snapshot_now(const struct controller *c, struct snapshot *ret);
/* The same before the last change, in no order.  False: no more is known, or memory is out. */
bool snapshot_back(struct snapshot *snapshot);
/* As it was when VERSION was made.  -ENOENT: that is not known; -ENOMEM. */
int snapshot_at(const struct controller *c, const char *version, struct snapshot *ret);
void snapshot_free(struct snapshot *snapshot);

const struct app *snapshot_find_app(const struct snapshot *snapshot, const char *id);
const struct snapshot_group *snapshot_find_group(const struct snapshot *snapshot, const char *id);
bool snapshot_has_group(const struct snapshot *snapshot, const char *id);
/* The version of the last change to something inside the group, or to itself. */
const char *snapshot_version_of(const struct snapshot *snapshot, const char *id);

#endif
