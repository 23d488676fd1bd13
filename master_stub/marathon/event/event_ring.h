/* The newest events of this process, numbered, for readers that come back and ask for what they missed. */
#ifndef MASTER_STUB_MARATHON_EVENT_EVENT_RING_H
#define MASTER_STUB_MARATHON_EVENT_EVENT_RING_H

#include <stddef.h>
#include <stdint.h>

/* Whatever is more goes, oldest first. */
enum { EVENT_RING_SIZE = 1024, EVENT_RING_BYTES = 2 << 20 };

struct kept_event {
	size_t size;
	const char *type;
	char text[];	/* the object; TYPE points behind it */
};

struct event_ring {
	uint64_t first, next;	/* numbers that are kept: from FIRST to before NEXT */
	size_t bytes;
	struct kept_event *events[EVENT_RING_SIZE];
};

/* Zero-initialised is empty; numbers begin with 0.  The number of the event, kept or (without memory) not. */
uint64_t event_ring_add(struct event_ring *ring, const char *type, const char *text);
/* Borrowed until the next is added; NULL: not kept (any more), or not there yet. */
const struct kept_event *event_ring_get(const struct event_ring *ring, uint64_t number);
void event_ring_done(struct event_ring *ring);

#endif
