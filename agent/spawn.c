#include "agent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/disk.h"
#include "agent/container.h"
#include "agent/images.h"
#include "agent/launch_spec.h"
#include "agent/network.h"
#include "agent/persistent.h"
#include "agent/runtime_dir.h"
#include "agent/sandbox.h"
#include "agent/volumes.h"
#include "containerizer/handover.h"
#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/program.h"

enum {
	SANDBOX_MODE = 0750,
	PARENT_MODE = 0711,
	MAX_EXECUTOR_BYTES = 256 << 20,
	FIRST_FREE_FD = 16,		/* descriptors are parked from here on before dup2 */
};

/* How soon an executor looks for a restarted agent: well within the time it is given. */
static const char backoff_max[] = "500ms";

static int open_program(const char *path, struct err *e)
{
	int fd;

	if (!path) {
		fd = program_open("tepui-executor", e);
		return fd < 0 ? err_wrap(e, "find the executor, which --executor names") : fd;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open executor '%s'", path) : fd;
}

/* A copy that no container can reach through /proc/PID/exe and no upgrade can pull away. */
int supervisors_load(const char *path, struct err *e)
{
	AUTO_CLOSE int file = open_program(path, e), copy = -EBADF;
	struct stat st;
	off_t done = 0;

	if (file < 0)
		return file;
	if (fstat(file, &st) < 0)
		return err_set(e, errno, "read the executor");
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || st.st_size > MAX_EXECUTOR_BYTES)
		return err_set(e, EINVAL, "use executor '%s': not a program",
			       path ? path : "tepui-executor");
	copy = memfd_create("tepui-executor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return err_set(e, errno, "copy the executor");
	while (done < st.st_size) {
		if (sendfile(copy, file, &done, (size_t)(st.st_size - done)) <= 0)
			return err_set(e, errno ? errno : EIO, "copy the executor");
	}
	if (fchmod(copy, 0500) < 0 ||
	    fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(e, errno, "seal the copy of the executor");
	return TAKE_FD(copy);
}

/* ---- its environment ---- */

enum { N_ENV = 16 };

static int put_env(char **env, size_t *n, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int put_env(char **env, size_t *n, const char *name, const char *fmt, ...)
{
	AUTO_FREE char *value = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (r < 0)
		value = NULL;
	if (r < 0 || asprintf(&env[*n], "%s=%s", name, value) < 0) {
		env[*n] = NULL;
		return -ENOMEM;
	}
	(*n)++;
	return 0;
}

static void free_env(char **env)
{
	for (size_t i = 0; i < N_ENV; i++)
		free(env[i]);
}

static int build_env(const struct container *c, char **env, struct err *e)
{
	const struct agent *agent = c->agent;
	size_t n = 0;
	int r;

	r = put_env(env, &n, "MESOS_FRAMEWORK_ID", "%s", c->framework);
	r |= put_env(env, &n, "MESOS_EXECUTOR_ID", "%s", c->executor);
	r |= put_env(env, &n, "MESOS_DIRECTORY", "%s", c->sandbox);
	r |= put_env(env, &n, "MESOS_SANDBOX", "%s", HANDOVER_SANDBOX);
	r |= put_env(env, &n, "MESOS_SLAVE_ID", "%s", agent_id(agent));
	r |= put_env(env, &n, "MESOS_SLAVE_PID", "slave(1)@%s", agent->endpoint);
	r |= put_env(env, &n, "MESOS_AGENT_ENDPOINT", "%s", agent->endpoint);
	r |= put_env(env, &n, "MESOS_DOMAIN_SOCKET", "%s/agent.sock", agent->work_dir);
	r |= put_env(env, &n, "MESOS_CHECKPOINT", "1");
	r |= put_env(env, &n, "MESOS_HTTP_COMMAND_EXECUTOR", "1");
	r |= put_env(env, &n, "MESOS_RECOVERY_TIMEOUT", "%" PRId64 "ms",
		     agent->flags.recovery_timeout);
	r |= put_env(env, &n, "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "%" PRId64 "ms",
		     agent->flags.executor_shutdown_grace_period);
	r |= put_env(env, &n, "MESOS_SUBSCRIPTION_BACKOFF_MAX", "%s", backoff_max);
	r |= put_env(env, &n, "MESOS_FAILURE_OUTPUT", "%s",
		     agent->flags.failure_output ? "true" : "false");
	return r ? err_set(e, ENOMEM, "spawn an executor") : 0;
}

/* ---- the process ---- */

struct child {
	int executor_fd, seccomp_fd, log_fd;
	char *argv[3];
	char **env;
};

/* In the child of clone3(): a copy of the agent, single-threaded, so libc may be used. */
static void run_child(const struct child *child)
{
	sigset_t none;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int executor = fcntl(child->executor_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int log = fcntl(child->log_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int seccomp = -EBADF;

	if (child->seccomp_fd >= 0)
		seccomp = fcntl(child->seccomp_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* What is ignored stays ignored through execve. */
	(void)signal(SIGPIPE, SIG_DFL);
	if (null_fd < 0 || executor < 0 || log < 0 || setsid() < 0 || dup2(null_fd, 0) < 0 ||
	    dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	if (seccomp >= 0 ? dup2(seccomp, HANDOVER_SECCOMP_FD) < 0 :
			   (close(HANDOVER_SECCOMP_FD) < 0 && errno != EBADF))
		_exit(126);
	/* The executor's own copy is still needed for the call itself. */
	(void)syscall(SYS_close_range, (unsigned)HANDOVER_SECCOMP_FD + 1, ~0U,
		      CLOSE_RANGE_CLOEXEC);
	(void)syscall(SYS_execveat, executor, "", child->argv, child->env, AT_EMPTY_PATH);
	_exit(127);
}

static int start_child(const struct agent *agent, const struct child *child, pid_t *ret_pid,
		       int *ret_pidfd, struct err *e)
{
	int pidfd = -EBADF;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)agent->supervisors_fd,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		run_child(child);
	if (pid < 0)
		return err_set(e, errno, "make the executor's process");
	*ret_pid = (pid_t)pid;
	*ret_pidfd = pidfd;
	return 0;
}

/* ---- the sandbox ---- */

static int open_parent(const struct container *c, struct err *e)
{
	const char *sandbox = c->parent->sandbox ? c->parent->sandbox : "";
	int fd = sandbox_open_host(c->agent, sandbox, O_PATH);

	return fd < 0 ? err_set(e, -fd, "open sandbox '%s'", sandbox) : fd;
}

/* In the sandbox of its parent, which that may write to: no name is followed twice. */
static int make_shared(const struct container *c, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	if (!c->parent || json_array_size(c->launch->parent_directories) == 0)
		return 0;
	fd = open_parent(c, e);
	if (fd < 0)
		return fd;
	return volumes_make(fd, c->launch->parent_directories, c->launch->uid, c->launch->gid, true,
			    e);
}

/* In the sandbox of its pod, by the name that people know: as Mesos has it. */
static int link_member(const struct container *c, struct err *e)
{
	AUTO_CLOSE int sandbox = -EBADF, tasks = -EBADF;
	char target[64];

	if (c->kind != CONTAINER_TASK || !c->parent)
		return 0;
	sandbox = open_parent(c, e);
	tasks = sandbox < 0 ? sandbox : dir_make(sandbox, "tasks", PARENT_MODE, e);
	if (tasks < 0)
		return tasks;
	(void)snprintf(target, sizeof(target), "../containers/%s", c->id);
	if (symlinkat(target, tasks, c->executor) < 0 && errno != EEXIST)
		return err_set(e, errno, "link sandbox '%s'", target);
	return 0;
}

static int make_sandbox(const struct container *c, struct err *e)
{
	AUTO_FREE char *path = c->sandbox ? strdup(c->sandbox) : NULL;
	AUTO_CLOSE int parent = -EBADF, fd = -EBADF;
	const char *relative, *name;
	char *slash;

	if (!path)
		return err_set(e, ENOMEM, "make a sandbox");
	relative = path + strlen(c->agent->work_dir) + 1;
	slash = strrchr(path, '/');
	*slash = '\0';
	name = slash + 1;
	parent = dir_make(c->agent->work_fd, relative, PARENT_MODE, e);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, SANDBOX_MODE) < 0 && errno != EEXIST)
		return err_set(e, errno, "make sandbox '%s'", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open sandbox '%s'", name);
	if (disk_assign(c, fd, e) < 0)
		return err_wrap(e, "make sandbox '%s'", name);
	if (volumes_make(fd, c->launch->directories, c->launch->uid, c->launch->gid, false, e) < 0 ||
	    make_shared(c, e) < 0)
		return err_wrap(e, "make sandbox '%s'", name);
	if (fchown(fd, c->launch->uid, c->launch->gid) < 0)
		return err_set(e, errno, "give sandbox '%s' to user %u", name, c->launch->uid);
	/* Of what has runs. */
	if (c->parent || c->kind == CONTAINER_STANDALONE)
		return link_member(c, e);
	(void)unlinkat(parent, "latest", 0);
	if (symlinkat(name, parent, "latest") < 0)
		return err_set(e, errno, "link sandbox '%s'", name);
	return 0;
}

void spawn_undo(struct container *c)
{
	if (images_are_used(c))
		images_release(c->agent, c->id);
	runtime_dir_remove(c->agent->work_fd, c->id);
}

int spawn_supervisor(struct container *c, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	const struct agent *agent = c->agent;
	const struct launch_result *launch = c->launch;
	AUTO_CLOSE int seccomp_fd = -EBADF;
	AUTO_FREE char *runtime = NULL;
	char name[] = "tepui-executor";
	char *env[N_ENV] = { NULL };
	struct child child;
	int r;

	if (asprintf(&runtime, "%s/containers/%s", agent->work_dir, c->id) < 0) {
		runtime = NULL;
		return err_set(e, ENOMEM, "spawn an executor");
	}
	/* The sandbox stays whatever follows: it is what people look into, and age removes it. */
	r = make_sandbox(c, e);
	if (r >= 0 && !launch->is_unconfined) {
		r = seccomp_profile_compile(launch->profile, launch->capabilities,
					    e);
		seccomp_fd = r;
	}
	if (r >= 0)
		r = runtime_dir_make(agent->work_fd, c->id, launch->config, e);
	if (r < 0)
		return r;
	r = network_files_write(c, launch_hostname(c->info, c->id), e);
	if (r >= 0)
		r = images_prepare(c, e);
	if (r >= 0)
		r = persistent_prepare(c, e);
	if (r >= 0)
		r = build_env(c, env, e);
	if (r >= 0) {
		child = (struct child){ agent->executor_fd, seccomp_fd, STDERR_FILENO,
					{ name, runtime, NULL }, env };
		r = start_child(agent, &child, ret_pid, ret_pidfd, e);
	}
	free_env(env);
	if (r < 0)
		spawn_undo(c);
	return r;
}
