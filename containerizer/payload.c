#include "containerizer/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/err.h"

bool payload_is_filter(const struct isolator *iso)
{
	return strcmp(iso->name, "seccomp") == 0;
}

static int seal_filter(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		if (!payload_is_filter(isolator_table[i]) || !isolator_table[i]->seal)
			continue;
		if (isolator_table[i]->seal(box, e) < 0)
			return err_wrap(e, "%s", isolator_table[i]->name);
	}
	return 0;
}

/* A directory that is not below the container's root is told by the kernel alone (rule R5). */
static int enter_directory(const char *path, struct err *e)
{
	char buf[PATH_MAX];

	if (chdir(path) < 0)
		return err_set(e, errno, "enter directory '%s'", path);
	if (syscall(SYS_getcwd, buf, sizeof(buf)) < 0)
		return err_set(e, errno, "enter directory '%s'", path);
	if (buf[0] != '/')
		return err_set(e, EPERM, "enter directory '%s' outside of the container", path);
	return 0;
}

static int redirect(const struct payload *p, struct err *e)
{
	const int from[] = { p->stdio.in_fd, p->stdio.out_fd, p->stdio.err_fd };

	/* FROM is above 0-2 (init), or is 0-2: none is overwritten early. */
	for (int fd = 0; fd <= 2; fd++) {
		if (from[fd] != fd && dup2(from[fd], fd) < 0)
			return err_set(e, errno, "redirect descriptor %d", fd);
	}
	if (p->has_terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "take the terminal");
	return 0;
}

/* The supervisor ignores SIGPIPE, and that survives an execve. */
static int reset_signals(struct err *e)
{
	struct sigaction deflt = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigemptyset(&none);
	if (sigaction(SIGPIPE, &deflt, NULL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_set(e, errno, "reset signals");
	return 0;
}

static const char *path_of(char **env)
{
	for (; *env; env++) {
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

typedef int try_fn(const char *path, char **argv, char **env);

/* TRY on each file that NAME may mean; 0, or the error that tells most. */
static int try_each(const char *name, char **argv, char **env, try_fn *try, struct err *e)
{
	const char *dir = path_of(env), *end;
	int code = ENOENT;

	if (strchr(name, '/'))
		return try(name, argv, env) == 0 ? 0 : err_set(e, errno, "execute '%s'", name);
	for (; *dir && *name; dir = *end ? end + 1 : end) {
		char path[PATH_MAX];
		int n;

		end = strchrnul(dir, ':');
		n = snprintf(path, sizeof(path), "%.*s/%s", (int)(end - dir), dir, name);
		/* An empty element would mean the current directory: not for us. */
		if (n < 0 || (size_t)n >= sizeof(path) || end == dir)
			continue;
		if (try(path, argv, env) == 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			code = errno;
		if (code != ENOENT && code != EACCES)
			break;
	}
	return err_set(e, code, "execute '%s'", name);
}

static int try_access(const char *path, char **argv, char **env)
{
	struct stat st;

	(void)argv;
	(void)env;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 || stat(path, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return 0;
	errno = EACCES;
	return -1;
}

int payload_find(char **argv, char **env, struct err *e)
{
	return try_each(argv[0], argv, env, try_access, e);
}

static int try_execve(const char *path, char **argv, char **env)
{
	return execve(path, argv, env);
}

int payload_find_and_exec(char **argv, char **env, struct err *e)
{
	return try_each(argv[0], argv, env, try_execve, e);
}

int payload_prepare(const struct payload *p, struct err *e)
{
	int r;

	if (setsid() < 0)
		return err_set(e, errno, "create session");
	r = redirect(p, e);
	if (r < 0)
		return r;
	(void)umask(p->box->spec->umask);
	r = enter_directory(p->box->spec->cwd, e);
	return r < 0 ? r : reset_signals(e);
}

int payload_exec(const struct payload *p, struct err *e)
{
	int r = seal_filter(p->box, e);

	return r < 0 ? r : payload_find_and_exec(p->argv, p->env, e);
}
