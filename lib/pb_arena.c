#include "lib/pb_arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct pb_arena_block {
	struct pb_arena_block *next;
	alignas(max_align_t) char data[];
};

enum { BLOCK_SIZE = 64 << 10 };

static bool add_block(struct pb_arena *arena, size_t size)
{
	size_t left = size < BLOCK_SIZE ? BLOCK_SIZE : size;
	struct pb_arena_block *block = malloc(sizeof(*block) + left);

	if (!block)
		return false;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->at = block->data;
	arena->left = left;
	return true;
}

static void *take(void *arg, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct pb_arena *arena = arg;
	void *result;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (size > arena->left && !add_block(arena, size))
		return NULL;
	result = arena->at;
	arena->at += size;
	arena->left -= size;
	return result;
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
	arena->at = arena->room;
	arena->left = sizeof(arena->room);
	arena->blocks = NULL;
}

void pb_arena_done(struct pb_arena *arena)
{
	struct pb_arena_block *block;

	while ((block = arena->blocks)) {
		arena->blocks = block->next;
		free(block);
	}
	arena->at = arena->room;
	arena->left = sizeof(arena->room);
}
