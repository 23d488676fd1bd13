/* What is to be changed at once: apps and groups. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_CHANGE_SET_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_CHANGE_SET_H

#include <jansson.h>
#include <stdbool.h>

struct app;
struct change_key;

/* One app of a change.  Owns APP. */
struct change {
	char app_id[192];
	struct app *app;	/* the new definition; NULL: delete, or with IS_RESTART: as it is */
	bool is_restart;
	/* Instances that already run what APP says are kept, whatever version they had it from. */
	bool keeps_same;
};

/* One group of a change: what it says of itself.  Owns SETTINGS. */
struct group_change {
	char id[192];
	json_t *settings;	/* group.h; NULL: it is named no longer */
};

/* Of different apps and different groups.  Zero-initialised is empty. */
struct change_set {
	struct change *apps;
	struct group_change *groups;
	unsigned n_apps, n_groups;
	struct change_key *keys;	/* of the apps */
	const char *where;	/* the group that the events name, borrowed; NULL: the root */
	bool force;
};

void change_set_done(struct change_set *set);

/*
 * A change of the app APP_ID, to be filled in; deletes it as it is.  NULL: no memory.  Good until
 * the next one.
 */
struct change *change_set_app(struct change_set *set, const char *app_id);
const struct change *change_set_find(const struct change_set *set, const char *app_id);
/* Takes a reference of SETTINGS; the last word on a group counts.  False: no memory. */
bool change_set_group(struct change_set *set, const char *id, json_t *settings);
const struct group_change *change_set_find_group(const struct change_set *set, const char *id);

#endif
