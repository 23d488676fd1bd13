/* The master's process: what the shell is to the core, with a network and a disk of paper. */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rng.h"
#include "tests/sim/link.h"

struct controller;
struct master;
struct sim;
struct store;

enum doom {
	DOOM_NONE,
	DOOM_BEFORE_COMMIT,	/* what the turn has changed is lost */
	DOOM_BEFORE_FLUSH,	/* it is kept, but nobody was told */
};

struct host {
	struct sim *sim;
	struct store *store;
	struct rng rng;			/* the master's */
	struct master *master;		/* NULL: it is down */
	struct controller *controller;	/* of the same process; NULL: without */
	uint64_t run;			/* one more at every start */
	int64_t started_ms;		/* the last of them */
	int64_t disk_full_until_ms;
	bool has_spoken;		/* since its start */
	bool is_full;			/* a commit has failed and none has succeeded since */
	enum doom doom;			/* kill -9 within the next turn */
	int64_t down_ms;		/* for so long */
	uint64_t turn_tag;		/* of the only timer that counts */
	char acted[128];		/* an operator's call that waits for its answer; "": none */
	STAILQ_HEAD(, link) waiting;	/* with something in their outbox */
};

struct host *host_new(struct sim *sim);
void host_free(struct host *host);

/* Whether there is someone who takes it. */
bool host_receive(struct host *host, struct link *link, const struct parcel *parcel);

/* Something was told to the core: what follows from it. */
void host_turn(struct host *host);

/*
 * An operator's call was made: the turn that follows it.  GONE (may be NULL) is the agent that it
 * has ended: answered after the commit, it stays ended.
 */
void host_acted(struct host *host, const char *gone);

/* kill -9 within the next turn, at the point that DOOM names; back after DOWN_MS. */
void host_crash(struct host *host, enum doom doom, int64_t down_ms);

#endif
