#include "executor/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/container.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "executor/command_env.h"
#include "executor/oom.h"
#include "executor/outcome.h"
#include "executor/output.h"
#include "isolators/cgroup.h"
#include "isolators/spec.h"
#include "isolators/usage.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/loop.h"

enum { DESTROY_MS = 2000, DESTROY_AGAIN_MS = 1000, FREEZE_MS = 2000 };

struct run {
	struct loop *loop;
	const struct run_ops *ops;
	void *arg;

	struct spec spec;
	bool has_spec;
	struct container *container;
	struct loop_watch *events, *pidfd;
	struct loop_timer *finish;		/* tells the end, or tries again to destroy */
	struct oom *oom;
	struct output *output;
	bool is_paused;
	struct ending ending;
};

static void finish_soon(struct run *run, int64_t delay_ms)
{
	loop_timer_set(run->finish, delay_ms);
}

static void stop_watching(struct run *run)
{
	loop_watch_free(TAKE_PTR(run->events));
	loop_watch_free(TAKE_PTR(run->pidfd));
	oom_free(TAKE_PTR(run->oom));
}

/* While the cgroup is still there. */
static void take_facts(struct run *run)
{
	struct ending *end = &run->ending;
	struct usage usage;
	struct err lost = { 0 };

	usage_init(&usage);
	if (usage_sample(container_cgroup(run->container), &usage, &lost) < 0)
		log_write_err(LOG_LEVEL_WARNING, &lost, "sample the container's last usage");
	end->memory_peak_bytes = usage.memory_peak_bytes;
	/* Without the controller it has no limit to be at. */
	err_clear(&lost);
	end->oom_kills = 0;
	(void)cgroup_oom_kills(container_cgroup(run->container), &end->oom_kills, &lost);
	end->memory_limit_bytes = run->spec.memory_limit_bytes > 0 ?
		(uint64_t)run->spec.memory_limit_bytes : UINT64_MAX;
}

static void on_finish(void *arg)
{
	struct run *run = arg;
	struct err e = { 0 };

	if (run->container && container_destroy(run->container, DESTROY_MS, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "remove the container");
		finish_soon(run, DESTROY_AGAIN_MS);
		return;
	}
	run->ops->ended(run->arg, &run->ending);
}

/*
 * Init is gone, so a pid namespace of its own is empty; what is left elsewhere goes with the cgroup.
 * When it did not tell the main process's status, it was killed itself, and the kernel killed the main
 * process with it.
 */
static void conclude(struct run *run)
{
	struct ending *end = &run->ending;
	int status = 0;
	struct err e = { 0 };

	if (container_reap(run->container, &status, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "reap the container");
	if (!end->has_status && end->error.code == 0) {
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && end->is_started) {
			end->has_status = true;
			end->wait_status = SIGKILL;
		} else if (WIFSIGNALED(status)) {
			err_set(&end->error, ECHILD,
				"wait for main process: init ended by signal %d",
				WTERMSIG(status));
		} else {
			err_set(&end->error, ECHILD, "wait for main process: init exited with %d",
				WEXITSTATUS(status));
		}
	}
	if (run->output)
		output_drain(run->output);
	take_facts(run);
	stop_watching(run);
	finish_soon(run, 0);
}

static void on_started(struct run *run, struct container_event *event)
{
	struct err e = { 0 };

	run->ending.is_started = true;
	if (output_started(run->output, TAKE_FD(event->terminal_fd), &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "read the output of the task");
	run->ops->started(run->arg);
}

static void take_event(struct run *run, struct container_event *event)
{
	switch (event->type) {
	case CONTAINER_STARTED:
		on_started(run, event);
		break;
	case CONTAINER_FAILED:
		run->ending.error = event->error;
		break;
	case CONTAINER_EXITED:
		run->ending.has_status = true;
		run->ending.wait_status = event->wait_status;
		break;
	case CONTAINER_HOOKS:		/* direct mode alone */
	case CONTAINER_WAITING:
		break;
	case CONTAINER_EXEC_STARTED:
		run->ops->command_started(run->arg, event->id, event->terminal_fd);
		break;
	case CONTAINER_EXEC_DONE:
		run->ops->command_done(run->arg, event->id, event->wait_status, NULL);
		break;
	case CONTAINER_EXEC_FAILED:
		run->ops->command_done(run->arg, event->id, 0, &event->error);
		break;
	case CONTAINER_CLOSED:
		loop_watch_free(TAKE_PTR(run->events));
		break;
	}
}

/* One event; false when there was none. */
static bool read_event(struct run *run)
{
	struct container_event event;
	struct err e = { 0 };
	int r = container_read_event(run->container, &event, &e);

	if (r > 0) {
		take_event(run, &event);
		fd_close(&event.terminal_fd);
	}
	if (r >= 0)
		return r > 0;
	/* An init that talks nonsense, or cannot be told to start, is of no more use. */
	log_write_err(LOG_LEVEL_ERROR, &e, "supervise the container");
	loop_watch_free(TAKE_PTR(run->events));
	run_signal(run, SIGKILL);
	return false;
}

static void read_events(struct run *run)
{
	while (run->events && read_event(run))
		;
}

static void on_events(int fd, void *arg)
{
	(void)fd;
	(void)read_event(arg);
}

static void on_pidfd(int fd, void *arg)
{
	struct run *run = arg;

	(void)fd;
	/* What init said last may still be unread. */
	read_events(run);
	conclude(run);
}

static void on_oom(void *arg)
{
	struct run *run = arg;

	/* memory.oom.group has done this on cgroup v2; on v1 it is up to us. */
	run_signal(run, SIGKILL);
}

static int start_container(struct run *run, struct err *e)
{
	int r;

	if (!run->spec.sandbox)
		return err_set(e, EINVAL, "find sandbox of container '%s'", run->spec.id);
	r = output_new(run->loop, &run->spec, &run->output, e);
	if (r < 0)
		return r;
	return container_start(run->container, &(struct container_launch){
		.mode = CONTAINER_MODE_INIT,
		.stdio = output_stdio(run->output),
		.start_fd = -EBADF,
	}, e);
}

static int watch_container(struct run *run, struct err *e)
{
	int r = loop_watch_fd(run->loop, container_sync_fd(run->container), on_events, run,
			      &run->events, e);

	if (r < 0)
		return r;
	r = loop_watch_fd(run->loop, container_pidfd(run->container), on_pidfd, run, &run->pidfd,
			  e);
	if (r < 0)
		return r;
	r = oom_watch(run->loop, container_cgroup(run->container), on_oom, run, &run->oom, e);
	if (r == -ENOTSUP) {
		err_clear(e);
		return 0;
	}
	return r;
}

static int launch(struct run *run, const struct run_place *place, struct err *e)
{
	int r = spec_load(place->runtime_fd, HANDOVER_CONFIG, &run->spec, e);

	if (r < 0)
		return r;
	run->has_spec = true;
	run->spec.id = strdup(place->container_id);
	if (!run->spec.id)
		return err_set(e, ENOMEM, "launch container");
	r = container_create(&run->spec, place->seccomp_fd, &run->container, e);
	if (r < 0)
		return r;
	r = start_container(run, e);
	if (r < 0)
		return r;
	return watch_container(run, e);
}

int run_start(struct loop *loop, const struct run_place *place, const struct run_ops *ops,
	      void *arg, struct run **ret, struct err *e)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return err_set(e, ENOMEM, "launch container");
	run->loop = loop;
	run->ops = ops;
	run->arg = arg;
	run->ending.memory_peak_bytes = UINT64_MAX;
	run->ending.memory_limit_bytes = UINT64_MAX;
	r = loop_timer_new(loop, on_finish, run, &run->finish, e);
	if (r < 0) {
		free(run);
		return r;
	}
	if (launch(run, place, &run->ending.error) < 0) {
		stop_watching(run);
		finish_soon(run, 0);
	}
	*ret = run;
	return 0;
}

void run_free(struct run *run)
{
	if (!run)
		return;
	stop_watching(run);
	loop_timer_free(run->finish);
	output_free(run->output);
	container_free(run->container);
	if (run->has_spec)
		spec_done(&run->spec);
	free(run);
}

bool run_is_over(struct run *run)
{
	read_events(run);
	return run->ending.has_status || run->ending.error.code != 0 || !run->pidfd;
}

const struct spec *run_spec(const struct run *run)
{
	return run->has_spec ? &run->spec : NULL;
}

int run_pause(struct run *run, bool is_paused, struct err *e)
{
	int r;

	if (run_is_over(run))
		return err_set(e, ESRCH, "pause the task: it has ended");
	r = cgroup_freeze(container_cgroup(run->container), is_paused, FREEZE_MS, e);
	if (r == 0)
		run->is_paused = is_paused;
	return r;
}

int run_signal_main(struct run *run, int signo, struct err *e)
{
	if (run_is_over(run))
		return err_set(e, ESRCH, "signal the task: it has ended");
	return container_signal_main(run->container, signo, e);
}

void run_signal(struct run *run, int signo)
{
	struct err e = { 0 };
	int r;

	if (!run->container)
		return;
	/* What is stopped takes no signal but SIGKILL. */
	if (run->is_paused && run_pause(run, false, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "let the container go on");
		err_clear(&e);
	}
	r = signo == SIGKILL ? container_kill(run->container, &e)
		: container_signal(run->container, signo, &e);
	/* Init may just have ended with its main process. */
	if (r < 0 && r != -EPIPE)
		log_write_err(LOG_LEVEL_ERROR, &e, "signal the container");
}

int run_command(struct run *run, uint32_t id, const struct container_command *command,
		const Mesos__V1__Environment *variables, struct err *e)
{
	struct container_command whole = *command;
	AUTO_FREE char *strings = NULL;
	AUTO_FREE char **env = NULL;
	int r = command_env_build(run->spec.env, variables, &env, &strings, e);

	whole.env = env;
	return r < 0 ? r : container_exec(run->container, id, &whole, e);
}

void run_command_signal(struct run *run, uint32_t id, int signo)
{
	struct err e = { 0 };

	if (container_exec_signal(run->container, id, signo, &e) < 0 && e.code != EPIPE)
		log_write_err(LOG_LEVEL_ERROR, &e, "signal command in the container");
}

void run_kill_part(struct run *run, const char *part)
{
	struct err e = { 0 };

	if (container_kill_part(run->container, part, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "kill a part of the container");
}

int run_socket(const struct run *run, int family, struct err *e)
{
	return container_socket(run->container, family, e);
}

struct output *run_output(const struct run *run)
{
	return run->output;
}
