/* tepui-oci kill. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/processes.h"
#include "lib/signals.h"
#include "containerizer/oci/state.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"

struct kill_options {
	bool help, all;
};

static const struct flag kill_flags[] = {
	COMMAND_HELP(struct kill_options),
	{ .name = "all", .kind = FLAG_BOOL, .off = offsetof(struct kill_options, all),
	  .letter = 'a', .help = "every process of the container, not the first alone" },
};

/* "No such process" is what containerd looks for, to know that it has come too late. */
static int refuse(const struct state *state, struct err *e)
{
	err_clear(e);
	return err_set(e, ESRCH, "container '%s' is not running", state->id);
}

static int kill_first(const struct state *state, int signo, struct err *e)
{
	AUTO_CLOSE int pidfd = state_open_process(state, e);

	if (pidfd == -ESRCH)
		return refuse(state, e);
	if (pidfd < 0)
		return pidfd;
	if (syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0U) == 0)
		return 0;
	return errno == ESRCH ? refuse(state, e)
		: err_set(e, errno, "send signal %d to container '%s'", signo, state->id);
}

static int kill_all(const struct state *state, int signo, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	int r = state_open_cgroup(state, &cg, e);

	if (r == -ENOENT)
		return refuse(state, e);
	if (r == 0)
		r = signo == SIGKILL ? cgroup_kill(&cg, e) : processes_signal(&cg, signo, e);
	cgroup_close(&cg);
	return r;
}

static int kill_container(const struct oci *oci, const void *options, char **args,
			  int *ret_status, struct err *e)
{
	const struct kill_options *o = options;
	struct state_dir dir = STATE_DIR_INIT;
	int signo = signal_from_text(args[1] ? args[1] : "SIGTERM");
	int r;

	(void)ret_status;
	if (signo < 0)
		return err_set(e, EINVAL, "send signal '%.32s': there is none of that name",
			       args[1]);
	r = state_open(oci->root, args[0], false, &dir, e);
	if (r < 0)
		return r;
	r = o->all ? kill_all(&dir.state, signo, e) : kill_first(&dir.state, signo, e);
	state_close(&dir);
	return r;
}

const struct command command_kill = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.help = "send a signal (SIGTERM) to a container",
	COMMAND_FLAGS(kill_flags),
	.options_size = sizeof(struct kill_options),
	.min_args = 1,
	.max_args = 2,
	.run = kill_container,
};
