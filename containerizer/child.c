#include "containerizer/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "containerizer/console.h"
#include "containerizer/direct.h"
#include "containerizer/hooks.h"
#include "containerizer/init.h"
#include "containerizer/payload.h"
#include "containerizer/sync.h"
#include "isolators/isolator.h"
#include "lib/cleanup.h"
#include "lib/packet.h"

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int child_close_others(unsigned first, int *keep, size_t n, struct err *e)
{
	const int lowest = (int)first;

	qsort(keep, n, sizeof(*keep), compare_fds);
	for (size_t i = 0; i <= n; i++) {
		unsigned last = i < n ? (unsigned)keep[i] - 1 : ~0U;

		if (i < n && keep[i] < lowest)
			continue;
		if (first <= last && close_range(first, last, 0) < 0)
			return err_set(e, errno, "close descriptors");
		first = last + 2;
	}
	return 0;
}

int child_protect(struct err *e)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "protect the container's first process");
	return 0;
}

static int await(int sync_fd, enum sync_type type, struct err *e)
{
	struct sync_head head;
	size_t size;
	char none[1];
	int r = sync_recv(sync_fd, 0, &head, none, 0, &size, e);

	if (r < 0)
		return r;
	/* Nothing has been started that a signal could be passed on to: then it is meant for us. */
	if (r > 0 && head.type == SYNC_SIGNAL)
		return err_set(e, ECANCELED, "launch in spite of signal %d", head.value);
	if (r == 0 || head.type != (uint32_t)type)
		return err_set(e, ECONNABORTED, "wait for the supervisor");
	return 0;
}

/*
 * All of seal but the system call filter, which init must not share: it would not be able to
 * serve a payload whose profile forbids fork(2).  What init has given up, the processes that it
 * forks do not have either, so they add the filter alone (payload.c).
 */
int child_seal(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (!iso->seal || payload_is_filter(iso))
			continue;
		if (iso->seal(box, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return child_protect(e);
}

static void hide_arguments(const struct child_args *a)
{
	static const char name[] = "tepui-init";

	(void)prctl(PR_SET_NAME, name);
	if (a->arguments_size < sizeof(name))
		return;
	memset(a->arguments, 0, a->arguments_size);
	memcpy(a->arguments, name, sizeof(name));
}

/* Between the mounts and the change of root, first outside and then here. */
static int run_hooks(const void *arg, struct err *e)
{
	const struct child_args *a = arg;
	struct sync_head head = { .type = SYNC_HOOKS };
	struct hook_state state = {
		.object = a->launch.hook_state, .status = "creating", .pid = getpid(),
	};
	int r = sync_send(a->sync_fd, &head, NULL, 0, e);

	if (r == 0)
		r = await(a->sync_fd, SYNC_GO, e);
	return r < 0 ? r : hooks_run(a->box->spec, SPEC_HOOK_CREATE_CONTAINER, &state, e);
}

static bool has_hooks_at_create(const struct spec *spec)
{
	return spec->n_hooks[SPEC_HOOK_PRESTART] + spec->n_hooks[SPEC_HOOK_CREATE_RUNTIME] +
		spec->n_hooks[SPEC_HOOK_CREATE_CONTAINER] > 0;
}

/* Steps 5 and 6 of the launch. */
static int enter(const struct child_args *a, struct err *e)
{
	/* A supervisor that is not root could not write the id maps of who is protected from it. */
	int r = a->box->is_rootless ? 0 : child_protect(e);

	if (r < 0)
		return r;
	hide_arguments(a);
	r = a->launch.mode == CONTAINER_MODE_INIT ? init_prepare(a, e) : 0;
	if (r < 0)
		return r;
	r = await(a->sync_fd, SYNC_GO, e);
	if (r < 0)
		return r;
	if (has_hooks_at_create(a->box->spec)) {
		a->box->before_pivot = run_hooks;
		a->box->before_pivot_arg = a;
	}
	return isolators_enter(a->box, e);
}

/* Step 7: nothing of the host stays open but what is still needed. */
static int release_host(const struct child_args *a, int master_fd, struct err *e)
{
	const struct container_launch *launch = &a->launch;
	struct sync_head ready = { .type = SYNC_READY };
	const struct packet_fds fds = { .fd = { master_fd }, .n = master_fd >= 0 };
	int keep[] = {
		a->sync_fd, a->null_fd, a->box->seccomp_fd, launch->start_fd, launch->stdio.in_fd,
		launch->stdio.out_fd, launch->stdio.err_fd,
	};
	/* The master goes to the supervisor alone: with a copy here a hangup would not be seen. */
	int r = sync_send_fds(a->sync_fd, &ready, NULL, 0, &fds, e);

	return r < 0 ? r : child_close_others(3 + launch->n_preserved, keep, ARRAY_SIZE(keep), e);
}

void child_fail(const struct child_args *args, const struct err *e)
{
	sync_send_err(args->sync_fd, SYNC_FAILED, 0, e);
	_exit(1);
}

/* In init mode init makes the main process's terminal itself. */
static int open_console(struct child_args *a, int *ret_master_fd, struct err *e)
{
	int fd;

	if (a->launch.mode != CONTAINER_MODE_DIRECT || !a->box->spec->terminal)
		return 0;
	*ret_master_fd = console_open(a->box->spec, &fd, e);
	if (*ret_master_fd < 0)
		return *ret_master_fd;
	a->launch.stdio = (struct container_stdio){ fd, fd, fd };
	return 0;
}

void child_run(struct child_args *args)
{
	int master_fd = -EBADF;
	struct err e = { 0 };

	if (enter(args, &e) < 0 || open_console(args, &master_fd, &e) < 0 ||
	    release_host(args, master_fd, &e) < 0)
		child_fail(args, &e);
	if (args->launch.mode == CONTAINER_MODE_DIRECT)
		direct_run(args);
	init_run(args);
}
