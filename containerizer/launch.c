#include "containerizer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/child.h"
#include "containerizer/clone.h"
#include "containerizer/sync.h"
#include "isolators/attributes.h"
#include "isolators/isolator.h"
#include "isolators/namespaces.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/open_resolved.h"
#include "lib/packet.h"

struct container {
	struct cgroup_layout layout;
	struct box box;
	int sync_fd;
	enum container_mode mode;
	bool has_cgroup;
	bool is_ready;		/* its enter phase is over */
	bool is_started;	/* or has said that it will not be */
	bool is_reaped;
	int terminal_fd;	/* direct mode: the master, until an event takes it; or -EBADF */
	int init_status;
};

DEFINE_AUTO(struct container *, container_free);

static char *arguments;
static size_t arguments_size;

void container_hide_arguments(int argc, char **argv)
{
	arguments = argv[0];
	for (int i = 0; i < argc; i++)
		arguments_size += strlen(argv[i]) + 1;
}

static int open_sandbox(struct container *c, struct err *e)
{
	const char *path = c->box.spec->sandbox;

	if (!path)
		return 0;
	/* It may lie in that of another container, whose task put a link in the way. */
	c->box.sandbox_fd = open_resolved(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW,
					  RESOLVE_NO_SYMLINKS);
	return c->box.sandbox_fd < 0 ?
		err_set(e, -c->box.sandbox_fd, "open sandbox '%s'", path) : 0;
}

static const char *cgroup_name(const struct container *c)
{
	const struct spec *spec = c->box.spec;

	return spec->cgroup_name ? spec->cgroup_name : spec->id;
}

/* Steps 1 and 2. */
int container_create(const struct spec *spec, int seccomp_fd, struct container **ret,
		     struct err *e)
{
	AUTO(container_freep) struct container *c = calloc(1, sizeof(*c));
	struct err lost = { 0 };
	int r;

	if (!c)
		return err_set(e, ENOMEM, "create container '%s'", spec->id);
	box_init(&c->box, spec, seccomp_fd);
	c->sync_fd = c->terminal_fd = -EBADF;
	if (!spec->cgroup_layout)
		return err_set(e, EINVAL, "find cgroups of container '%s'", spec->id);
	r = isolators_validate(spec, e);
	if (r < 0)
		return r;
	r = cgroup_layout_parse(spec->cgroup_layout, &c->layout, e);
	if (r < 0)
		return r;
	r = open_sandbox(c, e);
	if (r < 0)
		return r;
	r = cgroup_create(&c->layout, cgroup_name(c), &c->box.cgroup, e);
	if (r < 0)
		return r;
	r = isolators_prepare(&c->box, e);
	if (r < 0) {
		(void)cgroup_destroy(&c->layout, cgroup_name(c), 1000, &lost);
		return r;
	}
	c->has_cgroup = true;
	*ret = TAKE_PTR(c);
	return 0;
}

/*
 * Our own child, not yet reaped: its pid cannot mean another process.  Where it may not be lowered
 * (root without CAP_SYS_RESOURCE) the container keeps ours, which is the likelier one to be killed.
 */
static int set_oom_score(const struct container *c, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char path[64], value[16];
	int n;

	if (!c->box.spec->has_oom_score_adj)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)c->box.init_pid);
	n = snprintf(value, sizeof(value), "%d", c->box.spec->oom_score_adj);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || (write(fd, value, (size_t)n) < 0 && errno != EACCES && errno != EPERM))
		return err_set(e, errno, "write '%s' to '%s'", value, path);
	return 0;
}

static int send_plain(const struct container *c, enum sync_type type, uint32_t id, int value,
		      struct err *e)
{
	struct sync_head head = { .type = type, .id = id, .value = value };

	return sync_send(c->sync_fd, &head, NULL, 0, e);
}

/* Step 4. */
static int attach(struct container *c, struct err *e)
{
	int r = set_oom_score(c, e);

	if (r < 0)
		return r;
	r = isolators_attach(&c->box, e);
	if (r < 0)
		return r;
	return send_plain(c, SYNC_GO, 0, 0, e);
}

/*
 * Init puts its own /dev/null over 0 to 2: an FD among them is copied above, into *RET_COPY
 * (owned).
 */
static int above_stdio(int *fd, int *ret_copy, struct err *e)
{
	if (*fd > 2)
		return 0;
	*ret_copy = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (*ret_copy < 0)
		return err_set(e, errno, "copy descriptor %d", *fd);
	*fd = *ret_copy;
	return 0;
}

/* The process that a path names may have gone, and its number be one of the host's by now. */
static int check_joined(const struct box *box, struct err *e)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (join_is_own(box, (enum spec_namespace)i))
			return err_set(e, EINVAL, "join '%s', which is the %s namespace of the host",
				       box->spec->namespace_paths[i], namespace_kinds[i].type);
	}
	return 0;
}

/* What init mode needs besides; the copies are owned by the caller. */
static int prepare_init(struct child_args *args, int ret_copies[3], struct err *e)
{
	int *const fds[] = {
		&args->launch.stdio.in_fd, &args->launch.stdio.out_fd, &args->launch.stdio.err_fd,
	};

	/* Whatever loses its parent becomes its child, also where another one is pid 1. */
	if (!spec_has_namespace(args->box->spec, SPEC_NS_PID))
		return err_set(e, EINVAL, "run an init in the pid namespace of the host");
	if (check_joined(args->box, e) < 0)
		return -e->code;
	/* Init forks the main process. */
	if (scheduler_ends_with_fork(args->box->spec))
		return err_set(e, EINVAL, "process.scheduler: keep to a policy that ends with a "
			       "fork");
	/* Whoever may post a task must not run programs on the host. */
	if (spec_has_hooks(args->box->spec))
		return err_set(e, EINVAL, "hooks: they are for tepui-oci alone");
	/* A child that lacks the right to load a filter by then must have given up all others. */
	if (args->box->seccomp_fd >= 0 && !args->box->spec->no_new_privileges)
		return err_set(e, EINVAL, "filter system calls without noNewPrivileges");
	args->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (args->null_fd < 0)
		return err_set(e, errno, "open '/dev/null'");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int r = *fds[i] < 0 ? 0 : above_stdio(fds[i], &ret_copies[i], e);

		if (r < 0)
			return r;
		if (*fds[i] < 0)
			*fds[i] = args->null_fd;
	}
	return 0;
}

static int clone_child(struct container *c, struct child_args *args, struct err *e)
{
	AUTO_CLOSE int far = -EBADF;
	int fds[2], r = sync_pair(fds, e);
	pid_t pid;

	if (r < 0)
		return r;
	c->sync_fd = fds[0];
	args->sync_fd = far = fds[1];
	pid = clone_init(&c->box, e);
	if (pid == 0) {
		/* Or with its own copy it would wait for ever for a supervisor that was killed. */
		fd_close(&c->sync_fd);
		child_run(args);
	}
	if (pid < 0)
		return pid;
	c->box.init_pid = pid;
	return 0;
}

int container_start(struct container *c, const struct container_launch *launch, struct err *e)
{
	struct child_args args = {
		.box = &c->box, .launch = *launch, .sync_fd = -EBADF, .null_fd = -EBADF,
		.arguments = arguments, .arguments_size = arguments_size,
	};
	int copies[3] = { -EBADF, -EBADF, -EBADF };
	int r = launch->mode == CONTAINER_MODE_INIT ? prepare_init(&args, copies, e) : 0;

	c->mode = launch->mode;
	if (r == 0)
		r = clone_child(c, &args, e);
	fd_close(&args.null_fd);
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		fd_close(&copies[i]);
	if (r < 0)
		return r;
	r = attach(c, e);
	if (r == 0)
		return 0;
	(void)syscall(SYS_pidfd_send_signal, c->box.init_pidfd, SIGKILL, NULL, 0);
	(void)waitpid(c->box.init_pid, &c->init_status, 0);
	c->is_reaped = true;
	return r;
}

int container_sync_fd(const struct container *c)
{
	return c->sync_fd;
}

int container_pidfd(const struct container *c)
{
	return c->box.init_pidfd;
}

pid_t container_pid(const struct container *c)
{
	return c->box.init_pid;
}

const struct cgroup *container_cgroup(const struct container *c)
{
	return &c->box.cgroup;
}

static const struct {
	enum sync_type sync;
	enum container_event_type event;
} event_types[] = {
	{ SYNC_HOOKS, CONTAINER_HOOKS },
	{ SYNC_WAITING, CONTAINER_WAITING },
	{ SYNC_STARTED, CONTAINER_STARTED },
	{ SYNC_FAILED, CONTAINER_FAILED },
	{ SYNC_EXITED, CONTAINER_EXITED },
	{ SYNC_EXEC_STARTED, CONTAINER_EXEC_STARTED },
	{ SYNC_EXEC_DONE, CONTAINER_EXEC_DONE },
	{ SYNC_EXEC_FAILED, CONTAINER_EXEC_FAILED },
};

/*
 * In direct mode execve(2) closes the other end, and that is what tells of its success: whatever
 * fails before says so first, and of a process that was killed the pidfd and its status tell.
 */
static enum container_event_type end_of_events(struct container *c)
{
	if (c->mode != CONTAINER_MODE_DIRECT || !c->is_ready || c->is_started)
		return CONTAINER_CLOSED;
	c->is_started = true;
	return CONTAINER_STARTED;
}

/* What a message of pid 1 tells; -EPROTO when it is none that it says. */
static int read_event(const struct sync_head *head, const void *data, size_t size,
		      struct container_event *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_types); i++) {
		if (head->type != (uint32_t)event_types[i].sync)
			continue;
		ret->type = event_types[i].event;
		ret->id = head->id;
		ret->wait_status = head->value;
		if (ret->type == CONTAINER_FAILED || ret->type == CONTAINER_EXEC_FAILED)
			sync_get_err(data, size, &ret->error);
		return 1;
	}
	return err_set(e, EPROTO, "read message %u of the container's init", head->type);
}

static int take_event(struct container *c, int flags, struct container_event *ret, struct err *e)
{
	struct container_event event = { .type = CONTAINER_CLOSED, .terminal_fd = -EBADF };
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	char data[sizeof(struct err)];
	struct sync_head head;
	size_t size;
	int r;

	r = sync_recv_fds(c->sync_fd, flags, &head, data, sizeof(data), &size, &fds, e);
	if (r == 0) {
		event.type = end_of_events(c);
		event.terminal_fd = TAKE_FD(c->terminal_fd);
		*ret = event;
		return 1;
	}
	if (r < 0)
		return r == -EAGAIN && e->code == 0 ? 0 : r;
	/* Step 7. */
	if (head.type == SYNC_READY) {
		c->is_ready = true;
		if (fds.n == 1)
			c->terminal_fd = TAKE_FD(fds.fd[0]);
		return 0;
	}
	r = read_event(&head, data, size, &event, e);
	if (r < 0)
		return r;
	c->is_started |= event.type == CONTAINER_FAILED;
	event.terminal_fd = fds.n == 1 ? TAKE_FD(fds.fd[0]) : TAKE_FD(c->terminal_fd);
	*ret = event;
	return r;
}

int container_read_event(struct container *c, struct container_event *ret, struct err *e)
{
	return take_event(c, MSG_DONTWAIT, ret, e);
}

int container_await_event(struct container *c, struct container_event *ret, struct err *e)
{
	int r;

	do {
		r = take_event(c, 0, ret, e);
	} while (r == 0);
	return r;
}

int container_continue(struct container *c, struct err *e)
{
	return send_plain(c, SYNC_GO, 0, 0, e);
}

static size_t strings_size(char *const *list, uint32_t *ret_n)
{
	size_t size = 0;

	for (; *list; list++, ++*ret_n)
		size += strlen(*list) + 1;
	return size;
}

static char *put_strings(char *at, char *const *list)
{
	for (; *list; list++)
		at = stpcpy(at, *list) + 1;
	return at;
}

int container_exec(struct container *c, uint32_t id, const struct container_command *command,
		   struct err *e)
{
	const struct container_stdio *stdio = command->stdio;
	struct packet_fds fds = { 0 };
	struct sync_head head = { .type = SYNC_EXEC, .id = id };
	struct sync_command how = {
		.has_terminal = command->has_terminal,
		.rows = command->rows, .columns = command->columns,
		.has_cgroup = command->part != NULL,
	};
	AUTO_CLOSE int procs_fd = -EBADF;
	AUTO_FREE char *data = NULL;
	uint32_t n_env = 0;
	size_t size = sizeof(how) + strings_size(command->argv, &how.n_args) +
		strings_size(command->env, &n_env);

	if (size > SYNC_MAX_DATA)
		return err_set(e, E2BIG, "run command of %zu bytes in the container", size);
	data = malloc(size);
	if (!data)
		return err_set(e, ENOMEM, "run command in the container");
	memcpy(data, &how, sizeof(how));
	(void)put_strings(put_strings(data + sizeof(how), command->argv), command->env);
	if (stdio)
		fds = (struct packet_fds){
			.fd = { stdio->in_fd, stdio->out_fd, stdio->err_fd }, .n = 3,
		};
	if (command->part) {
		procs_fd = cgroup_open_part(&c->box.cgroup, command->part, e);
		if (procs_fd < 0)
			return procs_fd;
		fds.fd[fds.n++] = procs_fd;
	}
	return sync_send_fds(c->sync_fd, &head, data, size, &fds, e);
}

int container_exec_signal(struct container *c, uint32_t id, int signo, struct err *e)
{
	return send_plain(c, SYNC_EXEC_SIGNAL, id, signo, e);
}

int container_kill_part(struct container *c, const char *part, struct err *e)
{
	return cgroup_kill_part(&c->box.cgroup, part, e);
}

int container_signal(struct container *c, int signo, struct err *e)
{
	return send_plain(c, SYNC_SIGNAL, 0, signo, e);
}

int container_signal_main(struct container *c, int signo, struct err *e)
{
	return send_plain(c, SYNC_SIGNAL_MAIN, 0, signo, e);
}

static int make_socket(int family, struct err *e)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_set(e, errno, "make a socket") : fd;
}

int container_socket(const struct container *c, int family, struct err *e)
{
	AUTO_CLOSE int own = -EBADF, made = -EBADF;

	if (!spec_has_namespace(c->box.spec, SPEC_NS_NETWORK))
		return make_socket(family, e);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return err_set(e, errno, "open the own network namespace");
	if (setns(c->box.init_pidfd, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter the container's network");
	made = make_socket(family, e);
	if (setns(own, CLONE_NEWNET) < 0)
		return err_set(e, errno, "leave the container's network");
	return made < 0 ? made : TAKE_FD(made);
}

int container_kill(struct container *c, struct err *e)
{
	return cgroup_kill(&c->box.cgroup, e);
}

int container_reap(struct container *c, int *ret_wait_status, struct err *e)
{
	if (!c->is_reaped && c->box.init_pid > 0) {
		pid_t pid = waitpid(c->box.init_pid, &c->init_status, WNOHANG);

		if (pid == 0)
			return -EAGAIN;
		if (pid < 0)
			return err_set(e, errno, "wait for init %d", (int)c->box.init_pid);
		c->is_reaped = true;
	}
	*ret_wait_status = c->init_status;
	return 0;
}

int container_destroy(struct container *c, int timeout_ms, struct err *e)
{
	int r;

	if (!c->has_cgroup)
		return 0;
	r = cgroup_destroy(&c->layout, cgroup_name(c), timeout_ms, e);
	if (r < 0)
		return r;
	isolators_release(&c->box);
	c->has_cgroup = false;
	return 0;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	fd_close(&c->sync_fd);
	fd_close(&c->terminal_fd);
	box_close(&c->box);
	cgroup_layout_done(&c->layout);
	free(c);
}
