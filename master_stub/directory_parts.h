/* What the files of the directory share. */
#ifndef MASTER_STUB_DIRECTORY_PARTS_H
#define MASTER_STUB_DIRECTORY_PARTS_H

#include "lib/pb_arena.h"
#include "master_stub/directory.h"
#include "master_stub/leave.h"
#include "master_stub/service.h"

enum {
	CHUNK_ENTRIES = 1000, CHUNK_BYTES = 256 << 10,	/* of one message */
	N_EXPLAINED = 1024,
};

TAILQ_HEAD(entry_queue, directory_entry);
TAILQ_HEAD(reader_queue, reader);

/* A message that is put together. */
struct chunk {
	struct pb_arena arena;
	size_t bytes, n;
	bool is_failed;			/* memory is out */
	Tepui__Directory message;	/* its lists are these */
	Tepui__DirectoryNode *nodes[CHUNK_ENTRIES];
	Tepui__Service *services[CHUNK_ENTRIES];
	Tepui__Endpoint *endpoints[CHUNK_ENTRIES];
	char *removed_nodes[CHUNK_ENTRIES], *removed_services[CHUNK_ENTRIES];
	char *removed_endpoints[CHUNK_ENTRIES];
};

/* What was an entry, until everybody has been told that it is none any more. */
struct gone {
	struct directory_entry entry;
	enum directory_kind kind;		/* it was */
	LIST_ENTRY(gone) in_gone;
	char key[];
};

struct directory {
	struct master *master;
	struct entry_queue entries;
	struct directory_entry told;		/* a mark: those in CURRENT have been told what stands before it */
	uint64_t version;
	struct reader_queue current, behind;
	LIST_HEAD(, gone) gone;
	size_t n_gone, n_endpoints;
	struct chunk *chunk;
	/*
	 * After the start: agents that have not come back may be there all the same, with what they
	 * had; for some time, which is as long as others are given, also new connections go there.
	 */
	bool is_complete, is_completion_due;
	int64_t patience_ends_ms;
	bool is_busy;			/* more could have been told in this turn */
	int64_t stalled_until_ms;	/* while some have not read what they were told */
	bool is_ending;
	struct services services;
	struct leaves leaves;
	uint64_t explained[N_EXPLAINED];	/* what has been explained lately; hashes */
	struct {
		uint64_t runs, messages, cut_off, timeouts;
	} counters;
};

/* Everybody is told what has changed; those who are behind, some of what they lack. */
void directory_tell(struct directory *directory);
/* It cannot be told any more: it has to come back. */
void directory_cut_off(struct reader *reader);

#endif
