#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/admission.h"
#include "agent/disk.h"
#include "agent/executor_calls.h"
#include "agent/executor_token.h"
#include "agent/container.h"
#include "agent/directory.h"
#include "agent/directory_file.h"
#include "agent/gc.h"
#include "agent/image_gc.h"
#include "agent/images.h"
#include "agent/guard.h"
#include "agent/kernel.h"
#include "agent/launch_parts.h"
#include "agent/launched.h"
#include "agent/listen.h"
#include "agent/master_link.h"
#include "agent/names.h"
#include "agent/network.h"
#include "agent/operations.h"
#include "agent/persistent.h"
#include "agent/pods.h"
#include "agent/recovery.h"
#include "agent/ruleset.h"
#include "agent/runtime_dir.h"
#include "agent/sampler.h"
#include "agent/task.h"
#include "agent/traffic.h"
#include "agent/trash.h"
#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/descriptors.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/log_toggle.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "lib/store_backup.h"
#include "net/credentials.h"
#include "net/http_server.h"

enum { MAX_ROUNDS = 8, COMMIT_RETRY_MS = 1000, SHUTDOWN_CHECK_MS = 200 };
/*
 * Of each task: its supervisor's two connections and pidfd, its cgroup in each hierarchy, two
 * connections of a custom executor's, and its sandbox while that is measured in turns.
 */
enum { DESCRIPTORS_PER_TASK = 16, OWN_DESCRIPTORS = 64, OPERATORS_DESCRIPTORS = 512, NAMES_DESCRIPTORS = 512 };

const char *agent_id(const struct agent *agent)
{
	return agent->self && agent->self->agent_id ? agent->self->agent_id->value : NULL;
}

int agent_put_self(struct agent *agent, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&agent->self->base, &data, &size, e);

	return r < 0 ? r : store_put(agent->store, "agent", "self", data, size, e);
}

int agent_describe(struct agent *agent, const char *id, struct err *e)
{
	Mesos__V1__AgentInfo *info;
	int r = node_agent_info(&agent->node, id, agent->port, &info, e);

	if (r < 0)
		return r;
	if (agent->info)
		mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	agent->info = info;
	return 0;
}

void agent_wake(struct agent *agent)
{
	loop_timer_set(agent->commit_timer, 0);
}

void agent_fail(struct agent *agent, const struct err *e)
{
	char text[sizeof(e->msg) + 64];

	log_error("%s", err_text(e, text, sizeof(text)));
	agent->exit_status = EXIT_FAILURE;
	loop_stop(agent->loop);
}

/* ---- the turn: commit, then act ---- */

/*
 * One commit for all that a turn changed.  A failure keeps everything in the store's buffer, so the
 * next attempt, by timer or by the next event, is the same commit and more.
 */
static bool commit(struct agent *agent)
{
	struct err e = { 0 };

	if (store_is_dirty(agent->store)) {
		if (store_commit(agent->store, &e) < 0) {
			agent->counters.commit_failures++;
			if (!agent->is_disk_bad)
				log_write_err(LOG_LEVEL_ERROR, &e, "write state below '%s', trying "
					      "again; no new task until then", agent->work_dir);
			agent->is_disk_bad = true;
			loop_timer_set(agent->commit_timer, COMMIT_RETRY_MS);
			return false;
		}
		agent->counters.commits++;
		store_backup_note(agent->backup);
	}
	if (agent->is_disk_bad)
		log_info("state below '%s' can be written again", agent->work_dir);
	agent->is_disk_bad = false;
	return true;
}

/*
 * What may not be done before its record is on disk stays queued for the next commit.  Whatever is
 * queued meanwhile is behind the mark, and its record is in the next commit.
 */
static void proceed(struct agent *agent, bool is_safe)
{
	struct todo mark = { .is_queued = false }, *todo;

	/* Before the tasks that want them. */
	if (is_safe)
		persistent_settle(agent);
	todo_add(&agent->todo, &mark);
	while ((todo = TAILQ_FIRST(&agent->todo)) != &mark) {
		todo_remove(&agent->todo, todo);
		if (!is_safe && !todo->is_volatile)
			todo_add(&agent->todo, todo);
		todo->proceed(todo->arg, is_safe || todo->is_volatile);
	}
	todo_remove(&agent->todo, &mark);
}

static bool is_anything_left(const struct agent *agent)
{
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		if (!task_has_ended(task) || (task->container->state != CONTAINER_NEW &&
					      task->container->state != CONTAINER_GONE))
			return true;
	}
	return executors_are_alive(agent) || pods_next(agent, NULL);
}

/* The master wanted everything gone: when it is, so is the identity, and what it had to tell. */
static void check_shutdown(struct agent *agent)
{
	struct task *task, *next;
	struct err e = { 0 };

	if (!agent->is_shutting_down)
		return;
	if (is_anything_left(agent)) {
		loop_timer_set(agent->commit_timer, SHUTDOWN_CHECK_MS);
		return;
	}
	HASH_ITER(hh, agent->tasks, task, next)
		task_forget(task);
	operations_forget(agent);
	directory_file_remove(agent->directory_file);
	if (store_delete(agent->store, "agent", "self", &e) < 0 ||
	    store_commit(agent->store, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "forget the agent's id");
	log_info("everything is gone, leaving");
	loop_stop(agent->loop);
}

void agent_turn(void *arg)
{
	struct agent *agent = arg;
	bool is_safe = true;

	/* What one round does (a spawn, a refusal) is itself to be committed: a few rounds do. */
	for (int i = 0; i < MAX_ROUNDS && is_safe; i++) {
		if (TAILQ_EMPTY(&agent->todo) && !store_is_dirty(agent->store))
			break;
		is_safe = commit(agent);
		proceed(agent, is_safe);
	}
	if (is_safe && !TAILQ_EMPTY(&agent->todo))
		agent_wake(agent);
	master_link_tell_degraded(agent->link);
	recovery_check(agent);
	check_shutdown(agent);
}

/* Its turn does the work. */
static void on_commit_timer(void *arg)
{
	(void)arg;
}

static void on_stop_signal(void *arg)
{
	struct agent *agent = arg;

	log_info("leaving; tasks go on");
	loop_stop(agent->loop);
}

static void on_ignored_signal(void *arg)
{
	(void)arg;
}

/* ---- start ---- */

static int open_work_dir(struct agent *agent, struct err *e)
{
	const char *path = agent->flags.work_dir;
	char real[PATH_MAX];

	if (!realpath(path, real)) {
		AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		AUTO_CLOSE int made = dir_make(root, path, 0755, e);

		if (made < 0)
			return err_wrap(e, "use '--work_dir'");
		if (!realpath(path, real))
			return err_set(e, errno, "find work directory '%s'", path);
	}
	agent->work_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent->work_fd < 0 || fchmod(agent->work_fd, 0700) < 0)
		return err_set(e, errno, "open work directory '%s'", path);
	if (strchr(real, ':'))
		return err_set(e, EINVAL, "use work directory '%s': it has a colon", real);
	agent->work_dir = strdup(real);
	return agent->work_dir ? 0 : err_set(e, ENOMEM, "open work directory '%s'", path);
}

static int open_store(struct agent *agent, struct err *e)
{
	AUTO_FREE char *path = NULL, *notice = NULL;
	int r;

	if (asprintf(&path, "%s/agent.db", agent->work_dir) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "open the agent's state");
	}
	r = store_open_sqlite(path, &agent->store, &notice, e);
	if (r == -EBUSY)
		return err_wrap(e, "work directory '%s' belongs to a running agent",
				agent->work_dir);
	if (r >= 0 && notice)
		log_warning("%s", notice);
	return r < 0 ? r : store_backup_new(agent->loop, agent->store, &agent->backup, e);
}

/*
 * Containers that no record knows are destroyed at start: two agents in one cgroup root would
 * destroy each other's.  The lock lasts as long as the descriptor.
 */
static int lock_cgroups(struct agent *agent, struct err *e)
{
	AUTO_CLOSE int fd = open(agent->layout.core, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open cgroup '%s'", agent->layout.core);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ?
			       err_set(e, EBUSY, "lock cgroup '%s': another agent uses it; "
				       "--cgroup_root names another", agent->layout.core) :
			       err_set(e, errno, "lock cgroup '%s'", agent->layout.core);
	agent->cgroup_lock_fd = TAKE_FD(fd);
	return 0;
}

static int open_cgroups(struct agent *agent, struct err *e)
{
	int r = cgroup_layout_detect(agent->flags.cgroup_root, &agent->layout, e);

	if (r < 0)
		return r;
	r = lock_cgroups(agent, e);
	if (r < 0)
		return r;
	agent->owns_layout = true;
	r = kernel_check_controllers(&agent->layout, agent->flags.allow_unenforced, e);
	if (r < 0)
		return r;
	agent->layout_text = cgroup_layout_format(&agent->layout);
	if (!agent->layout_text)
		return err_set(e, ENOMEM, "describe the cgroups");
	agent->supervisors_fd = cgroup_open_supervisors(&agent->layout, e);
	return agent->supervisors_fd;
}

static int read_host(struct agent *agent, struct err *e)
{
	int r = rng_seed_from_kernel(&agent->rng);

	if (r < 0)
		return err_set(e, -r, "get random numbers");
	r = node_discover(&agent->flags, agent->work_fd, &agent->node, e);
	if (r >= 0)
		r = users_load("/etc/passwd", &agent->users, e);
	if (r < 0)
		return r;
	if (!users_find(&agent->users, agent->flags.default_user))
		return err_set(e, EINVAL, "use '--default_user=%s': there is no such user",
			       agent->flags.default_user);
	r = launch_read_variables(agent->flags.executor_environment_variables, &agent->variables,
				  e);
	if (r < 0)
		return r;
	r = profiles_load(agent->flags.seccomp_config_dir, &agent->profiles, e);
	if (r < 0)
		return r;
	if (agent->flags.seccomp_profile_name &&
	    !profiles_find(&agent->profiles, agent->flags.seccomp_profile_name))
		return err_set(e, EINVAL, "use '--seccomp_profile_name=%s': it is not in the "
			       "directory of --seccomp_config_dir",
			       agent->flags.seccomp_profile_name);
	r = images_open(agent, e);
	if (r < 0)
		return err_wrap(e, "use '--image_store'");
	agent->executor_fd = supervisors_load(agent->flags.executor, e);
	return agent->executor_fd;
}

static int watch_signals(struct agent *agent, struct err *e)
{
	static const struct {
		int signo;
		loop_fn *fn;
	} wanted[] = {
		{ SIGTERM, on_stop_signal },
		{ SIGINT, on_stop_signal },
		{ SIGUSR1, on_ignored_signal },
		{ SIGHUP, on_ignored_signal },
	};

	_Static_assert(ARRAY_SIZE(wanted) == AGENT_SIGNALS, "one watch each");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int r = loop_watch_signal(agent->loop, wanted[i].signo, wanted[i].fn, agent,
					  &agent->signals[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Tasks beyond what descriptors allow are refused one by one, before they fail half-way. */
static void bound_tasks(struct agent *agent)
{
	size_t n = descriptors_raise(AGENT_MAX_TASKS * DESCRIPTORS_PER_TASK + OWN_DESCRIPTORS +
				     OPERATORS_DESCRIPTORS + NAMES_DESCRIPTORS);

	n = n > OWN_DESCRIPTORS ? (n - OWN_DESCRIPTORS) / DESCRIPTORS_PER_TASK : 0;
	agent->max_tasks = n < AGENT_MAX_TASKS ? (unsigned)n : AGENT_MAX_TASKS;
}

/* The last process that a full memory should take; an unprivileged setting is good enough. */
static void protect_from_oom(void)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "-999", 4) < 0)
		log_debug("oom_score_adj stays as it is");
}

/*
 * The order matters: the store's lock comes before anything of another agent could be touched, and
 * a port in use is noticed before cgroups are made.  Executors that knock early are answered when the
 * loop runs, and by then the records of their tasks are loaded.
 */
static int start_parts(struct agent *agent, struct err *e)
{
	int r;

	if ((r = loop_new(&agent->loop, e)) < 0 ||
	    (r = log_toggle_new(agent->loop, &agent->log_toggle, e)) < 0 ||
	    (r = loop_timer_new(agent->loop, on_commit_timer, agent, &agent->commit_timer,
				e)) < 0 ||
	    (r = open_work_dir(agent, e)) < 0 ||
	    (r = disk_init(agent, e)) < 0 ||
	    (r = open_store(agent, e)) < 0 ||
	    (r = executor_token_load_key(agent, e)) < 0 ||
	    (r = read_host(agent, e)) < 0 ||
	    (r = listen_operators(agent, e)) < 0 ||
	    (r = open_cgroups(agent, e)) < 0 ||
	    (r = listen_executors(agent, e)) < 0 ||
	    (r = executor_calls_listen(agent, e)) < 0 ||
	    (r = directory_new(agent, &agent->directory, e)) < 0 ||
	    (r = ruleset_new(agent, &agent->ruleset, e)) < 0 ||
	    (r = traffic_new(agent, &agent->traffic, e)) < 0 ||
	    (r = directory_file_new(agent, &agent->directory_file, e)) < 0 ||
	    (r = networks_new(agent, &agent->networks, e)) < 0 ||
	    (r = names_new(agent, &agent->names, e)) < 0 ||
	    (r = listen_names(agent, e)) < 0 ||
	    (r = master_link_new(agent, &agent->link, e)) < 0 ||
	    (r = sampler_new(agent, &agent->sampler, e)) < 0 ||
	    (r = trash_new(agent, &agent->trash, e)) < 0 ||
	    (r = gc_new(agent, &agent->gc, e)) < 0 ||
	    (r = image_gc_new(agent, &agent->image_gc, e)) < 0 ||
	    (r = guard_new(agent, &agent->guard, e)) < 0)
		return r;
	return watch_signals(agent, e);
}

int agent_start(struct agent *agent, struct err *e)
{
	int r;

	TAILQ_INIT(&agent->todo);
	TAILQ_INIT(&agent->custom);
	TAILQ_INIT(&agent->sessions);
	history_init(&agent->history);
	agent->work_fd = agent->executor_fd = agent->supervisors_fd = -EBADF;
	agent->cgroup_lock_fd = -EBADF;
	agent->started_wall_ms = clock_wall_ms();
	agent->started_boot_ms = clock_boot_ms();
	agent->self = malloc(sizeof(*agent->self));
	if (!agent->self)
		return err_set(e, ENOMEM, "start");
	tepui__agent_record__init(agent->self);
	bound_tasks(agent);
	r = kernel_check(e);
	if (r >= 0)
		r = start_parts(agent, e);
	if (r < 0)
		return r;
	protect_from_oom();
	r = recovery_run(agent, e);
	if (r < 0)
		return r;
	/* Whose id it is tells what of the directory is here. */
	directory_file_load(agent->directory_file);
	loop_after_turn(agent->loop, agent_turn, agent);
	/* The loop sleeps until something happens; what recovery found does not wait for that. */
	agent_wake(agent);
	return 0;
}

/* Tasks before servers: each ends its executor's stream, so that no close callback comes. */
void agent_done(struct agent *agent)
{
	struct task *task, *next;
	bool is_empty = !agent->tasks;

	master_link_free(agent->link);
	launched_free_all(agent);
	HASH_ITER(hh, agent->tasks, task, next)
		task_free(task);
	executors_free(agent);
	operations_free(agent);
	names_free(agent->names);
	directory_file_free(agent->directory_file);
	networks_free(agent->networks);
	ruleset_free(agent->ruleset);
	traffic_free(agent->traffic);
	directory_free(agent->directory);
	persistent_free(agent);
	guard_free(agent->guard);
	image_gc_free(agent->image_gc);
	gc_free(agent->gc);
	trash_free(agent->trash);
	sampler_free(agent->sampler);
	for (size_t i = 0; i < AGENT_SIGNALS; i++)
		loop_watch_free(agent->signals[i]);
	if (agent->name_readers)
		http_server_free(agent->name_readers);
	if (agent->operators)
		http_server_free(agent->operators);
	if (agent->executors)
		http_server_free(agent->executors);
	if (agent->domain)
		http_server_free(agent->domain);
	sessions_free(agent);
	images_close(agent);
	loop_timer_free(agent->recovery_timer);
	loop_timer_free(agent->commit_timer);
	tombstones_free(agent);
	history_done(&agent->history);
	seccomp_profile_forget();
	store_backup_free(agent->backup);
	if (agent->store)
		store_close(agent->store);
	fd_close(&agent->supervisors_fd);
	fd_close(&agent->cgroup_lock_fd);
	if (agent->owns_layout && is_empty)
		cgroup_layout_remove(&agent->layout);
	cgroup_layout_done(&agent->layout);
	free(agent->layout_text);
	free(agent->endpoint);
	free(agent->address);
	credentials_free(agent->credentials);
	free(agent->authorization);
	fd_close(&agent->executor_fd);
	fd_close(&agent->work_fd);
	free(agent->work_dir);
	json_decref(agent->variables);
	users_done(&agent->users);
	profiles_done(&agent->profiles);
	node_done(&agent->node);
	ranges_done(&agent->disk_projects);
	resources_done(&agent->used);
	if (agent->info)
		mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	if (agent->self)
		tepui__agent_record__free_unpacked(agent->self, NULL);
	log_toggle_free(agent->log_toggle);
	loop_free(agent->loop);
	agent_flags_done(&agent->flags);
}
