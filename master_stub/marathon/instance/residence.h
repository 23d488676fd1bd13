/*
 * Where an instance of a resident app is at home: what is reserved for it on an agent, and the volumes
 * there.  It outlives the instance's tasks: the next one is launched there again.
 */
#ifndef MASTER_STUB_MARATHON_INSTANCE_RESIDENCE_H
#define MASTER_STUB_MARATHON_INSTANCE_RESIDENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"

struct app;
struct controller;
struct entry;
struct err;
struct instance;

struct local_volume {
	char *path;		/* below the sandbox */
	char *id;		/* its persistence id, "APP#PATH#UUID" */
	int64_t size;		/* thousandths of MB */
};

struct residence {
	UT_hash_handle by_id;
	TAILQ_ENTRY(residence) of_app;
	struct entry *entry;		/* NULL: given up, or its app is not known */
	char *id;			/* of its instance */
	char *app_id, *framework_id, *role;
	char *agent_id, *host;
	struct instance *instance;	/* borrowed: whose task has not ended; NULL: it is vacant */
	unsigned incarnation;		/* of the last task */
	uint16_t *ports;
	unsigned n_ports;
	struct local_volume *volumes;
	unsigned n_volumes;
	bool is_confirmed;		/* the agent is known to have it */
	bool is_given_up;		/* what is reserved is to be released */
	bool is_detached;		/* nobody is launched there: kept until more instances are wanted */
	bool is_in_use;			/* by a task of no instance that has not ended: no offer has it */
	bool is_asked_for;		/* offers were asked for to do that */
	int64_t vacant_ms;		/* boot clock: since when it is vacant */
};

/*
 * A new one of ENTRY (NULL: of none) with the texts of LIKE, which are copied: in the tables, but
 * not recorded, without volumes and ports.  -ENOMEM.
 */
int residence_new(struct controller *c, struct entry *entry, const struct residence *like,
		  struct residence **ret);
/* The volumes that SPEC is to have, under ids that no other has had.  -ENOMEM. */
int residence_make_volumes(struct controller *c, const struct app *spec,
			   struct residence *residence);
void residence_free(struct controller *c, struct residence *residence);
struct residence *residence_find(const struct controller *c, const char *id);
int residence_set_ports(struct residence *residence, const uint16_t *ports, unsigned n);

/* INSTANCE is made or gone: it lives where its id says, if it has a residence. */
void residence_enter(struct controller *c, struct instance *instance);
void residence_vacate(struct controller *c, struct instance *instance);
/* The entry goes: they stay, for nobody. */
void residences_leave(struct entry *entry);
void residences_free(struct controller *c);

/* Have all instances that ENTRY wants a residence that awaits them?  Else new ones are to be made. */
bool residences_suffice(const struct entry *entry);

/* Of the task, of which it is the last one there or another one before; NULL: none. */
struct residence *residence_find_task(const struct controller *c, const char *task_id);
/* Its agent will never be back: it is forgotten. */
void residence_lose(struct controller *c, struct residence *residence);
/* It has been seen on its agent: if it is detached and another one would be made, it is used instead. */
void residence_confirm(struct controller *c, struct residence *residence);
/*
 * Its data is not wanted any more: released when its agent offers it.  No more instances are launched
 * there; one that is there is the caller's to stop.  -ENOMEM: it is not given up.
 */
int residence_give_up(struct controller *c, struct residence *residence, const char *reason);
void residences_give_up(struct controller *c, struct entry *entry, const char *reason);
/* Nobody is launched there until more instances are wanted; its data stays.  -ENOMEM. */
int residence_detach(struct controller *c, struct residence *residence);
/*
 * ENTRY is to have N instances: those beyond them where nobody is who is to stay are detached, the
 * youngest first; if there are fewer, detached ones are used again, the oldest first.
 */
void residences_fit(struct controller *c, struct entry *entry, unsigned n);
/* What was never seen on its agent in time is given up; it is detached as long as the agent offers nothing. */
void residences_watch(struct controller *c, struct entry *entry);
/* Offers are wanted for what is to be released: noted between roles_begin() and roles_settle(). */
void residences_ask(struct controller *c);

/* ---- residence_records.c ---- */

int residence_put(struct controller *c, const struct residence *residence);
void residence_delete_record(struct controller *c, const struct residence *residence);
/* After the apps, before their instances. */
int residence_records_load(struct controller *c, struct err *e);

#endif
