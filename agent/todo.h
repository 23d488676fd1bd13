/* What waits for the next commit: queued when its record changes, called when that is on disk. */
#ifndef AGENT_TODO_H
#define AGENT_TODO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct todo {
	TAILQ_ENTRY(todo) entry;
	/* IS_SAFE: what the record says is on disk; if not, it stays queued for the next time. */
	void (*proceed)(void *arg, bool is_safe);
	void *arg;
	bool is_queued;
	bool is_volatile;	/* nothing of it goes to the disk, so nothing is waited for */
};

TAILQ_HEAD(todo_queue, todo);

static inline void todo_add(struct todo_queue *queue, struct todo *todo)
{
	if (todo->is_queued)
		return;
	todo->is_queued = true;
	TAILQ_INSERT_TAIL(queue, todo, entry);
}

static inline void todo_remove(struct todo_queue *queue, struct todo *todo)
{
	if (todo->is_queued)
		TAILQ_REMOVE(queue, todo, entry);
	todo->is_queued = false;
}

#endif
