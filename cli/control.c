/* What is done to a running task, through its agent. */
#include "cli/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* POST BODY (borrowed, may be NULL) to ACTION of the container that the task runs in; WHAT is it then? */
static int post(struct cli *cli, const char *task_id, const char *action, const json_t *body,
		const char *what, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *container = NULL;
	AUTO_FREE char *target = NULL;
	struct reply reply;
	int r = cluster_running(cli, task_id, &container, address, e);

	if (r < 0)
		return r;
	if (asprintf(&target, "/containers/%s/%s", member_text(container, "container_id"),
		     action) < 0) {
		target = NULL;
		r = err_set(e, ENOMEM, "%s task '%s'", action, task_id);
	} else {
		r = client_call(cli, address, HTTP_POST, target, body, &reply, e);
	}
	json_decref(container);
	if (r < 0)
		return r;
	reply_done(&reply);
	if (!cli->options.quiet)
		printf("task %s %s\n", task_id, what);
	return 0;
}

int task_pause(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return post(cli, args[0], "pause", NULL, "is paused", e);
}

int task_resume(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return post(cli, args[0], "resume", NULL, "goes on", e);
}

int task_signal(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = json_pack("{s:s}", "signal", args[1]);
	AUTO_FREE char *what = NULL;
	int r;

	(void)n;
	if (!body || asprintf(&what, "was sent signal %s", args[1]) < 0) {
		what = NULL;
		r = err_set(e, EINVAL, "'%s' is no signal", args[1]);
	} else {
		r = post(cli, args[0], "signal", body, what, e);
	}
	json_decref(body);
	return r;
}

static int add_number(json_t *body, const char *name, const char *text, struct err *e)
{
	char *end;
	double value;

	if (!text)
		return 0;
	value = strtod(text, &end);
	if (end == text || *end)
		return err_set(e, CLI_MISUSE, "read flag '--%s': '%s' is not a number", name, text);
	return json_object_set_new(body, name, json_real(value)) < 0 ?
		       err_set(e, EINVAL, "read flag '--%s': '%s' is not a number", name, text) : 0;
}

int task_resize(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = json_object();
	int r = add_number(body, "cpus", cli->options.cpus, e);

	(void)n;
	if (r >= 0)
		r = add_number(body, "mem", cli->options.mem, e);
	if (r >= 0 && json_object_size(body) == 0)
		r = err_set(e, CLI_MISUSE, "resize task '%s': neither --cpus nor --mem", args[0]);
	if (r >= 0)
		r = post(cli, args[0], "resize", body, "has the resources that were asked for", e);
	json_decref(body);
	return r;
}
