#include "master_stub/shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/log_toggle.h"
#include "lib/loop.h"
#include "lib/store.h"
#include "lib/store_backup.h"
#include "master_stub/agent_stream.h"
#include "master_stub/fetches.h"
#include "master_stub/marathon/controller.h"
#include "master_stub/master.h"
#include "master_stub/operator_api.h"
#include "master_stub/operator_stream.h"
#include "master_stub/pages.h"
#include "master_stub/scheduler_stream.h"
#include "master_stub/stream.h"
#include "net/http_server.h"

enum {
	MAX_TURNS = 100,		/* of core and controller after one another */
	RETRY_MS = 1000,		/* between commits while the disk refuses */
	KEEPALIVE_MS = 10000,
	ABDICATION_MS = 500,		/* for the answer to leave, as Marathon has it */
	SKIPPED_IDS = 100000,
};

static const char state_file[] = "master.db";

/* ---- what the core asks for ---- */

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	(void)arg;
	agent_stream_event(stream, event);
}

static size_t on_agent_queued(void *arg, void *stream)
{
	(void)arg;
	return agent_stream_queued(stream);
}

static void on_agent_close(void *arg, void *stream)
{
	(void)arg;
	agent_stream_close(stream);
}

static void on_explain(void *arg, const char *sentence)
{
	(void)arg;
	log_info("%s", sentence);
}

static void on_operator_event(void *arg, const Mesos__V1__Master__Event *event)
{
	const struct shell *shell = arg;

	operator_streams_tell(shell->operators, event);
}

static int64_t on_wall_ms(void *arg)
{
	(void)arg;
	return clock_wall_ms();
}

static int64_t on_stopwatch_ns(void *arg)
{
	(void)arg;
	return clock_boot_ns();
}

static void on_controller_event(void *arg, const char *type, const json_t *event)
{
	struct shell *shell = arg;

	if (shell->api)
		marathon_api_event(shell->api, type, event);
}

static int on_fetch(void *arg, uint64_t id, const struct controller_fetch *fetch)
{
	const struct shell *shell = arg;

	return fetches_start(shell->fetches, id, fetch);
}

static void on_fetch_cancel(void *arg, uint64_t id)
{
	const struct shell *shell = arg;

	fetches_cancel(shell->fetches, id);
}

static void on_fetched(void *arg, uint64_t id, const struct controller_answer *answer)
{
	struct shell *shell = arg;

	controller_fetched(shell->controller, id, answer, clock_boot_ms());
	shell_wake(shell);
}

/* ---- turns ---- */

void shell_wake(struct shell *shell)
{
	shell->needs_turn = true;
}

static void wake(void *arg)
{
	shell_wake(arg);
}

static int reply_source(void *arg, struct http_request *req, const struct json_source *source_take,
			struct err *e)
{
	const struct shell *shell = arg;

	return page_reply_source(shell->pages, req, source_take, e);
}

static void abdicate(void *arg)
{
	struct shell *shell = arg;

	log_info("the leadership is given up by request");
	loop_timer_set(shell->abdicate_timer, ABDICATION_MS);
}

static void on_abdicated(void *arg)
{
	struct shell *shell = arg;

	loop_stop(shell->loop);
}

static int64_t next_ms(const struct shell *shell)
{
	int64_t master = master_next_ms(shell->master);
	int64_t controller = controller_next_ms(shell->controller);

	return master < controller ? master : controller;
}

static void run_core(struct shell *shell)
{
	int64_t now = clock_boot_ms(), next = now;

	for (int i = 0; i < MAX_TURNS && next <= now; i++) {
		master_turn(shell->master, now);
		controller_turn(shell->controller, now);
		next = next_ms(shell);
	}
	if (next == INT64_MAX)
		loop_timer_clear(shell->turn_timer);
	else
		loop_timer_set(shell->turn_timer, next > now ? next - now : 0);
}

/*
 * Nothing that speaks of unwritten state leaves: events of agents and frameworks wait in our queues, answers that
 * are already queued are held on their connections.
 */
static void commit(struct shell *shell)
{
	bool is_dirty = store_is_dirty(shell->store);
	int64_t since_ns = clock_boot_ns();
	struct err e = { 0 };

	if (is_dirty && store_commit(shell->store, &e) < 0) {
		if (!shell->is_full)
			log_write_err(LOG_LEVEL_ERROR, &e, "the state cannot be written; writes are"
				      " refused until it can");
		shell->is_full = true;
		http_server_hold(shell->server);
		loop_timer_set(shell->retry_timer, RETRY_MS);
		return;
	}
	if (shell->is_full) {
		log_info("the state is written again");
		http_server_release(shell->server);
	}
	shell->is_full = false;
	if (is_dirty) {
		timings_add(&shell->commits, clock_boot_ns() - since_ns);
		store_backup_note(shell->backup);
	}
	streams_flush(shell->agents);
	streams_flush(shell->schedulers);
	operator_streams_flush(shell->operators);
}

static void on_retry(void *arg)
{
	commit(arg);
}

void shell_after_turn(void *arg)
{
	struct shell *shell = arg;

	pages_turn(shell->pages);
	if (!shell->needs_turn && (shell->is_full || !store_is_dirty(shell->store)))
		return;
	shell->needs_turn = false;
	run_core(shell);
	/* While the disk refuses, the timer tries, not every request; the gate lets no write in. */
	if (!shell->is_full)
		commit(shell);
	if (shell->needs_turn)
		loop_timer_set(shell->turn_timer, 0);
}

static void on_keepalive(void *arg)
{
	struct shell *shell = arg;

	marathon_api_keepalive(shell->api);
	loop_timer_set(shell->keepalive_timer, KEEPALIVE_MS);
}

/* ---- start ---- */

/* The directory and those above it; what exists must be ours alone. */
static int make_work_dir(const char *path, struct err *e)
{
	AUTO_FREE char *part = strdup(path);
	struct stat st;

	if (!part)
		return err_set(e, ENOMEM, "make work directory '%s'", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory '%s' of '--work_dir=%s'", part,
				       path);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make work directory '%s'", path);
	if (stat(path, &st) < 0)
		return err_set(e, errno, "look at work directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "use work directory '%s'", path);
	if (st.st_mode & 077)
		return err_set(e, EPERM,
			       "use work directory '%s': others have access to it (mode %o),"
			       " chmod 700",
			       path, (unsigned)st.st_mode & 07777);
	if (access(path, W_OK | X_OK) < 0)
		return err_set(e, errno, "write to work directory '%s'", path);
	return 0;
}

static int open_store(struct shell *shell, bool *ret_is_rebuilt, struct err *e)
{
	AUTO_FREE char *path = NULL, *notice = NULL;
	int r;

	if (asprintf(&path, "%s/%s", shell->flags.work_dir, state_file) < 0)
		return err_set(e, ENOMEM, "open state");
	r = store_open_sqlite(path, &shell->store, &notice, e);
	if (r == -EBUSY)
		return err_wrap(e, "another master uses work directory '%s'",
				shell->flags.work_dir);
	if (r < 0)
		return r;
	*ret_is_rebuilt = notice != NULL;
	if (notice)
		log_warning("%s", notice);
	return 0;
}

static int start_master(struct shell *shell, bool is_rebuilt, struct err *e)
{
	struct master_options options = master_default_options;
	struct master_io io = {
		.agent_event = on_agent_event, .agent_queued = on_agent_queued,
		.agent_close = on_agent_close,
		.explain = on_explain, .operator_event = on_operator_event, .wall_ms = on_wall_ms,
		.stopwatch_ns = on_stopwatch_ns, .arg = shell,
	};
	int64_t since_ns = clock_boot_ns();
	int r;

	options.agent_ping_ms = shell->flags.agent_ping_timeout;
	options.agent_max_missed_pings = (unsigned)shell->flags.max_agent_ping_timeouts;
	options.agent_removal_interval_ms = shell->flags.agent_removal_interval;
	options.offer_timeout_ms = shell->flags.offer_timeout;
	options.reregister_timeout_ms = shell->flags.agent_reregister_timeout;
	options.allocation_interval_ms = shell->flags.allocation_interval;
	options.min_allocatable_resources = shell->flags.min_allocatable_resources;
	options.filter_gpu_resources = shell->flags.filter_gpu_resources;
	options.domain = shell->flags.domain;
	options.roles = shell->flags.roles;
	options.weights = shell->flags.weights;
	options.service_addresses = shell->flags.service_addresses;
	options.service_node_ports = shell->flags.service_node_ports;
	options.service_drain_ms = shell->flags.service_drain_timeout;
	options.max_completed_frameworks = shell->flags.max_completed_frameworks;
	options.max_completed_tasks = shell->flags.max_completed_tasks_per_framework;
	options.hostname = shell->hostname;
	options.port = shell->port;
	/* A backup does not know the ids that were given after it was made. */
	options.skip_ids = is_rebuilt ? SKIPPED_IDS : 0;
	r = master_new(&options, &io, shell->store, &shell->rng, clock_boot_ms(), &shell->master,
		       e);
	shell->fetch_ns = clock_boot_ns() - since_ns;
	return r;
}

/* The flag was checked. */
static enum accepted_resources accepted_of(const char *name)
{
	if (strcmp(name, "unreserved") == 0)
		return ACCEPTED_UNRESERVED;
	return strcmp(name, "reserved") == 0 ? ACCEPTED_RESERVED : ACCEPTED_ANY;
}

static int start_controller(struct shell *shell, struct err *e)
{
	struct controller_options options = controller_default_options;
	struct controller_io io = {
		.event = on_controller_event, .explain = on_explain, .wall_ms = on_wall_ms,
		.fetch = on_fetch, .fetch_cancel = on_fetch_cancel, .arg = shell,
	};
	const struct marathon_api_io api_io = {
		.changed = wake, .reply_source = reply_source, .abdicate = abdicate, .arg = shell,
	};
	int r = fetches_new(shell->loop, on_fetched, shell, &shell->fetches, e);

	if (r < 0)
		return r;
	fetches_authorize(shell->fetches, shell->agent_authorization);
	options.hostname = shell->hostname;
	options.port = shell->port;
	options.http_port = shell->http_port;
	options.allow_origin = shell->flags.access_control_allow_origin;
	options.local_port_min = (uint16_t)shell->flags.local_port_min;
	options.local_port_max = (uint16_t)shell->flags.local_port_max;
	options.mesos_role = shell->flags.mesos_role;
	options.accepted = accepted_of(shell->flags.accepted_resource_roles_default_behavior);
	options.env_vars_prefix = shell->flags.env_vars_prefix;
	options.service_node_ports = shell->flags.service_node_ports;
	options.mesos_bridge_name = shell->flags.mesos_bridge_name;
	options.new_group_enforces_role = strcmp(shell->flags.new_group_enforce_role, "top") == 0;
	options.max_instances_per_offer = (unsigned)shell->flags.max_instances_per_offer;
	if (strcmp(shell->flags.placement_strategy, "binpack") == 0)
		options.placement = PLACEMENT_BINPACK;
	r = controller_new(&options, &io, shell->store, &shell->rng, shell->master, clock_boot_ms(),
			   &shell->controller, e);
	/* Mounted first: what nobody knows is told in the dialect that most clients speak. */
	if (r == 0)
		r = marathon_api_new(shell->controller, shell->server, &api_io, &shell->api, e);
	return r;
}

static int start_timers(struct shell *shell, struct err *e)
{
	int r = loop_timer_new(shell->loop, wake, shell, &shell->turn_timer, e);

	if (r == 0)
		r = loop_timer_new(shell->loop, on_retry, shell, &shell->retry_timer, e);
	if (r == 0)
		r = loop_timer_new(shell->loop, on_keepalive, shell, &shell->keepalive_timer, e);
	if (r == 0)
		r = loop_timer_new(shell->loop, on_abdicated, shell, &shell->abdicate_timer, e);
	if (r == 0)
		r = store_backup_new(shell->loop, shell->store, &shell->backup, e);
	if (r < 0)
		return r;
	loop_timer_set(shell->turn_timer, 0);
	loop_timer_set(shell->keepalive_timer, KEEPALIVE_MS);
	return 0;
}

int shell_start(struct shell *shell, struct err *e)
{
	bool is_rebuilt = false;
	int r = make_work_dir(shell->flags.work_dir, e);

	if (r == 0 && (r = rng_seed_from_kernel(&shell->rng)) < 0)
		return err_set(e, -r, "seed random numbers");
	if (r == 0)
		r = loop_new(&shell->loop, e);
	if (r == 0)
		r = log_toggle_new(shell->loop, &shell->log_toggle, e);
	if (r == 0)
		r = pages_new(shell->loop, &shell->pages, e);
	if (r == 0)
		r = open_store(shell, &is_rebuilt, e);
	if (r == 0)
		r = shell_server_start(shell, e);
	if (r == 0)
		r = streams_new("agent", &shell->rng, agent_stream_lost, &shell->agents, e);
	if (r == 0)
		r = streams_new("framework", &shell->rng, scheduler_stream_lost,
				&shell->schedulers, e);
	if (r == 0)
		r = operator_streams_new(shell, &shell->operators, e);
	if (r == 0)
		r = start_master(shell, is_rebuilt, e);
	if (r == 0)
		r = start_controller(shell, e);
	if (r == 0)
		r = operator_api_mount(shell, e);
	if (r == 0)
		r = start_timers(shell, e);
	/* The epoch, before anyone is told of it. */
	if (r == 0)
		r = store_commit(shell->store, e);
	if (r < 0)
		return r;
	store_backup_note(shell->backup);
	loop_after_turn(shell->loop, shell_after_turn, shell);
	return 0;
}

/* In reverse; every part may be missing. */
void shell_stop(struct shell *shell)
{
	struct err e = { 0 };

	if (shell->store && shell->master && store_is_dirty(shell->store) &&
	    store_commit(shell->store, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "write the state at the end");
	marathon_api_free(shell->api);
	operator_streams_free(shell->operators);
	pages_free(shell->pages);
	if (shell->server)
		http_server_free(shell->server);
	controller_free(shell->controller);
	fetches_free(shell->fetches);
	master_free(shell->master);
	streams_free(shell->agents);
	streams_free(shell->schedulers);
	loop_timer_free(shell->turn_timer);
	loop_timer_free(shell->retry_timer);
	loop_timer_free(shell->keepalive_timer);
	loop_timer_free(shell->abdicate_timer);
	store_backup_free(shell->backup);
	log_toggle_free(shell->log_toggle);
	if (shell->store)
		store_close(shell->store);
	loop_free(shell->loop);
	shell_server_done(shell);
}
