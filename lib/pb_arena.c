#include "lib/pb_arena.h"

#include <stdlib.h>

struct pb_arena_block {
	struct pb_arena_block *next;
	alignas(max_align_t) char data[];
};

static void *add_block(struct pb_arena *arena, size_t size)
{
	struct pb_arena_block *block = malloc(sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

static void *take(void *arg, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct pb_arena *arena = arg;
	char *at = arena->room + arena->used;

	if (size > sizeof(arena->room) - arena->used)
		return add_block(arena, size);
	/* The end of the room is aligned, too. */
	arena->used += (size + align - 1) / align * align;
	return at;
}

static void keep(void *arg, void *data)
{
	(void)arg;
	(void)data;
}

void pb_arena_init(struct pb_arena *arena)
{
	arena->allocator = (ProtobufCAllocator){ .alloc = take, .free = keep,
						 .allocator_data = arena };
	arena->used = 0;
	arena->blocks = NULL;
}

void pb_arena_done(struct pb_arena *arena)
{
	struct pb_arena_block *block;

	while ((block = arena->blocks)) {
		arena->blocks = block->next;
		free(block);
	}
	arena->used = 0;
}
