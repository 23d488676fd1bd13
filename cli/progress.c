#include "cli/progress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "net/http_parser.h"

enum { POLL_MS = 100 };

enum { COUNTS_SIZE = 128, HELD_SIZE = 400 };

/* What is known of the app or pod of an action. */
struct subject {
	bool is_done;
	char counts[COUNTS_SIZE];
	char held[HELD_SIZE];	/* by itself: ": " and why, or "" */
};

/* ---- Apps ---- */

/* Do all of its tasks have a definition that is no older than the last change of it? */
static bool is_current(const json_t *app)
{
	const char *changed =
		member_text(json_object_get(app, "versionInfo"), "lastConfigChangeAt");
	const json_t *task;
	size_t i;

	json_array_foreach(json_object_get(app, "tasks"), i, task) {
		if (strcmp(member_text(task, "version"), changed) < 0)
			return false;
	}
	return true;
}

static size_t count_ready(const json_t *results, const json_t **ret_failing)
{
	const json_t *result;
	size_t i, n_ready = 0;

	*ret_failing = NULL;
	json_array_foreach(results, i, result) {
		if (json_is_true(json_object_get(result, "ready")))
			n_ready++;
		else
			*ret_failing = result;
	}
	return n_ready;
}

/* Of instances that are being started; those of before are not asked any more. */
static void tell_readiness(const json_t *app, const json_t *results, struct subject *ret)
{
	const json_t *failing, *response;
	size_t n_ready = count_ready(results, &failing);

	if (json_array_size(json_object_get(app, "readinessChecks")) == 0)
		return;
	if (!failing) {
		(void)snprintf(ret->held, sizeof(ret->held), ", %zu ready", n_ready);
		return;
	}
	ret->is_done = false;
	response = json_object_get(failing, "lastResponse");
	(void)snprintf(ret->held, sizeof(ret->held), ", %zu ready: task %s does not pass the "
		       "readiness check '%s'", n_ready, member_text(failing, "taskId"),
		       member_text(failing, "name"));
	if (response)
		(void)snprintf(ret->held + strlen(ret->held), sizeof(ret->held) - strlen(ret->held),
			       " (status %.0f)", member_number(response, "status"));
}

static void tell_app(const json_t *app, const json_t *action, struct subject *ret)
{
	double wanted = member_number(app, "instances"), running = member_number(app, "tasksRunning");
	double healthy = member_number(app, "tasksHealthy");
	bool is_checked = json_array_size(json_object_get(app, "healthChecks")) > 0;
	const char *stopped = member_text(app, "unhealthyKillsStopped");

	(void)snprintf(ret->counts, sizeof(ret->counts),
		       "%.0f wanted, %.0f staged, %.0f running, %.0f healthy", wanted,
		       member_number(app, "tasksStaged"), running, healthy);
	ret->is_done = running == wanted && member_number(app, "tasksStaged") == 0 &&
		       (!is_checked || healthy == wanted) && is_current(app);
	tell_readiness(app, json_object_get(action, "readinessCheckResults"), ret);
	if (*stopped)
		(void)snprintf(ret->held, sizeof(ret->held), ": %s", stopped);
}

/* ---- Pods ---- */

static void tell_pod(const json_t *status, struct subject *ret)
{
	const json_t *instances = json_object_get(status, "instances"), *instance;
	const json_t *scaling = json_object_get(json_object_get(status, "spec"), "scaling");
	size_t i, n_stable = 0;

	json_array_foreach(instances, i, instance)
		n_stable += strcmp(member_text(instance, "status"), "STABLE") == 0;
	(void)snprintf(ret->counts, sizeof(ret->counts), "%.0f wanted, %zu started, %zu stable",
		       member_number(scaling, "instances"), json_array_size(instances), n_stable);
	ret->is_done = (double)n_stable == member_number(scaling, "instances") &&
		       n_stable == json_array_size(instances);
}

/* ---- Deployments ---- */

static int look_at(struct cli *cli, const json_t *action, struct subject *ret, struct err *e)
{
	const char *id = member_subject_id(action);
	bool is_pod = json_object_get(action, "pod");
	AUTO_FREE char *path = is_pod ? client_pod_path(id, "::status") : client_app_path(id, "");
	json_t *reply = NULL;
	int r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");

	*ret = (struct subject){ .is_done = false };
	if (r == -ENOENT) {
		err_clear(e);	/* being deleted */
		(void)snprintf(ret->counts, sizeof(ret->counts), "stopping");
		return 0;
	}
	if (r < 0)
		return r;
	if (is_pod)
		tell_pod(reply, ret);
	else
		tell_app(json_object_get(reply, "app"), action, ret);
	json_decref(reply);
	return 0;
}

const char *progress_held(const json_t *deployment, char buf[PROGRESS_HELD_SIZE])
{
	const char *id = member_text(deployment, "id");

	*buf = '\0';
	if (json_is_true(json_object_get(deployment, "paused")))
		(void)snprintf(buf, PROGRESS_HELD_SIZE, "is paused: tepui deployment resume %s", id);
	else if (json_is_true(json_object_get(deployment, "awaitsPromotion")))
		(void)snprintf(buf, PROGRESS_HELD_SIZE,
			       "awaits promotion: tepui deployment promote %s", id);
	return buf;
}

/* "/web: step 1/2 ScaleApplication, 3 wanted, 0 staged, 2 running, 1 healthy" */
static void write_line(const json_t *deployment, const json_t *action, const struct subject *subject,
		       struct progress *ret)
{
	char held[PROGRESS_HELD_SIZE];

	(void)progress_held(deployment, held);
	(void)snprintf(ret->line, sizeof(ret->line), "%s: step %.0f/%.0f %s, %s%s%s%s",
		       member_subject_id(action), member_number(deployment, "currentStep"),
		       member_number(deployment, "totalSteps"), member_text(action, "action"),
		       subject->counts, subject->held, *held ? ": " : "", held);
}

int progress_describe(struct cli *cli, const json_t *deployment, struct progress *ret,
		      struct err *e)
{
	const json_t *actions = json_object_get(deployment, "currentActions"), *action;
	json_t *queue = NULL, *item;
	bool is_found = false;
	size_t i;
	int r = client_get(cli, NULL, "/v2/queue", &queue, e);

	memset(ret, 0, sizeof(*ret));
	json_array_foreach(actions, i, action) {
		struct subject subject;

		if (r < 0 || is_found)
			break;
		r = look_at(cli, action, &subject, e);
		item = queue_item(queue, member_subject_id(action));
		is_found = item || !subject.is_done;
		if (r < 0 || (!is_found && i > 0))
			continue;
		write_line(deployment, action, &subject, ret);
		if (item)
			queue_why(item, ret->why, sizeof(ret->why));
	}
	json_decref(queue);
	return r < 0 ? r : 0;
}

/* ---- Waiting ---- */

/* The reason may count seconds down: only on a terminal, where the line is rewritten. */
static void show(const struct cli *cli, const struct progress *now, struct progress *shown)
{
	bool is_terminal = isatty(STDERR_FILENO);
	char text[PROGRESS_LINE_SIZE + sizeof(": ") + QUEUE_WHY_SIZE];

	if (cli->options.json || cli->options.quiet || (strcmp(now->line, shown->line) == 0 &&
	    (!is_terminal || strcmp(now->why, shown->why) == 0)))
		return;
	if (is_terminal) {
		(void)snprintf(text, sizeof(text), "%s%s%s", now->line, *now->why ? ": " : "",
			       now->why);
		cut_text(text, terminal_columns(STDERR_FILENO));
		fprintf(stderr, "\r\033[K%s", text);
	} else {
		fprintf(stderr, "%s\n", now->line);
	}
	*shown = *now;
}

static void end_line(const struct progress *shown)
{
	if (*shown->line && isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

/* 1: it goes on, 0: it has succeeded.  Whoever cancels it may be somebody else. */
static int judge(const char *id, const json_t *deployment, struct err *e)
{
	const char *state = member_text(deployment, "state");
	const char *by = member_text(deployment, "rolledBackBy");

	if (strcmp(state, "failed") == 0)
		return err_set(e, ECANCELED, "wait for deployment '%s': it failed: %s%s%s", id,
			       member_text(deployment, "reason"),
			       *by ? "; rolled back by deployment " : "", by);
	return strcmp(state, "running") == 0;
}

int progress_get(struct cli *cli, const char *id, json_t **ret, struct err *e)
{
	AUTO_FREE char *escaped = http_encode(id), *path = NULL;

	if (!escaped || asprintf(&path, "/v2/deployments/%s", escaped) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "build the path of deployment '%s'", id);
	}
	return client_get(cli, NULL, path, ret, e);
}

static int look(struct cli *cli, const char *id, struct progress *now, struct progress *shown,
		struct err *e)
{
	json_t *deployment = NULL;
	int r = progress_get(cli, id, &deployment, e);

	if (r < 0)
		return err_wrap(e, "wait for deployment '%s'", id);
	r = judge(id, deployment, e);
	if (r > 0) {
		r = progress_describe(cli, deployment, now, e);
		if (r >= 0)
			show(cli, now, shown);
		r = r < 0 ? r : 1;
	}
	json_decref(deployment);
	return r;
}

int progress_wait_deployment(struct cli *cli, const char *id, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int64_t deadline = clock_boot_ms() + cli->options.timeout_ms;
	struct progress now = { 0 }, shown = { 0 };
	int r;

	while ((r = look(cli, id, &now, &shown, e)) > 0) {
		if (clock_boot_ms() > deadline) {
			r = err_set(e, ETIMEDOUT, "wait for deployment '%s': not done after the "
				    "time given by --timeout (last seen: %s%s%s)", id, now.line,
				    *now.why ? ": " : "", now.why);
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	end_line(&shown);
	return r;
}
