/* What the agent may do with a running task: the calls of control.h, carried out on its run. */
#ifndef EXECUTOR_INSIDE_H
#define EXECUTOR_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct inside;
struct loop;
struct run;

/*
 * RUN's main process has begun; borrowed like the runtime directory.  ON_PAUSE is told when the task
 * has been stopped, and when it goes on.
 */
int inside_new(struct loop *loop, int runtime_fd, struct run *run,
	       void (*on_pause)(void *arg, bool is_paused), void *arg, struct inside **ret,
	       struct err *e);
void inside_free(struct inside *inside);

/* News of a command that is not ID's business are passed over: false. */
bool inside_command_started(struct inside *inside, uint32_t id, int terminal_fd);
bool inside_command_done(struct inside *inside, uint32_t id, int wait_status,
			 const struct err *failure);

#endif
