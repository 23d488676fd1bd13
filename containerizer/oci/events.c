/* tepui-oci events: what a container uses, now and then, and when its memory has run out. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "containerizer/oci/stats.h"
#include "isolators/cgroup.h"
#include "isolators/usage.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

struct events_options {
	bool help, stats;
	int64_t interval_ms;
};

static const struct flag events_flags[] = {
	COMMAND_HELP(struct events_options),
	{ .name = "stats", .kind = FLAG_BOOL, .off = offsetof(struct events_options, stats),
	  .help = "what it uses now, and no more" },
	{ .name = "interval", .kind = FLAG_MILLIS,
	  .off = offsetof(struct events_options, interval_ms), .fallback = "5s",
	  .max = 24 * 3600 * 1000, .help = "between two of what it uses" },
};

struct watch {
	const char *id;
	struct cgroup cgroup;
	int pidfd, oom_fd;
	bool is_eventfd;
	uint64_t oom_kills;		/* told, or older than the watch */
	unsigned looks;			/* how often to look for a kill that was announced */
};

/* On v1 the event comes before the kill that it is of, which is not long in coming. */
enum { LOOKS = 50, LOOK_MS = 20 };

static int print_event(const struct watch *w, const char *type, json_t *data_take, struct err *e)
{
	json_auto_t *event = json_pack("{ss ss so*}", "type", type, "id", w->id, "data", data_take);

	if (!event)
		return err_set(e, ENOMEM, "print event");
	if (json_dumpf(event, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ||
	    fflush(stdout) != 0)
		return err_set(e, EIO, "print event");
	return 0;
}

static int print_stats(struct watch *w, struct err *e)
{
	struct usage usage;
	int r = usage_sample(&w->cgroup, &usage, e);

	if (r < 0)
		return r;
	return print_event(w, "stats", stats_to_json(&usage), e);
}

/* How many have been killed until now; as many as before where nobody counts them. */
static uint64_t count_oom_kills(const struct watch *w)
{
	struct err lost = { 0 };
	uint64_t n = 0;

	return cgroup_read_key(&w->cgroup, "memory.events", "oom_kill", &n, &lost) < 0
		? w->oom_kills : n;
}

static int tell_oom(struct watch *w, struct err *e)
{
	uint64_t n = count_oom_kills(w);

	if (n == w->oom_kills)
		return 0;
	w->oom_kills = n;
	w->looks = 0;
	return print_event(w, "oom", NULL, e);
}

/* An event of the file may be of another kind, or come before anybody is killed: the count says. */
static int take_oom(struct watch *w, struct err *e)
{
	uint64_t n = 0;
	char buf[512];

	if (w->is_eventfd ? read(w->oom_fd, &n, sizeof(n)) < 0
			  : pread(w->oom_fd, buf, sizeof(buf), 0) < 0) {
		fd_close(&w->oom_fd);
		return 0;
	}
	w->looks = LOOKS;
	return tell_oom(w, e);
}

/* It was announced and is not there yet. */
static int look_again(struct watch *w, struct err *e)
{
	w->looks--;
	return tell_oom(w, e);
}

static int follow(struct watch *w, int64_t interval_ms, struct err *e)
{
	int64_t next_ms = clock_boot_ms();
	int r = 0;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = w->pidfd, .events = POLLIN },
			{ .fd = w->oom_fd, .events = w->is_eventfd ? POLLIN : POLLPRI },
		};
		int64_t left = next_ms - clock_boot_ms();

		if (left <= 0) {
			r = print_stats(w, e);
			if (r == 0)
				r = tell_oom(w, e);
			next_ms = clock_boot_ms() + interval_ms;
			if (r < 0)
				return r;
			continue;
		}
		if (w->looks > 0 && left > LOOK_MS)
			left = LOOK_MS;
		if (poll(fds, ARRAY_SIZE(fds), (int)left) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for events");
		if (w->looks > 0)
			r = look_again(w, e);
		if (r == 0 && fds[1].revents)
			r = take_oom(w, e);
		if (r < 0 || fds[0].revents)
			return r < 0 ? r : tell_oom(w, e);
	}
}

static int open_watch(struct watch *w, const struct state *state, struct err *e)
{
	int r = state_open_cgroup(state, &w->cgroup, e);

	if (r < 0)
		return r;
	w->pidfd = state_open_process(state, e);
	if (w->pidfd == -ESRCH) {
		err_clear(e);
		return err_set(e, EINVAL, "watch container '%s', which is stopped", state->id);
	}
	if (w->pidfd < 0)
		return w->pidfd;
	w->oom_fd = cgroup_open_oom_events(&w->cgroup, &w->is_eventfd, e);
	if (w->oom_fd < 0)
		err_clear(e);
	w->oom_kills = count_oom_kills(w);
	return 0;
}

static int events(const struct oci *oci, const void *options, char **args, int *ret_status,
		  struct err *e)
{
	const struct events_options *o = options;
	struct watch w = {
		.id = args[0], .cgroup = CGROUP_INIT, .pidfd = -EBADF, .oom_fd = -EBADF,
	};
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, args[0], false, &dir, e);

	(void)ret_status;
	if (r < 0)
		return r;
	if (o->interval_ms <= 0)
		r = err_set(e, EINVAL, "read flag '--interval': there has to be one");
	if (r == 0)
		r = open_watch(&w, &dir.state, e);
	state_close(&dir);
	if (r == 0)
		r = o->stats ? print_stats(&w, e) : follow(&w, o->interval_ms, e);
	fd_close(&w.pidfd);
	fd_close(&w.oom_fd);
	cgroup_close(&w.cgroup);
	return r;
}

const struct command command_events = {
	.name = "events",
	.arguments = "ID",
	.help = "print what a container uses, every few seconds, and when its memory has run out",
	COMMAND_FLAGS(events_flags),
	.options_size = sizeof(struct events_options),
	.min_args = 1,
	.max_args = 1,
	.run = events,
};
