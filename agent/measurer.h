/*
 * How much disk directories take: looked through again and again, one at a time and a little at a time.
 * Whoever waits longest is next, and who has very many files gives way to the others in between.
 */
#ifndef AGENT_MEASURER_H
#define AGENT_MEASURER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct err;
struct loop;
struct measurer;
struct tree_walk;

struct measured_ops {
	/* An owned descriptor of the directory (O_PATH will do), or -errno: it is not looked through now. */
	int (*open)(void *arg);
	/* BYTES were there; of more than a million files, as many as were seen.  ARG may be removed. */
	void (*done)(void *arg, uint64_t bytes);
};

/* One of the directories: part of whatever it belongs to. */
struct measured {
	const struct measured_ops *ops;	/* NULL: it is in no measurer */
	void *arg;
	struct tree_walk *walk;		/* NULL: it is not being looked through */
	unsigned n_entries;		/* that were seen on this way */
	int64_t begun_boot_ms;
	TAILQ_ENTRY(measured) link;
};

int measurer_new(struct loop *loop, int64_t interval_ms, struct measurer **ret, struct err *e);
/* Those in it are removed before. */
void measurer_free(struct measurer *measurer);

/* Looked through as soon as it is its turn, and then each interval.  Both are idempotent. */
void measurer_add(struct measurer *measurer, struct measured *measured,
		  const struct measured_ops *ops, void *arg);
void measurer_remove(struct measurer *measurer, struct measured *measured);

/* In WAIT_MS somebody is looked through if it is anybody's turn; nothing changes if one is already. */
void measurer_wake(struct measurer *measurer, int64_t wait_ms);

#endif
