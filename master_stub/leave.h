/*
 * Who is to end leaves the directory first: what ends it is told when every agent that takes the
 * directory has applied that, or when it has taken too long.  Whatever serves nobody ends at once.
 */
#ifndef MASTER_STUB_LEAVE_H
#define MASTER_STUB_LEAVE_H

#include <stdint.h>
#include <sys/queue.h>

struct agent;
struct executor;
struct master;
struct reader;
struct task;

struct leave;
struct wave;

struct leaves {
	TAILQ_HEAD(wave_queue, wave) waves;	/* in the order of their versions */
};

/* KILL_TASK for TASK, which has is_kill_requested. */
void leave_kill(struct task *task);
/* DRAIN as the agent's record says, which has changed. */
void leave_drain(struct agent *agent);
/* SHUTDOWN of EXECUTOR: its tasks end with it. */
void leave_shut_down(struct executor *executor);
/* Nothing is to be told any more; NULL is fine. */
void leave_forget(struct leave *leave);

/* READER is now one to wait for, or is none any more, or has applied more. */
void leaves_reader_opened(struct reader *reader);
void leaves_reader_closed(struct reader *reader);
void leaves_applied(struct reader *reader, uint64_t before);

void leaves_turn(struct master *master, int64_t now_ms);
int64_t leaves_next_ms(const struct master *master);
void leaves_free(struct leaves *leaves);

#endif
