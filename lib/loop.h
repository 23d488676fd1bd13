/* The one event loop of a daemon: timers, descriptors, signals, and a hook after every turn. */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <stdint.h>

struct err;
struct event_base;
struct loop;
struct loop_timer;
struct loop_watch;

typedef void loop_fn(void *arg);
typedef void loop_fd_fn(int fd, void *arg);

int loop_new(struct loop **ret, struct err *e);
void loop_free(struct loop *loop);

/* For libevent objects made elsewhere (bufferevents, listeners); borrowed. */
struct event_base *loop_base(struct loop *loop);

/*
 * Run FN after every turn in which something happened: the place for the grouped commit.
 * Whatever a callback queued on a bufferevent is written in a later turn, so after FN.
 */
void loop_after_turn(struct loop *loop, loop_fn *fn, void *arg);

/* Until loop_stop().  Returns 0 or -errno. */
int loop_run(struct loop *loop, struct err *e);
void loop_stop(struct loop *loop);

/* One-shot timers on the monotonic clock; the owner frees them.  Re-arm at will. */
int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **ret,
		   struct err *e);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/* Call FN whenever FD (borrowed) is readable, or for a pidfd: whenever its process has ended. */
int loop_watch_fd(struct loop *loop, int fd, loop_fd_fn *fn, void *arg, struct loop_watch **ret,
		  struct err *e);
/* Call FN whenever FD (borrowed) can be written to, or its reader is gone. */
int loop_watch_writable(struct loop *loop, int fd, loop_fd_fn *fn, void *arg,
			struct loop_watch **ret, struct err *e);
/* As loop_watch_fd() for EPOLLPRI conditions: memory.events, cgroup.events, PSI triggers. */
int loop_watch_priority(struct loop *loop, int fd, loop_fd_fn *fn, void *arg,
			struct loop_watch **ret, struct err *e);
int loop_watch_signal(struct loop *loop, int signo, loop_fn *fn, void *arg,
		      struct loop_watch **ret, struct err *e);
void loop_watch_free(struct loop_watch *watch);

#endif
