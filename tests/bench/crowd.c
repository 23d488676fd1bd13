/*
 * Run a command N times, at most CONCURRENCY of them at once, and then perhaps another one:
 *
 *	crowd N CONCURRENCY COMMAND [ARG ...] [--then COMMAND [ARG ...]]
 *
 * A '%' in an argument stands for the number of the run.  Prints for each command how many ended a
 * second, and the largest peak of memory among them and what they reaped, in kB.  Whatever they
 * leave behind becomes a child of this process and is reaped.  Fails when one of them fails.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGS = 64, MAX_ARG = 512, MAX_RUNS = 100000 };

extern char **environ;

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static pid_t run_one(char *const *command, unsigned number)
{
	static char texts[MAX_ARGS][MAX_ARG];
	char *argv[MAX_ARGS + 1] = { NULL };
	posix_spawn_file_actions_t quiet;
	pid_t pid;
	int r;

	for (size_t i = 0; command[i] && i < MAX_ARGS; i++) {
		const char *mark = strchr(command[i], '%');
		int length = mark ? (int)(mark - command[i]) : 0;

		if (mark)
			(void)snprintf(texts[i], MAX_ARG, "%.*s%u%s", length, command[i], number,
				       mark + 1);
		argv[i] = mark ? texts[i] : command[i];
	}
	if (posix_spawn_file_actions_init(&quiet) != 0)
		return -1;
	r = posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&quiet);
	return r == 0 ? pid : -1;
}

static pid_t *pids;	/* of the runs, by number; 0: not running */

static int reap_one(unsigned n, unsigned *running)
{
	int status;
	pid_t pid = wait(&status);

	if (pid < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (pids[i] != pid)
			continue;
		pids[i] = 0;
		(*running)--;
		if (status != 0)
			fprintf(stderr, "crowd: run %u ended with wait status %d\n", i, status);
		return status == 0 ? 0 : -1;
	}
	return 0;		/* somebody's orphan */
}

static int run_all(char *const *command, unsigned n, unsigned concurrency)
{
	unsigned started = 0, running = 0;
	double begin = seconds();
	struct rusage usage;

	while (started < n || running > 0) {
		if (started < n && running < concurrency) {
			pids[started] = run_one(command, started);
			if (pids[started] < 0)
				return -1;
			started++;
			running++;
			continue;
		}
		if (reap_one(n, &running) < 0)
			return -1;
	}
	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		return -1;
	printf("%.1f %ld\n", n / (seconds() - begin), usage.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long concurrency = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	char **second = NULL;

	if (n < 1 || n > MAX_RUNS || concurrency < 1) {
		fprintf(stderr, "usage: crowd N CONCURRENCY COMMAND [ARG ...] [--then COMMAND ...]\n");
		return EXIT_FAILURE;
	}
	for (char **arg = argv + 3; *arg && !second; arg++) {
		if (strcmp(*arg, "--then") == 0) {
			*arg = NULL;
			second = arg + 1;
			break;
		}
	}
	pids = calloc(n, sizeof(*pids));
	if (!pids || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return EXIT_FAILURE;
	if (run_all(argv + 3, (unsigned)n, (unsigned)concurrency) < 0)
		return EXIT_FAILURE;
	if (second && run_all(second, (unsigned)n, (unsigned)concurrency) < 0)
		return EXIT_FAILURE;
	free(pids);
	return EXIT_SUCCESS;
}
