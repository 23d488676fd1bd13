#include "containerizer/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "containerizer/child.h"
#include "containerizer/hooks.h"
#include "containerizer/payload.h"
#include "containerizer/sync.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/err.h"

void direct_give_stdio(const struct spec *spec)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0 || st.st_uid == spec->uid ||
		    (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, spec->uid, (gid_t)-1) < 0)
			continue;
	}
}

int direct_keep_preserved(unsigned n, struct err *e)
{
	for (unsigned fd = 3; fd < 3 + n; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags < 0 || fcntl((int)fd, F_SETFD, flags & ~FD_CLOEXEC) < 0)
			return err_set(e, errno, "preserve descriptor %u", fd);
	}
	return 0;
}

/* Step 8: this may take days.  The connection is owned by the caller. */
static int await_connection(const struct child_args *a, struct err *e)
{
	struct sync_head waiting = { .type = SYNC_WAITING };
	int fd, r = payload_find(a->box->spec->args, a->box->spec->env, e);

	if (r < 0)
		return r;
	r = sync_send(a->sync_fd, &waiting, NULL, 0, e);
	if (r < 0)
		return r;
	do {
		fd = accept4(a->launch.start_fd, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? err_set(e, errno, "wait to be started") : fd;
}

static int run_start_hooks(const struct child_args *args, struct err *e)
{
	const struct hook_state state = {
		.object = args->launch.hook_state, .status = "created", .pid = getpid(),
	};

	return hooks_run(args->box->spec, SPEC_HOOK_START_CONTAINER, &state, e);
}

void direct_run(const struct child_args *args)
{
	const struct spec *spec = args->box->spec;
	struct payload p = {
		.box = args->box, .argv = spec->args, .env = spec->env,
		.stdio = args->launch.stdio, .has_terminal = spec->terminal,
	};
	struct err e = { 0 };
	int start_fd = -EBADF;

	if (!spec->terminal)
		direct_give_stdio(spec);
	if (direct_keep_preserved(args->launch.n_preserved, &e) < 0 || child_seal(args->box, &e) < 0 ||
	    payload_prepare(&p, &e) < 0)
		child_fail(args, &e);
	if (args->launch.start_fd >= 0) {
		start_fd = await_connection(args, &e);
		if (start_fd < 0)
			child_fail(args, &e);
	}
	if (run_start_hooks(args, &e) == 0)
		(void)payload_exec(&p, &e);
	/* Step 9: both sockets are close-on-exec, so that their end means success. */
	if (start_fd >= 0 && write(start_fd, &e, sizeof(e)) < 0)
		_exit(126);
	child_fail(args, &e);
}
