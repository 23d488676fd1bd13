/* tepui-oci start: tell the waiting process to go on, and hear whether it could. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/late_hooks.h"
#include "containerizer/oci/state.h"
#include "containerizer/sync.h"
#include "lib/cleanup.h"

static int connect_to(const struct state_dir *dir, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir->fd,
		       STATE_SOCKET);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(e, errno, "start container '%s'", dir->state.id);
	return TAKE_FD(fd);
}

/* The end of the connection is its execve; an error in it is what was in the way. */
static int hear(int fd, struct err *e)
{
	struct err failure;
	ssize_t n;

	do {
		n = read(fd, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return err_set(e, errno, "wait for the start");
	if (n > 0)
		sync_get_err(&failure, (size_t)n, e);
	return -e->code;
}

static int start_locked(const struct state_dir *dir, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	struct late_hooks late;
	enum state_status status;
	int r = state_get_status(dir, &status, e);

	if (r < 0)
		return r;
	if (status != STATE_CREATED)
		return err_set(e, EINVAL, "start container '%s', which is %s", dir->state.id,
			       state_status_names[status]);
	fd = connect_to(dir, e);
	if (fd < 0)
		return fd;
	r = hear(fd, e);
	(void)unlinkat(dir->fd, STATE_SOCKET, 0);
	if (r < 0)
		return r;
	late_hooks_load(&late, dir->fd, &dir->state);
	late_hooks_run(&late, &dir->state, SPEC_HOOK_POSTSTART, STATE_RUNNING);
	return 0;
}

static int start(const struct oci *oci, const void *options, char **args, int *ret_status,
		 struct err *e)
{
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, args[0], true, &dir, e);

	(void)options;
	(void)ret_status;
	if (r < 0)
		return r;
	r = start_locked(&dir, e);
	state_close(&dir);
	return r;
}

const struct command command_start = {
	.name = "start",
	.arguments = "ID",
	.help = "run the process of a container that was created",
	COMMAND_FLAGS(no_flags),
	.options_size = sizeof(struct no_options),
	.min_args = 1,
	.max_args = 1,
	.run = start,
};
