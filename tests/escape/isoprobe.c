/*
 * usage: isoprobe [PREFIX ...]		run these tables, families (E1) or probes, or all
 *        isoprobe --from FIFO		run the families whose names come as lines, one at a time
 *        isoprobe --list		print id and purpose of each
 *        isoprobe --flip A B	exchange the two names for ever, for races
 *        isoprobe --hold		hold the program of whatever comes by, and write it when it is idle
 *
 * One line for each probe: id, result, errno, detail, with tabs between them; then "done PREFIX".
 * Each runs in a process of its own, so that one that is killed is just another result.  None runs
 * on a host: see is_on_host().
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/probe.h"

enum { PROBE_SECONDS = 60, MAX_PREFIX = 64, HOLD_TRIES = 1000 };

static const struct probe_table *const tables[] = {
	&probes_exec, &probes_mounts, &probes_credentials, &probes_kernel_files,
	&probes_kernel, &probes_syscalls, &probes_network, &probes_bounds,
};

static pid_t prober;
static int steps_fd = -1;	/* the host's, not what the task was given */

void tried(struct outcome *o, long r)
{
	o->error = r < 0 ? errno : 0;
	o->result = r >= 0 ? ALLOWED : errno == ENOENT ? ABSENT : DENIED;
}

void judge(struct outcome *o, bool is_open, const char *format, ...)
{
	va_list list;

	o->result = is_open ? ALLOWED : DENIED;
	va_start(list, format);
	(void)vsnprintf(o->detail, sizeof(o->detail), format, list);
	va_end(list);
}

void absent(struct outcome *o, const char *format, ...)
{
	va_list list;

	o->result = ABSENT;
	va_start(list, format);
	(void)vsnprintf(o->detail, sizeof(o->detail), format, list);
	va_end(list);
}

const char *fact(struct outcome *o, const char *name)
{
	char variable[64];
	const char *value;

	(void)snprintf(variable, sizeof(variable), "ESCAPE_%s", name);
	value = getenv(variable);
	if (!value)
		absent(o, "the host has not told its %s", name);
	return value;
}

void read_status(pid_t pid, const char *name, char *ret, size_t size)
{
	char path[64], line[1024];
	size_t length = strlen(name);
	FILE *file;

	*ret = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		char *value = line + length + 1;

		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		(void)snprintf(ret, size, "%s", value);
	}
	if (file)
		(void)fclose(file);
}

static pid_t parent_of(pid_t pid)
{
	char text[32];

	read_status(pid, "PPid", text, sizeof(text));
	return atoi(text);
}

bool is_related(pid_t pid)
{
	/* Of ours: the prober's descendants ... */
	for (pid_t p = pid; p > 0; p = parent_of(p)) {
		if (p == prober)
			return true;
	}
	/* ... and who started it, but for the container's init. */
	for (pid_t p = prober; p > 1; p = parent_of(p)) {
		if (p == pid)
			return true;
	}
	return false;
}

bool init_is_foreign(struct outcome *o)
{
	if (!is_related(1))
		return true;
	absent(o, "the container's init is the task itself");
	return false;
}

void visit_foreign(void (*visit)(pid_t pid, void *arg), void *arg)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && !is_related(pid))
			visit(pid, arg);
	}
	if (dir)
		(void)closedir(dir);
}

bool is_default_device(const char *name)
{
	static const char *const names[] = {
		"fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
		"stdout", "tty", "urandom", "zero", "console",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

const char *scratch(void)
{
	const char *sandbox = getenv("MESOS_SANDBOX");

	return sandbox ? sandbox : "/tmp";
}

/* ---- running them ---- */

static void print_outcome(const struct probe *p, const struct outcome *o)
{
	static const char *const names[] = {
		[DENIED] = "denied", [ALLOWED] = "allowed", [ABSENT] = "absent",
	};
	const char *error = o->error ? strerrorname_np(o->error) : "-";

	printf("%s\t%s\t%s\t%s\n", p->id, names[o->result], error ? error : "?", o->detail);
}

/* What a probe has left in its process group ends with it. */
static void wait_for(pid_t pid, struct outcome *o)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (WIFSIGNALED(status))
		judge(o, WTERMSIG(status) != SIGSYS, "ended by SIG%s",
		      sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		judge(o, true, "exited with status %d", WEXITSTATUS(status));
}

static void run_probe(const struct probe *p, struct outcome *o)
{
	pid_t pid;

	memset(o, 0, sizeof(*o));
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0) {
		judge(o, true, "the prober cannot fork: %s", strerror(errno));
		return;
	}
	if (pid == 0) {
		(void)setpgid(0, 0);
		if (steps_fd >= 0)
			(void)close(steps_fd);
		(void)alarm(PROBE_SECONDS);
		if (chdir(scratch()) < 0)
			_exit(100);
		p->run(p, o);
		_exit(0);
	}
	wait_for(pid, o);
}

/* "E1" is not the start of "E11.alg": a family is named in full; "E" is the whole table. */
static bool is_meant(const char *id, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(id, prefix, length) == 0 &&
		(length < 2 || id[length] == '.' || strchr(prefix, '.'));
}

static size_t run_prefix(const char *prefix, struct outcome *shared)
{
	size_t n = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct probe *p = &tables[t]->rows[i];

			if (!is_meant(p->id, prefix))
				continue;
			run_probe(p, shared);
			print_outcome(p, shared);
			n++;
		}
	}
	printf("done %s\n", prefix);
	(void)fflush(stdout);
	return n;
}

static int run_from(const char *fifo, struct outcome *shared)
{
	char line[MAX_PREFIX];
	/* Both ends, so that it does not end between two lines of the host. */
	FILE *file = fopen(fifo, "r+e");

	if (!file) {
		fprintf(stderr, "isoprobe: open '%s': %s\n", fifo, strerror(errno));
		return 1;
	}
	steps_fd = fileno(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "end") == 0)
			break;
		(void)run_prefix(line, shared);
	}
	(void)fclose(file);
	return 0;
}

/*
 * On a host, root would do everything that a container denies: unmount /proc, take interfaces down.
 * No container of ours has this capability, so whoever has it is not in one.
 */
static bool is_on_host(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &head, data) < 0 ||
		(data[0].effective & 1U << CAP_SYS_ADMIN);
}

static int flip(const char *a, const char *b)
{
	puts("flipping");
	(void)fflush(stdout);
	for (;;) {
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0) {
			fprintf(stderr, "isoprobe: exchange '%s': %s\n", a, strerror(errno));
			return 1;
		}
	}
}

/* Open what PID runs, unless it is what the task runs itself. */
static void hold_program(pid_t pid, void *arg)
{
	char path[64];
	struct stat own, st;
	int fd, *held = arg;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (*held >= 0 || stat("/proc/self/exe", &own) < 0 || stat(path, &st) < 0 ||
	    (own.st_ino == st.st_ino && own.st_dev == st.st_dev))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* It may have become something of ours in between. */
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino != own.st_ino)
		*held = fd;
	else if (fd >= 0)
		(void)close(fd);
}

/* CVE-2019-5736: busy now, a program can be written when its last process has ended. */
static int hold(void)
{
	int held = -1;
	char path[64];

	puts("watching");
	(void)fflush(stdout);
	while (held < 0)
		visit_foreign(hold_program, &held);
	puts("held");
	(void)fflush(stdout);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
	for (int i = 0; i < HOLD_TRIES; i++) {
		int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

		if (fd >= 0 && write(fd, "owned", 5) == 5) {
			puts("written");
			return 0;
		}
		(void)usleep(1000);
	}
	printf("refused %s\n", strerrorname_np(errno));
	return 0;
}

static void list(void)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (size_t i = 0; i < tables[t]->n; i++)
			printf("%s\t%s\n", tables[t]->rows[i].id, tables[t]->rows[i].what);
	}
}

int main(int argc, char **argv)
{
	struct outcome *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t n = 0;

	prober = getpid();
	/* Grandchildren that a probe leaves are this process's to end. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (shared == MAP_FAILED)
		return 1;
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "--flip") == 0)
		return flip(argv[2], argv[3]);
	if (is_on_host()) {
		fprintf(stderr, "isoprobe: run probes with CAP_SYS_ADMIN: they would do harm, "
			"start them as a task\n");
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "--hold") == 0)
		return hold();
	if (argc == 3 && strcmp(argv[1], "--from") == 0)
		return run_from(argv[2], shared);
	for (int i = 1; i < argc; i++)
		n += run_prefix(argv[i], shared);
	if (argc == 1)
		n = run_prefix("", shared);
	return n > 0 ? 0 : 1;
}
