/* tepui-oci create and run. */
#include <errno.h>

#include "containerizer/container.h"
#include "containerizer/oci/command.h"
#include "containerizer/oci/foreground.h"
#include "containerizer/oci/late_hooks.h"
#include "containerizer/oci/making.h"
#include "lib/cleanup.h"

#define ROW(name_, kind_, member_, help_) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct making_options, member_), \
	  .help = (help_) }
#define LAUNCH_ROWS \
	COMMAND_HELP(struct making_options), \
	{ .name = "bundle", .kind = FLAG_STR, .off = offsetof(struct making_options, bundle), \
	  .help = "directory with config.json (default: the working directory)", .letter = 'b' }, \
	ROW("pid-file", FLAG_STR, pid_file, "file to write the process's id to"), \
	ROW("console-socket", FLAG_STR, console_socket, \
	    "unix socket to which the terminal's master is sent"), \
	ROW("preserve-fds", FLAG_U64, preserve_fds, \
	    "how many descriptors from 3 on the process inherits"), \
	ROW("no-pivot", FLAG_BOOL, no_pivot, "refused: the root would not be safe"), \
	ROW("no-new-keyring", FLAG_BOOL, no_new_keyring, "keep the caller's session keyring")

static const struct flag create_flags[] = { LAUNCH_ROWS };

static const struct flag run_flags[] = {
	LAUNCH_ROWS,
	{ .name = "detach", .kind = FLAG_BOOL, .off = offsetof(struct making_options, detach),
	  .help = "do not wait for its end", .letter = 'd' },
	ROW("keep", FLAG_BOOL, keep, "do not delete it after its end"),
	ROW("no-subreaper", FLAG_BOOL, no_subreaper, "accepted: there is none"),
};

static int create(const struct oci *oci, const void *options, char **args, int *ret_status,
		  struct err *e)
{
	struct making m = MAKING_INIT(oci);
	int r = making_launch(&m, args[0], options, true, e);

	(void)ret_status;
	making_done(&m);
	return r;
}

const struct command command_create = {
	.name = "create",
	.arguments = "ID",
	.help = "make a container of a bundle, which waits to be started",
	COMMAND_FLAGS(create_flags),
	.options_size = sizeof(struct making_options),
	.min_args = 1,
	.max_args = 1,
	.run = create,
	.makes_processes = true,
};

/* It may be paused, changed and deleted by others while it runs. */
static int wait_and_remove(struct making *m, struct foreground *fg, bool is_kept, int *ret_status,
			   struct err *e)
{
	int r;

	state_unlock(m->dir_fd);
	r = foreground_wait(fg, container_pidfd(m->container), &m->spec, TAKE_FD(m->master_fd),
			    ret_status, e);
	if (r < 0 || is_kept)
		return r;
	r = state_lock(m->dir_fd, m->state.id, e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : making_remove(m, e);
}

static int run(const struct oci *oci, const void *options, char **args, int *ret_status,
	       struct err *e)
{
	const struct making_options *o = options;
	struct making m = MAKING_INIT(oci);
	struct foreground fg = FOREGROUND_INIT;
	struct late_hooks late;
	int r = o->detach ? 0 : foreground_open(&fg, e);

	if (r == 0)
		r = making_launch(&m, args[0], o, false, e);
	if (r == 0) {
		late_hooks_load(&late, m.dir_fd, &m.state);
		late_hooks_run(&late, &m.state, SPEC_HOOK_POSTSTART, STATE_RUNNING);
	}
	if (r == 0 && !o->detach)
		r = wait_and_remove(&m, &fg, o->keep, ret_status, e);
	foreground_close(&fg);
	making_done(&m);
	return r;
}

const struct command command_run = {
	.name = "run",
	.arguments = "ID",
	.help = "make a container of a bundle, start it, wait for it and delete it",
	COMMAND_FLAGS(run_flags),
	.options_size = sizeof(struct making_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.makes_processes = true,
};
