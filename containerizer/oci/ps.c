/* tepui-oci ps: the host's ps, of a container's processes alone. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/processes.h"
#include "containerizer/oci/state.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"

struct ps_options {
	bool help;
	char *format;
};

static const struct flag ps_flags[] = {
	COMMAND_HELP(struct ps_options),
	{ .name = "format", .kind = FLAG_STR, .off = offsetof(struct ps_options, format),
	  .letter = 'f', .fallback = "table", .help = "'table' or 'json'" },
};

static int print_json(const pid_t *pids, size_t n, struct err *e)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(list, json_integer(pids[i])) < 0)
			return err_set(e, ENOMEM, "print processes");
	}
	if (json_dumpf(list, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return err_set(e, EIO, "print processes");
	return 0;
}

/* The place of PID among the words of ps's header, or -1. */
static int find_column(const char *header)
{
	int column = 0;

	for (const char *p = header + strspn(header, " "); *p && *p != '\n'; column++) {
		size_t length = strcspn(p, " \n");

		if (length == 3 && strncmp(p, "PID", 3) == 0)
			return column;
		p += length;
		p += strspn(p, " ");
	}
	return -1;
}

static bool is_of(const char *line, int column, const pid_t *pids, size_t n)
{
	const char *p = line + strspn(line, " ");
	long pid;

	for (; column > 0; column--) {
		p += strcspn(p, " \n");
		p += strspn(p, " ");
	}
	pid = strtol(p, NULL, 10);
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

static int filter(FILE *file, const pid_t *pids, size_t n, struct err *e)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int column;

	if (getline(&line, &size, file) < 0)
		return err_set(e, EIO, "run 'ps': it printed nothing");
	column = find_column(line);
	if (column < 0)
		return err_set(e, EINVAL, "run 'ps': there is no column 'PID' in what it prints");
	(void)fputs(line, stdout);
	while (getline(&line, &size, file) >= 0) {
		if (is_of(line, column, pids, n))
			(void)fputs(line, stdout);
	}
	return 0;
}

static int print_table(char **options, const pid_t *pids, size_t n, struct err *e)
{
	char name[] = "ps", all[] = "-ef", *deflt[] = { name, all, NULL };
	char **argv = deflt;
	int fds[2], status, r;
	FILE *file;
	pid_t pid;

	/* The slot before the options is the container's id. */
	if (*options) {
		argv = options - 1;
		argv[0] = name;
	}
	if (pipe(fds) < 0)
		return err_set(e, errno, "create pipe");
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], STDOUT_FILENO) >= 0 && close(fds[0]) == 0)
			(void)execvp("ps", argv);
		_exit(127);
	}
	(void)close(fds[1]);
	file = pid < 0 ? NULL : fdopen(fds[0], "r");
	r = file ? filter(file, pids, n, e) : err_set(e, errno, "run 'ps'");
	if (file)
		(void)fclose(file);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 0 && r == 0)
		r = err_set(e, EIO, "run 'ps': wait status %d", status);
	return r;
}

static int ps(const struct oci *oci, const void *options, char **args, int *ret_status,
	      struct err *e)
{
	const struct ps_options *o = options;
	struct state_dir dir = STATE_DIR_INIT;
	struct cgroup cg = CGROUP_INIT;
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	int r;

	(void)ret_status;
	if (strcmp(o->format, "table") != 0 && strcmp(o->format, "json") != 0)
		return err_set(e, EINVAL, "read flag '--format': '%.32s' is neither 'table' nor "
			       "'json'", o->format);
	r = state_open(oci->root, args[0], false, &dir, e);
	if (r < 0)
		return r;
	r = state_open_cgroup(&dir.state, &cg, e);
	state_close(&dir);
	if (r == 0)
		r = processes_list(&cg, &pids, &n, e);
	cgroup_close(&cg);
	if (r < 0)
		return r;
	return o->format[0] == 'j' ? print_json(pids, n, e) : print_table(args + 1, pids, n, e);
}

const struct command command_ps = {
	.name = "ps",
	.arguments = "ID [OPTION OF PS ...]",
	.help = "print the processes of a container",
	COMMAND_FLAGS(ps_flags),
	.options_size = sizeof(struct ps_options),
	.min_args = 1,
	.max_args = COMMAND_ANY_ARGS,
	.run = ps,
};
