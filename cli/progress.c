#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { POLL_MS = 100 };

static const json_t *find_deployment(const json_t *list, const char *id)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		if (strcmp(member_text(item, "id"), id) == 0)
			return item;
	}
	return NULL;
}

/* "step 1/2 ScaleApplication /web: 2/3 running, 1 healthy" */
static int describe(struct cli *cli, const json_t *deployment, char *line, size_t size,
		    struct err *e)
{
	const json_t *action = json_array_get(json_object_get(deployment, "currentActions"), 0);
	const char *app = member_text(action, "app");
	AUTO_FREE char *path = client_app_path(app, "");
	json_t *reply = NULL, *info;
	int r;

	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r == -ENOENT) {
		err_clear(e);	/* being deleted */
		(void)snprintf(line, size, "%s: stopping", app);
		return 0;
	}
	if (r < 0)
		return r;
	info = json_object_get(reply, "app");
	(void)snprintf(line, size, "%s: step %.0f/%.0f %s, %.0f wanted, %.0f staged, %.0f running, "
		       "%.0f healthy", app, member_number(deployment, "currentStep"),
		       member_number(deployment, "totalSteps"), member_text(action, "action"),
		       member_number(info, "instances"), member_number(info, "tasksStaged"),
		       member_number(info, "tasksRunning"), member_number(info, "tasksHealthy"));
	json_decref(reply);
	return 0;
}

static void show_line(const struct cli *cli, const char *line, char *shown, size_t size)
{
	if (cli->options.json || cli->options.quiet || strcmp(line, shown) == 0)
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s", line);
	else
		fprintf(stderr, "%s\n", line);
	(void)snprintf(shown, size, "%s", line);
}

static void end_line(const char *shown)
{
	if (*shown && isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

int progress_wait_deployment(struct cli *cli, const char *id, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int64_t deadline = clock_boot_ms() + cli->options.timeout_ms;
	char line[256], shown[256] = "";
	int r = 0;

	for (;;) {
		json_t *list = NULL;
		const json_t *deployment;

		r = client_get(cli, NULL, "/v2/deployments", &list, e);
		if (r < 0)
			break;
		deployment = find_deployment(list, id);
		if (deployment) {
			r = describe(cli, deployment, line, sizeof(line), e);
			if (r >= 0)
				show_line(cli, line, shown, sizeof(shown));
		}
		json_decref(list);
		if (r < 0 || !deployment)
			break;
		if (clock_boot_ms() > deadline) {
			r = err_set(e, ETIMEDOUT, "wait for deployment '%s': not done after the "
				    "time given by --timeout (last seen: %s)", id, shown);
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	end_line(shown);
	return r;
}
