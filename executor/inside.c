#include "executor/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/container.h"
#include "executor/control.h"
#include "executor/output.h"
#include "executor/run.h"
#include "isolators/id_map.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"

struct inside {
	struct run *run;
	struct control *control;
	void (*on_pause)(void *arg, bool is_paused);
	void *arg;
};

/* ---- commands beside the task ---- */

/* The task may open what it inherited by /proc/self/fd: so it is its own. */
static int give_away(const struct packet_fds *fds, const struct spec *spec, struct err *e)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (spec_give(spec, fds->fd[i]) < 0)
			return err_set(e, errno, "change owner of descriptor %zu", i);
	}
	return 0;
}

static uint16_t terminal_size(uint32_t size)
{
	return size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;
}

static void set_terminal(struct container_command *command, const Mesos__V1__TTYInfo *info)
{
	command->has_terminal = info;
	if (!info || !info->window_size)
		return;
	command->rows = terminal_size(info->window_size->rows);
	command->columns = terminal_size(info->window_size->columns);
}

static int run_beside(void *arg, uint32_t id, const Tepui__ControlCall__Run *call,
		      const struct packet_fds *fds, struct err *e)
{
	struct run *run = ((struct inside *)arg)->run;
	const struct container_stdio stdio = { fds->fd[0], fds->fd[1], fds->fd[2] };
	struct container_command command = { .stdio = fds->n == 3 ? &stdio : NULL };
	AUTO_FREE char **argv = calloc(call->n_arguments + 1, sizeof(*argv));
	int r;

	if (!argv)
		return err_set(e, ENOMEM, "run command");
	if (run_is_over(run))
		return err_set(e, ENOENT, "run command: the task has ended");
	r = give_away(fds, run_spec(run), e);
	if (r < 0)
		return r;
	memcpy(argv, call->arguments, call->n_arguments * sizeof(*argv));
	command.argv = argv;
	set_terminal(&command, call->tty_info);
	return run_command(run, id, &command, call->environment, e);
}

static void signal_command(void *arg, uint32_t id, int signo)
{
	run_command_signal(((struct inside *)arg)->run, id, signo);
}

bool inside_command_started(struct inside *inside, uint32_t id, int terminal_fd)
{
	if (id < CONTROL_FIRST_ID)
		return false;
	if (inside)
		control_started(inside->control, id, terminal_fd);
	return true;
}

bool inside_command_done(struct inside *inside, uint32_t id, int wait_status,
			 const struct err *failure)
{
	if (id < CONTROL_FIRST_ID)
		return false;
	if (inside)
		control_done(inside->control, id, wait_status, failure);
	return true;
}

/* ---- the task itself ---- */

static int attach(void *arg, uint32_t id, struct packet_fds *fds, int *ret_terminal_fd,
		  struct err *e)
{
	const struct inside *inside = arg;

	return output_attach(run_output(inside->run), id, fds, ret_terminal_fd, e);
}

static void detach(void *arg, uint32_t id)
{
	const struct inside *inside = arg;

	output_detach(run_output(inside->run), id);
}

static int signal_main(void *arg, int signo, struct err *e)
{
	const struct inside *inside = arg;

	return run_signal_main(inside->run, signo, e);
}

static int pause_task(void *arg, bool is_paused, struct err *e)
{
	const struct inside *inside = arg;
	int r = run_pause(inside->run, is_paused, e);

	if (r == 0)
		inside->on_pause(inside->arg, is_paused);
	return r;
}

static const struct control_ops ops = {
	.run = run_beside,
	.run_signal = signal_command,
	.attach = attach,
	.detach = detach,
	.signal = signal_main,
	.pause = pause_task,
};

int inside_new(struct loop *loop, int runtime_fd, struct run *run,
	       void (*on_pause)(void *arg, bool is_paused), void *arg, struct inside **ret,
	       struct err *e)
{
	struct inside *inside = calloc(1, sizeof(*inside));
	int r;

	if (!inside)
		return err_set(e, ENOMEM, "serve the agent");
	inside->run = run;
	inside->on_pause = on_pause;
	inside->arg = arg;
	r = control_new(loop, runtime_fd, &ops, inside, &inside->control, e);
	if (r < 0)
		free(inside);
	else
		*ret = inside;
	return r;
}

void inside_free(struct inside *inside)
{
	if (!inside)
		return;
	control_free(inside->control);
	free(inside);
}
