#include "master_stub/marathon/event/event_ring.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void drop_first(struct event_ring *ring)
{
	struct kept_event **event = &ring->events[ring->first++ % EVENT_RING_SIZE];

	ring->bytes -= *event ? (*event)->size : 0;
	free(*event);
	*event = NULL;
}

uint64_t event_ring_add(struct event_ring *ring, const char *type, const char *text)
{
	size_t text_size = strlen(text) + 1, size = text_size + strlen(type) + 1;
	struct kept_event *event = malloc(sizeof(*event) + size);
	uint64_t number = ring->next++;

	while (ring->first < number && (number - ring->first >= EVENT_RING_SIZE ||
					ring->bytes + size > EVENT_RING_BYTES))
		drop_first(ring);
	if (event) {
		event->size = size;
		event->type = memcpy(event->text + text_size, type, size - text_size);
		memcpy(event->text, text, text_size);
		ring->bytes += size;
	}
	ring->events[number % EVENT_RING_SIZE] = event;
	return number;
}

const struct kept_event *event_ring_get(const struct event_ring *ring, uint64_t number)
{
	bool is_kept = number >= ring->first && number < ring->next;

	return is_kept ? ring->events[number % EVENT_RING_SIZE] : NULL;
}

void event_ring_done(struct event_ring *ring)
{
	while (ring->first < ring->next)
		drop_first(ring);
}
