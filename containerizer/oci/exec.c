/* tepui-oci exec. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/console_socket.h"
#include "containerizer/oci/env.h"
#include "containerizer/oci/filters.h"
#include "containerizer/oci/foreground.h"
#include "containerizer/oci/pid_file.h"
#include "containerizer/oci/preserved.h"
#include "containerizer/oci/process.h"
#include "containerizer/oci/state.h"
#include "containerizer/spec_json.h"
#include "containerizer/visit.h"
#include "isolators/cgroup.h"
#include "isolators/isolator.h"
#include "isolators/proc_file.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/file_in.h"

enum { EXEC_FAILED = 255 };

#define ROW(name_, letter_, kind_, member_, help_) \
	{ .name = (name_), .letter = (letter_), .kind = (kind_), \
	  .off = offsetof(struct exec_options, member_), .help = (help_) }
static const struct flag exec_flags[] = {
	COMMAND_HELP(struct exec_options),
	ROW("process", 'p', FLAG_STR, process, "file with the OCI document of the process"),
	ROW("cwd", 0, FLAG_STR, cwd, "its working directory"),
	ROW("env", 'e', FLAG_LIST, env, "a variable, NAME=VALUE"),
	ROW("user", 'u', FLAG_STR, user, "its user, UID[:GID]"),
	ROW("additional-gids", 'g', FLAG_LIST, gids, "a group that it is in, too"),
	ROW("cap", 'c', FLAG_LIST, caps, "a capability that it has, too"),
	ROW("no-new-privs", 0, FLAG_BOOL, no_new_privs, "no more rights by execve"),
	ROW("apparmor", 0, FLAG_STR, apparmor, "its AppArmor profile"),
	ROW("process-label", 0, FLAG_STR, process_label, "its SELinux label"),
	ROW("tty", 't', FLAG_BOOL, tty, "give it a terminal"),
	ROW("detach", 'd', FLAG_BOOL, detach, "do not wait for its end"),
	ROW("console-socket", 0, FLAG_STR, console_socket,
	    "unix socket to which the terminal's master is sent"),
	ROW("pid-file", 0, FLAG_STR, pid_file, "file to write its process id to"),
	ROW("preserve-fds", 0, FLAG_U64, preserve_fds,
	    "how many descriptors from 3 on it inherits"),
	ROW("cgroup", 0, FLAG_STR, cgroup, "a cgroup below the container's"),
	ROW("ignore-paused", 0, FLAG_BOOL, ignore_paused, "in a paused container, too"),
};

struct execution {
	const struct exec_options *options;
	int seccomp_fd, pidfd;
	struct spec spec;
	struct cgroup cgroup;
	char *group;			/* below it, or NULL */
	struct visitor visitor;
};

static int load(struct execution *x, const struct state_dir *dir, char *const *args, struct err *e)
{
	json_auto_t *config = NULL;
	json_t *process = NULL;
	int r = file_in_read_json(dir->fd, STATE_CONFIG, SPEC_MAX_DOCUMENT, &config, e);

	if (r == 0)
		r = process_make(config, x->options, args, &process, e);
	if (r < 0)
		return r;
	if (json_object_set_new(config, "process", process) < 0)
		return err_set(e, ENOMEM, "make the process's document");
	r = spec_from_json(config, &x->spec, e);
	if (r < 0)
		return r;
	x->spec.id = strdup(dir->state.id);
	return x->spec.id ? isolators_validate(&x->spec, e)
		: err_set(e, ENOMEM, "make the process's document");
}

static int check_status(const struct state_dir *dir, bool ignore_paused, struct err *e)
{
	enum state_status status;
	int r = state_get_status(dir, &status, e);

	if (r < 0 || status == STATE_RUNNING || status == STATE_CREATED ||
	    (status == STATE_PAUSED && ignore_paused))
		return r;
	return err_set(e, EINVAL, "execute in container '%s', which is %s", dir->state.id,
		       state_status_names[status]);
}

/*
 * A container that manages groups of its own (systemd in it, on v2) has no processes in its group
 * itself, and can have none: then to where its first process is.  *RET is owned, or NULL.
 */
static int find_group(const struct cgroup *cg, const struct state *state, char **ret,
		      struct err *e)
{
	AUTO_FREE char *text = NULL, *inner = NULL;
	char path[64], enabled[512];
	const char *line, *start;
	int r = cgroup_read(cg, "cgroup.subtree_control", enabled, sizeof(enabled), e);

	if (r < 0 || enabled[strspn(enabled, " \n")] == '\0')
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)state->pid);
	r = proc_file_read(path, &text, e);
	if (r < 0)
		return r;
	if (asprintf(&inner, "/%s/", state->cgroup_name) < 0) {
		inner = NULL;
		return err_set(e, ENOMEM, "find the cgroup of container '%s'", state->id);
	}
	line = strstr(text, "0::");
	start = line ? strstr(line, inner) : NULL;
	if (!start)
		return 0;
	start += strlen(inner);
	*ret = strndup(start, strcspn(start, "\n"));
	return *ret ? 0 : err_set(e, ENOMEM, "find the cgroup of container '%s'", state->id);
}

/* By the root of the first process, which must still be that one when it is open. */
static int add_home(struct execution *x, const struct state *state, struct err *e)
{
	AUTO_CLOSE int root_fd = -EBADF;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)state->pid);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || syscall(SYS_pidfd_send_signal, x->pidfd, 0, NULL, 0U) < 0)
		return 0;
	return env_add_home(root_fd, x->spec.uid, &x->spec.env, e);
}

static int prepare(struct execution *x, const struct state_dir *dir, char *const *args,
		   struct err *e)
{
	const struct exec_options *o = x->options;
	int r;

	if ((r = check_status(dir, o->ignore_paused, e)) < 0 || (r = load(x, dir, args, e)) < 0 ||
	    (r = console_socket_check(o->console_socket, x->spec.terminal, !o->detach, e)) < 0 ||
	    (r = state_open_cgroup(&dir->state, &x->cgroup, e)) < 0)
		return r;
	x->pidfd = state_open_process(&dir->state, e);
	if (x->pidfd < 0)
		return x->pidfd;
	r = add_home(x, &dir->state, e);
	if (r < 0)
		return r;
	if (!o->cgroup) {
		r = find_group(&x->cgroup, &dir->state, &x->group, e);
		if (r < 0)
			return r;
	}
	if (!x->spec.seccomp && !x->spec.has_builtin_seccomp)
		return 0;
	x->seccomp_fd = filters_get(dir->fd, x->spec.seccomp, x->spec.capabilities.bounding, e);
	return x->seccomp_fd < 0 ? err_wrap(e, "linux.seccomp") : 0;
}

static int start(struct execution *x, struct err *e)
{
	struct visit visit = {
		.pidfd = x->pidfd, .cgroup = &x->cgroup,
		.group = x->options->cgroup ? x->options->cgroup : x->group,
		.spec = &x->spec, .seccomp_fd = x->seccomp_fd,
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
	};
	int r = preserved_count(x->options->preserve_fds, &visit.n_preserved, e);

	if (r == 0)
		r = visit_start(&visit, &x->visitor, e);
	if (r == 0 && x->options->console_socket)
		r = console_socket_send(x->options->console_socket, x->visitor.terminal_fd, e);
	if (r == 0 && x->options->pid_file)
		r = pid_file_write(x->options->pid_file, x->visitor.pid, e);
	return r;
}

static int execute(struct execution *x, int *ret_status, struct err *e)
{
	struct foreground fg = FOREGROUND_INIT;
	int r = x->options->detach ? 0 : foreground_open(&fg, e);

	if (r == 0)
		r = start(x, e);
	if (r == 0 && !x->options->detach)
		r = foreground_wait(&fg, x->visitor.pidfd, &x->spec,
				    x->options->console_socket ? -EBADF
							       : TAKE_FD(x->visitor.terminal_fd),
				    ret_status, e);
	foreground_close(&fg);
	return r;
}

static int exec(const struct oci *oci, const void *options, char **args, int *ret_status,
		struct err *e)
{
	struct execution x = {
		.options = options, .seccomp_fd = -EBADF, .pidfd = -EBADF, .cgroup = CGROUP_INIT,
		.visitor = { .pidfd = -EBADF, .terminal_fd = -EBADF },
	};
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, args[0], false, &dir, e);

	if (r == 0)
		r = prepare(&x, &dir, args + 1, e);
	state_close(&dir);
	if (r == 0)
		r = execute(&x, ret_status, e);
	fd_close(&x.visitor.pidfd);
	fd_close(&x.visitor.terminal_fd);
	fd_close(&x.pidfd);
	fd_close(&x.seccomp_fd);
	cgroup_close(&x.cgroup);
	free(x.group);
	spec_done(&x.spec);
	return r;
}

const struct command command_exec = {
	.name = "exec",
	.arguments = "ID [COMMAND [ARGUMENT ...]]",
	.help = "run another process in a container",
	COMMAND_FLAGS(exec_flags),
	.options_size = sizeof(struct exec_options),
	.min_args = 1,
	.max_args = COMMAND_ANY_ARGS,
	.failed_status = EXEC_FAILED,
	.run = exec,
	.makes_processes = true,
};
