/*
 * The directory: what runs where, told to every agent that takes it (proto/tepui.proto, Directory).
 * Its entries stand in the order of their last change; an agent has been told them up to somewhere,
 * so that what it is told next is what stands behind, each once, however often it has changed.
 */
#ifndef MASTER_STUB_DIRECTORY_H
#define MASTER_STUB_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/tepui.pb-c.h"

struct agent;
struct directory;
struct err;
struct framework;
struct master;
struct master_options;
struct metrics;

enum directory_kind {
	ENTRY_MARK,		/* of one who has been told what stands before it */
	ENTRY_NODE,
	ENTRY_SERVICE,
	ENTRY_ENDPOINT,
	ENTRY_GONE,		/* until nobody is left who has to be told so */
};

/* The first member of what is told. */
struct directory_entry {
	TAILQ_ENTRY(directory_entry) in_order;
	enum directory_kind kind;
	bool is_listed;
	bool is_told;		/* in some form, to those who had been told all */
	uint64_t version;	/* of the directory: its present form is told with it */
};

/* How far an agent has been told, on its stream; part of struct agent. */
enum { READER_MAX_OPEN = 8 };
struct reader {
	struct directory_entry mark;		/* while it is behind */
	struct agent *agent;
	bool is_open;			/* it is connected, and takes the directory */
	bool is_behind;
	bool is_whole;			/* it was told that there is nothing else */
	uint64_t generation;		/* of the last message */
	uint64_t applied;		/* version that holds there; it has not been told all: 0 */
	/* Runs of messages that it has not answered: more are told apart no longer. */
	struct {
		uint64_t generation, version;
	} open[READER_MAX_OPEN];
	unsigned n_open;
	TAILQ_ENTRY(reader) in_readers;	/* those who have been told all, or those behind */
};

/* A node's own entry; part of struct agent. */
struct directory_node {
	struct directory_entry entry;
	struct agent *agent;
	bool is_known;			/* it has said what it has since the master began */
};

int directory_new(struct master *master, const struct master_options *options, struct err *e);
/* Its records: stable addresses, and whose they are. */
int directory_load(struct master *master, struct err *e);
/* What has been an entry is none any more, and nothing is recorded: the master ends. */
void directory_end(struct master *master);
void directory_free(struct master *master);

/* Tell what has changed, once, to all; and do what waits for it or for the time. */
void directory_turn(struct master *master, int64_t now_ms);
int64_t directory_next_ms(const struct master *master);

/* ENTRY is new or has changed. */
void directory_touch(struct master *master, struct directory_entry *entry);
/* ENTRY is none any more; KEY is what it was told under. */
void directory_remove(struct master *master, struct directory_entry *entry, const char *key);

/* FRAMEWORK has another name, by which it is told. */
void directory_rename(const struct framework *framework);

/* AGENT has subscribed, and brings its tasks before the turn. */
void directory_subscribe(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe);
/* Its stream has ended. */
void directory_unsubscribe(struct agent *agent);
/* It is gone for good, or forgotten. */
void directory_forget_node(struct agent *agent);
/* DIRECTORY_APPLIED. */
void directory_applied(struct agent *agent, uint64_t generation);

void directory_metrics(const struct master *master, const struct metrics *metrics);

#endif
