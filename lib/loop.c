#include "lib/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/cleanup.h"
#include "lib/err.h"

struct loop {
	struct event_base *base;
	loop_fn *after_turn;
	void *after_turn_arg;
	bool is_stopped;
};

struct loop_timer {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

struct loop_watch {
	struct event *event;
	int fd;			/* as given to the callback; borrowed */
	int priority_fd;	/* epoll that waits for EPOLLPRI on FD; owned */
	loop_fd_fn *fd_fn;
	loop_fn *signal_fn;
	void *arg;
};

DEFINE_AUTO(struct loop *, loop_free);
DEFINE_AUTO(struct event_config *, event_config_free);

/* What libevent has to say comes back as an error of the call as well. */
static void keep_silent(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

int loop_new(struct loop **ret, struct err *e)
{
	AUTO(event_config_freep) struct event_config *config = event_config_new();
	AUTO(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!loop || !config)
		return err_set(e, ENOMEM, "create event loop");
	event_set_log_callback(keep_silent);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	loop->base = event_base_new_with_config(config);
	if (!loop->base)
		return err_set(e, errno > 0 ? errno : ENOMEM, "create event loop");
	if (sigaction(SIGPIPE, &ignore, NULL) < 0)
		return err_set(e, errno, "ignore SIGPIPE");
	*ret = TAKE_PTR(loop);
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_after_turn(struct loop *loop, loop_fn *fn, void *arg)
{
	loop->after_turn = fn;
	loop->after_turn_arg = arg;
}

int loop_run(struct loop *loop, struct err *e)
{
	/*
	 * One turn is one wait and the callbacks of what it found.  (With more than 32 deferred
	 * callbacks of bufferevents pending libevent waits twice in it; we defer none.)
	 */
	while (!loop->is_stopped) {
		if (event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return err_set(e, errno > 0 ? errno : EIO, "wait for events");
		if (loop->after_turn)
			loop->after_turn(loop->after_turn_arg);
	}
	loop->is_stopped = false;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}

/* The callbacks below may free their object: nothing touches it after the call. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;

	(void)fd;
	(void)what;
	watch->fd_fn(watch->fd, watch->arg);
}

static void on_priority(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;
	struct epoll_event event;

	(void)what;
	/*
	 * Takes the edge out of the inner epoll.  Its result is not looked at: a PSI trigger is
	 * used up by the outer epoll's own poll, and would read as nothing here.
	 */
	(void)epoll_wait(fd, &event, 1, 0);
	watch->fd_fn(watch->fd, watch->arg);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;

	(void)fd;
	(void)what;
	watch->signal_fn(watch->arg);
}

int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **ret,
		   struct err *e)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return err_set(e, ENOMEM, "create timer");
	timer->fn = fn;
	timer->arg = arg;
	timer->event = evtimer_new(loop->base, on_timer, timer);
	if (!timer->event) {
		free(timer);
		return err_set(e, ENOMEM, "create timer");
	}
	*ret = timer;
	return 0;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	struct timeval tv;

	if (delay_ms < 0)
		delay_ms = 0;
	tv.tv_sec = (time_t)(delay_ms / 1000);
	tv.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
	(void)evtimer_add(timer->event, &tv);
}

void loop_timer_clear(struct loop_timer *timer)
{
	(void)evtimer_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	event_free(timer->event);
	free(timer);
}

DEFINE_AUTO(struct loop_watch *, loop_watch_free);

static struct loop_watch *watch_new(int fd, loop_fd_fn *fn, void *arg)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fd = fd;
	watch->priority_fd = -EBADF;
	watch->fd_fn = fn;
	watch->arg = arg;
	return watch;
}

/* Add WATCH, made with its EVENT or without one when memory is out. */
static int watch_start(struct loop_watch *watch, struct event *event, const char *what,
		       struct err *e)
{
	if (!event)
		return err_set(e, ENOMEM, "watch %s %d", what, watch->fd);
	watch->event = event;
	errno = 0;
	if (event_add(event, NULL) < 0)
		return err_set(e, errno > 0 ? errno : EINVAL, "watch %s %d", what, watch->fd);
	return 0;
}

static int watch_io(struct loop *loop, int fd, short what, loop_fd_fn *fn, void *arg,
		    struct loop_watch **ret, struct err *e)
{
	AUTO(loop_watch_freep) struct loop_watch *watch = watch_new(fd, fn, arg);
	int r;

	if (!watch)
		return err_set(e, ENOMEM, "watch descriptor %d", fd);
	r = watch_start(watch, event_new(loop->base, fd, what | EV_PERSIST, on_ready, watch),
			"descriptor", e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

int loop_watch_fd(struct loop *loop, int fd, loop_fd_fn *fn, void *arg, struct loop_watch **ret,
		  struct err *e)
{
	return watch_io(loop, fd, EV_READ, fn, arg, ret, e);
}

int loop_watch_writable(struct loop *loop, int fd, loop_fd_fn *fn, void *arg,
			struct loop_watch **ret, struct err *e)
{
	return watch_io(loop, fd, EV_WRITE, fn, arg, ret, e);
}

int loop_watch_priority(struct loop *loop, int fd, loop_fd_fn *fn, void *arg,
			struct loop_watch **ret, struct err *e)
{
	AUTO(loop_watch_freep) struct loop_watch *watch = watch_new(fd, fn, arg);
	/* Edges only: a cgroup file stays ready until it is read again: the owner's affair. */
	struct epoll_event wanted = { .events = EPOLLPRI | EPOLLET };
	int r;

	if (!watch)
		return err_set(e, ENOMEM, "watch descriptor %d", fd);
	/* libevent knows no EPOLLPRI, but an epoll descriptor is itself something to wait for. */
	watch->priority_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch->priority_fd < 0)
		return err_set(e, errno, "create epoll for descriptor %d", fd);
	if (epoll_ctl(watch->priority_fd, EPOLL_CTL_ADD, fd, &wanted) < 0)
		return err_set(e, errno, "watch descriptor %d", fd);
	r = watch_start(watch, event_new(loop->base, watch->priority_fd, EV_READ | EV_PERSIST,
					 on_priority, watch), "descriptor", e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

int loop_watch_signal(struct loop *loop, int signo, loop_fn *fn, void *arg,
		      struct loop_watch **ret, struct err *e)
{
	AUTO(loop_watch_freep) struct loop_watch *watch = watch_new(signo, NULL, arg);
	int r;

	if (!watch)
		return err_set(e, ENOMEM, "watch signal %d", signo);
	watch->signal_fn = fn;
	r = watch_start(watch, evsignal_new(loop->base, signo, on_signal, watch), "signal", e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

void loop_watch_free(struct loop_watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	fd_close(&watch->priority_fd);
	free(watch);
}
