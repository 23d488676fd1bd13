#include "cli/progress.h"

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

enum { LINE_SIZE = 256 };

/* How far a deployment is, and why it is not further: "" unless something waits to be launched. */
struct progress {
	char line[LINE_SIZE];
	char why[QUEUE_WHY_SIZE];
};

static int find_why(struct cli *cli, const char *app, char *ret, size_t size, struct err *e)
{
	json_t *item = NULL;
	int r = queue_find(cli, app, &item, e);

	if (item)
		queue_why(item, ret, size);
	json_decref(item);
	return r;
}

static void count_app(const json_t *app, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%.0f wanted, %.0f staged, %.0f running, %.0f healthy",
		       member_number(app, "instances"), member_number(app, "tasksStaged"),
		       member_number(app, "tasksRunning"), member_number(app, "tasksHealthy"));
}

static void count_pod(const json_t *status, char *ret, size_t size)
{
	const json_t *instances = json_object_get(status, "instances"), *instance;
	const json_t *scaling = json_object_get(json_object_get(status, "spec"), "scaling");
	size_t i, n_stable = 0;

	json_array_foreach(instances, i, instance)
		n_stable += strcmp(member_text(instance, "status"), "STABLE") == 0;
	(void)snprintf(ret, size, "%.0f wanted, %zu started, %zu stable", member_number(scaling, "instances"),
		       json_array_size(instances), n_stable);
}

/* "/web: step 1/2 ScaleApplication, 3 wanted, 0 staged, 2 running, 1 healthy" */
static int describe(struct cli *cli, const json_t *deployment, struct progress *ret, struct err *e)
{
	const json_t *action = json_array_get(json_object_get(deployment, "currentActions"), 0);
	const char *id = member_subject_id(action);
	bool is_pod = json_object_get(action, "pod");
	AUTO_FREE char *path = is_pod ? client_pod_path(id, "::status") : client_app_path(id, "");
	char counts[LINE_SIZE / 2];
	json_t *reply = NULL;
	int r;

	*ret->why = '\0';
	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r == -ENOENT) {
		err_clear(e);	/* being deleted */
		(void)snprintf(ret->line, sizeof(ret->line), "%s: stopping", id);
		return 0;
	}
	if (r < 0)
		return r;
	if (is_pod)
		count_pod(reply, counts, sizeof(counts));
	else
		count_app(json_object_get(reply, "app"), counts, sizeof(counts));
	(void)snprintf(ret->line, sizeof(ret->line), "%s: step %.0f/%.0f %s, %s", id,
		       member_number(deployment, "currentStep"),
		       member_number(deployment, "totalSteps"), member_text(action, "action"), counts);
	json_decref(reply);
	return find_why(cli, id, ret->why, sizeof(ret->why), e);
}

/* The reason may count seconds down: only on a terminal, where the line is rewritten. */
static void show(const struct cli *cli, const struct progress *now, struct progress *shown)
{
	bool is_terminal = isatty(STDERR_FILENO);
	char text[LINE_SIZE + sizeof(": ") + QUEUE_WHY_SIZE];

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

	if (strcmp(state, "failed") == 0)
		return err_set(e, ECANCELED, "wait for deployment '%s': it failed: %s", id,
			       member_text(deployment, "reason"));
	return strcmp(state, "running") == 0;
}

static int look(struct cli *cli, const char *id, struct progress *now, struct progress *shown,
		struct err *e)
{
	AUTO_FREE char *escaped = http_encode(id), *path = NULL;
	json_t *deployment = NULL;
	int r;

	if (!escaped || asprintf(&path, "/v2/deployments/%s", escaped) < 0)
		return err_set(e, ENOMEM, "wait for deployment '%s'", id);
	r = client_get(cli, NULL, path, &deployment, e);
	if (r < 0)
		return err_wrap(e, "wait for deployment '%s'", id);
	r = judge(id, deployment, e);
	if (r > 0) {
		r = describe(cli, deployment, now, e);
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
