/* tepui task exec and attach: a command beside a task with its status as ours; the task itself. */
#include "cli/exec.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/print.h"
#include "cli/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/rng.h"

/* A shell's rendering: 128 and the signal. */
static int status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* The id of a container with those that it is in, as a row of /containers has it; borrows from it. */
enum { MAX_NESTING = 4 };
static void read_id(const json_t *container, Mesos__V1__ContainerID ret[MAX_NESTING])
{
	const json_t *id = json_object_get(json_object_get(container, "status"), "container_id");

	for (size_t i = 0; i < MAX_NESTING && id; i++, id = json_object_get(id, "parent")) {
		mesos__v1__container_id__init(&ret[i]);
		ret[i].value = (char *)(uintptr_t)member_text(id, "value");
		if (i > 0)
			ret[i - 1].parent = &ret[i];
	}
}

static json_t *id_view(const Mesos__V1__ContainerID *id)
{
	return json_pack("{s:s, s:o*}", "value", id->value, "parent",
			 id->parent ? id_view(id->parent) : NULL);
}

/* One call about a nested container, by JSON. */
static int call_nested(struct cli *cli, const char *address, const char *type, const char *body,
		       const Mesos__V1__ContainerID *id, struct reply *ret, struct err *e)
{
	json_t *call = json_pack("{s:s, s:{s:o}}", "type", type, body, "container_id", id_view(id));
	int r = client_call(cli, address, HTTP_POST, "/api/v1", call, ret, e);

	json_decref(call);
	return r;
}

static int take_status(struct cli *cli, const char *address, const Mesos__V1__ContainerID *id,
		       struct err *e)
{
	struct reply reply;
	const json_t *status;
	int r = call_nested(cli, address, "WAIT_NESTED_CONTAINER", "wait_nested_container", id,
			    &reply, e);

	if (r < 0)
		return r;
	status = json_object_get(json_object_get(reply.json, "wait_nested_container"),
				 "exit_status");
	cli->status = status_of((int)json_integer_value(status));
	reply_done(&reply);
	/* It would be forgotten in time. */
	if (call_nested(cli, address, "REMOVE_NESTED_CONTAINER", "remove_nested_container", id,
			&reply, e) >= 0)
		reply_done(&reply);
	err_clear(e);
	return 0;
}

static int run(struct cli *cli, const char *address, const json_t *container, char **argv, size_t n,
	       struct err *e)
{
	Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
	Mesos__V1__Agent__Call__LaunchNestedContainerSession launch =
		MESOS__V1__AGENT__CALL__LAUNCH_NESTED_CONTAINER_SESSION__INIT;
	Mesos__V1__ContainerID id = MESOS__V1__CONTAINER_ID__INIT;
	Mesos__V1__ContainerID parents[MAX_NESTING];
	Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
	Mesos__V1__ContainerInfo info = MESOS__V1__CONTAINER_INFO__INIT;
	Mesos__V1__TTYInfo tty = MESOS__V1__TTYINFO__INIT;
	Mesos__V1__TTYInfo__WindowSize window = MESOS__V1__TTYINFO__WINDOW_SIZE__INIT;
	const struct session_plan plan = {
		.address = address, .call = &call, .id = &id,
		.input = cli->options.interactive ? SESSION_OUR_INPUT : SESSION_EMPTY_INPUT,
		.has_terminal = cli->options.tty,
	};
	char text[ID_UUID_SIZE];
	struct rng rng;
	int r = rng_seed_from_kernel(&rng);

	if (r < 0)
		return err_set(e, -r, "get random numbers");
	id_uuid(&rng, text);
	id.value = text;
	read_id(container, parents);
	id.parent = parents;
	command.has_shell = true;
	command.shell = false;
	command.value = argv[0];
	command.arguments = argv;
	command.n_arguments = n;
	call.has_type = true;
	call.type = MESOS__V1__AGENT__CALL__TYPE__LAUNCH_NESTED_CONTAINER_SESSION;
	call.launch_nested_container_session = &launch;
	launch.container_id = &id;
	launch.command = &command;
	if (cli->options.tty) {
		r = session_window(&window, e);
		if (r < 0)
			return r;
		info.type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
		info.tty_info = &tty;
		tty.window_size = &window;
		launch.container = &info;
	}
	r = session_run(cli, &plan, e);
	return r < 0 ? r : take_status(cli, address, &id, e);
}

int task_exec(struct cli *cli, char **args, size_t n, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *container = NULL;
	size_t first = strcmp(args[1], "--") == 0 ? 2 : 1;
	int r;

	if (strcmp(args[0], "--") == 0 || first == n)
		return err_set(e, CLI_MISUSE, "usage: tepui task exec ID -- COMMAND ...");
	r = cluster_running(cli, args[0], &container, address, e);
	if (r >= 0)
		r = run(cli, address, container, args + first, n - first, e);
	if (r < 0)
		cli->status = CLI_OWN_FAILURE;
	json_decref(container);
	return r;
}

int task_attach(struct cli *cli, char **args, size_t n, struct err *e)
{
	Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
	Mesos__V1__Agent__Call__AttachContainerOutput attach =
		MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_OUTPUT__INIT;
	Mesos__V1__ContainerID ids[MAX_NESTING];
	char address[CLUSTER_ADDRESS_SIZE];
	bool is_interactive = cli->options.interactive;
	const struct session_plan plan = {
		.address = address, .call = &call, .id = ids,
		.input = is_interactive ? SESSION_OUR_INPUT : SESSION_NO_INPUT,
		.has_terminal = is_interactive && isatty(STDIN_FILENO),
		.has_detach_keys = is_interactive,
	};
	json_t *container = NULL;
	int r = cluster_running(cli, args[0], &container, address, e);

	(void)n;
	if (r < 0)
		return r;
	read_id(container, ids);
	attach.container_id = ids;
	call.has_type = true;
	call.type = MESOS__V1__AGENT__CALL__TYPE__ATTACH_CONTAINER_OUTPUT;
	call.attach_container_output = &attach;
	r = session_run(cli, &plan, e);
	json_decref(container);
	return r;
}
