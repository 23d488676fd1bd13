#include "cli/task_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { POLL_MS = 500 };

enum log_state { LOG_MORE, LOG_LIVE, LOG_ENDED };

/* "PLACE STATE [gap]", as agent/api_log.c says: the place is left in NEXT. */
static enum log_state read_next(char *next)
{
	const char *state = next;

	(void)strsep(&next, " ");
	state = next ? next : "";
	if (strstr(state, "gap"))
		fprintf(stderr, "tepui: some of the log was removed before it was read\n");
	return strncmp(state, "more", 4) == 0 ? LOG_MORE :
	       strncmp(state, "live", 4) == 0 ? LOG_LIVE : LOG_ENDED;
}

/* One piece to standard output; *NEXT, owned, is where the following one begins. */
static int print_piece(struct cli *cli, const char *address, const char *path, char **next,
		       enum log_state *ret_state, struct err *e)
{
	AUTO_FREE char *target = NULL;
	struct reply reply;
	int r;

	if (asprintf(&target, "/files/log?path=%s%s%s", path, *next ? "&after=" : "",
		     *next ? *next : "") < 0) {
		target = NULL;
		return err_set(e, ENOMEM, "read a log");
	}
	r = client_call(cli, address, HTTP_GET, target, NULL, &reply, e);
	if (r < 0)
		return r;
	freep(next);
	*next = TAKE_PTR(reply.log_next);
	if (!*next)
		r = err_set(e, EPROTO, "read a log: the answer does not say where it goes on");
	else
		*ret_state = read_next(*next);
	if (r == 0 && (fwrite(reply.text, 1, reply.size, stdout) != reply.size ||
		       fflush(stdout) != 0))
		r = err_set(e, errno, "write it");
	reply_done(&reply);
	return r;
}

int task_log(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	char address[CLUSTER_ADDRESS_SIZE];
	AUTO_FREE char *path = NULL, *next = NULL;
	enum log_state state = LOG_MORE;
	json_t *container = NULL;
	int r;

	(void)n;
	r = cluster_container(cli, args[0], &container, address, e);
	if (r < 0)
		return r;
	r = asprintf(&path, "/sandboxes/%s/%s", member_text(container, "container_id"),
		     cli->options.stderr_log ? "stderr" : "stdout");
	json_decref(container);
	if (r < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "build the path of a log");
	}
	do {
		if (state == LOG_LIVE)
			(void)nanosleep(&pause, NULL);
		r = print_piece(cli, address, path, &next, &state, e);
	} while (r == 0 && (state == LOG_MORE || (state == LOG_LIVE && cli->options.follow)));
	return r < 0 ? err_wrap(e, "read the log of task '%s'", args[0]) : 0;
}
