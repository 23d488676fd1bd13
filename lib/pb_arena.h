/* Unpacked messages that live together and end at once: most of them without any allocation. */
#ifndef LIB_PB_ARENA_H
#define LIB_PB_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdalign.h>
#include <stddef.h>

struct pb_arena_block;

/* To be given to the unpacking functions as &arena->allocator; not to be moved. */
struct pb_arena {
	ProtobufCAllocator allocator;
	char *at;			/* the rest of ROOM, or of the last block */
	size_t left;
	struct pb_arena_block *blocks;	/* where there was no room */
	alignas(max_align_t) char room[4096];
};

void pb_arena_init(struct pb_arena *arena);
/* Every message is gone; it may be used again. */
void pb_arena_done(struct pb_arena *arena);

#endif
