/* The roles that offers come to: the default one, and those of apps, runs and their instances. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_ROLES_H
#define MASTER_STUB_MARATHON_PLACEMENT_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"

struct controller;
struct entry;

struct role {
	UT_hash_handle by_name;
	char *name;
	unsigned n_instances;
	bool is_ours;		/* the framework is in it */
	bool is_suppressed;
	bool is_idle;		/* scratch of launcher.c */
	char *refusal;		/* why the master does not let the framework in, or NULL */
	int64_t retry_ms;	/* when it is asked again; boot clock */
	bool was_offered;	/* anything, since the subscription or since it is there */

	/* Found in this turn. */
	bool is_used;
	bool is_wanted;		/* something waits for offers */
	bool is_new;		/* something that did not before */
};

struct role *role_find(const struct controller *c, const char *name);
/* Made if it is not there.  -ENOMEM. */
int role_take(struct controller *c, const char *name, struct role **ret);

/* One more, or one less, instance is in the role. */
int role_enter(struct controller *c, const char *name);
void role_leave(struct controller *c, const char *name);

/* The subscription is new: in the default role only. */
void roles_subscribed(struct controller *c);
/* Does one get no offers because nothing is wanted for it? */
bool roles_any_suppressed(const struct controller *c);

/* Before what entries want is noted; and the end of that, which tells the master. */
void roles_begin(struct controller *c);
void roles_settle(struct controller *c);
void roles_free(struct controller *c);

#endif
