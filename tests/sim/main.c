/*
 * Seeded fault schedules against the master's core: see README.md in this folder.
 *
 *   sim --seeds N [--from SEED] [--jobs N]   run N seeds; every run twice in a hundred, to compare
 *   sim --seed SEED [--trace]                run one again, exactly
 *   sim --list FILE                          run the seeds that FILE names, one a line
 *   sim --placements N                       no faults: how many tasks a second are placed
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/placements.h"
#include "tests/sim/sim.h"

enum { MAX_JOBS = 64, COMPARE_EVERY = 50, ENOUGH = 1000 };

/* Shared with the parent, which tells of a job that has died. */
struct job {
	uint64_t current;	/* seed */
	uint64_t n_runs, n_failed, n_steps, n_messages, n_tasks, n_job_runs, n_skips,
		n_scalings, n_executors, n_groups, n_changes, n_returns;
	uint64_t faults[N_FAULTS];
};

struct options {
	uint64_t from, n_seeds, n_placements;
	unsigned n_jobs;
	bool is_tracing;
	const char *list;
};

static void run_seed(struct job *job, uint64_t seed, bool is_tracing, bool is_compared)
{
	struct sim sim;
	uint64_t hash;
	bool is_good;

	job->current = seed;
	is_good = sim_run(&sim, seed, is_tracing);
	hash = sim.hash;
	job->n_runs++;
	job->n_steps += sim.n_steps;
	job->n_messages += sim.n_messages;
	job->n_tasks += sim.n_tasks;
	job->n_job_runs += sim.n_runs;
	job->n_skips += sim.n_skips;
	job->n_scalings += sim.n_scalings;
	job->n_executors += sim.n_executors;
	job->n_groups += sim.n_groups;
	job->n_changes += sim.n_changes;
	job->n_returns += sim.n_returns;
	for (int i = 0; i < N_FAULTS; i++)
		job->faults[i] += sim.faults[i];
	if (is_good && is_compared) {
		(void)sim_run(&sim, seed, false);
		if (sim.hash != hash) {
			printf("seed %" PRIu64 ": two runs differ\n", seed);
			is_good = false;
		}
	}
	job->n_failed += !is_good;
	fflush(stdout);
}

static void run_range(struct job *job, const struct options *options, unsigned number)
{
	for (uint64_t i = number; i < options->n_seeds; i += options->n_jobs)
		run_seed(job, options->from + i, options->is_tracing,
			 options->n_seeds == 1 || i % COMPARE_EVERY == 0);
}

static int run_list(struct job *job, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file) {
		fprintf(stderr, "sim: open '%s': %s\n", path, strerror(errno));
		return -errno;
	}
	while (fgets(line, sizeof(line), file)) {
		if (line[0] >= '0' && line[0] <= '9')
			run_seed(job, strtoull(line, NULL, 10), false, true);
	}
	fclose(file);
	return 0;
}

static unsigned wait_for_jobs(const struct job *jobs, unsigned n)
{
	unsigned n_dead = 0;

	for (unsigned i = 0; i < n; i++) {
		int status;
		pid_t pid = wait(&status);

		if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
			continue;
		n_dead++;
		printf("a job died (wait status %d); the jobs' seeds were:", status);
		for (unsigned j = 0; j < n; j++)
			printf(" %" PRIu64, jobs[j].current);
		printf("\n");
	}
	return n_dead;
}

static unsigned run_jobs(struct job *jobs, const struct options *options)
{
	if (options->n_jobs == 1) {
		run_range(jobs, options, 0);
		return 0;
	}
	for (unsigned i = 0; i < options->n_jobs; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			run_range(&jobs[i], options, i);
			exit(0);
		}
		if (pid < 0)
			return options->n_jobs - i + wait_for_jobs(jobs, i);
	}
	return wait_for_jobs(jobs, options->n_jobs);
}

static void add_up(struct job *sum, const struct job *job)
{
	sum->n_runs += job->n_runs;
	sum->n_failed += job->n_failed;
	sum->n_steps += job->n_steps;
	sum->n_messages += job->n_messages;
	sum->n_tasks += job->n_tasks;
	sum->n_job_runs += job->n_job_runs;
	sum->n_skips += job->n_skips;
	sum->n_scalings += job->n_scalings;
	sum->n_executors += job->n_executors;
	sum->n_groups += job->n_groups;
	sum->n_changes += job->n_changes;
	sum->n_returns += job->n_returns;
	for (int i = 0; i < N_FAULTS; i++)
		sum->faults[i] += job->faults[i];
}

static void report(const struct job *sum, double seconds)
{
	uint64_t n = 0;

	for (int i = 0; i < N_FAULTS; i++) {
		n += sum->faults[i];
		printf("  %9" PRIu64 "  %s\n", sum->faults[i], fault_names[i]);
	}
	printf("sim: %" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " faults, %" PRIu64
	       " tasks, %" PRIu64 " runs of jobs, %" PRIu64
	       " due times skipped, %" PRIu64 " autoscalings, %" PRIu64 " groups, %" PRIu64
	       " executors, %" PRIu64 " changes of resources, %" PRIu64
	       " returns to volumes, %" PRIu64 " messages, %" PRIu64 " steps in %.1f s\n",
	       sum->n_runs, sum->n_failed, n, sum->n_tasks, sum->n_job_runs, sum->n_skips,
	       sum->n_scalings, sum->n_groups, sum->n_executors, sum->n_changes, sum->n_returns,
	       sum->n_messages, sum->n_steps, seconds);
}

/* Where something never happens, nothing was shown of it. */
static bool is_thin(const struct job *sum)
{
	bool is_thin = !sum->n_tasks || !sum->n_job_runs || !sum->n_skips || !sum->n_scalings ||
		       !sum->n_groups || !sum->n_executors || !sum->n_changes || !sum->n_returns;

	for (int i = 0; i < N_FAULTS; i++)
		is_thin |= sum->faults[i] == 0;
	if (sum->n_runs < ENOUGH || !is_thin)
		return false;
	printf("sim: something of the above has not happened once in %" PRIu64 " runs\n", sum->n_runs);
	return true;
}

static int parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "seeds", required_argument, NULL, 'n' }, { "from", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' }, { "jobs", required_argument, NULL, 'j' },
		{ "trace", no_argument, NULL, 't' }, { "list", required_argument, NULL, 'l' },
		{ "placements", required_argument, NULL, 'p' }, { 0 },
	};
	int c;

	*ret = (struct options){ .from = 1, .n_seeds = 100, .n_jobs = 1 };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'n' || c == 's')
			ret->n_seeds = c == 's' ? 1 : strtoull(optarg, NULL, 10);
		if (c == 'f' || c == 's')
			ret->from = strtoull(optarg, NULL, 10);
		else if (c == 'j')
			ret->n_jobs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 't')
			ret->is_tracing = true;
		else if (c == 'p')
			ret->n_placements = strtoull(optarg, NULL, 10);
		else if (c == 'l')
			ret->list = optarg;
		else if (c == '?')
			return -EINVAL;
	}
	if (ret->n_jobs < 1 || ret->n_jobs > MAX_JOBS || ret->n_seeds < 1)
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct timespec begin, end;
	struct job sum = { 0 }, *jobs;
	unsigned n_dead = 0;

	if (parse(argc, argv, &options) < 0) {
		fprintf(stderr, "usage: sim --seeds N [--from SEED] [--jobs N] | --seed SEED"
			" [--trace] | --list FILE | --placements N\n");
		return 2;
	}
	if (options.n_placements > 0)
		return placements_run(options.n_placements);
	jobs = mmap(NULL, MAX_JOBS * sizeof(*jobs), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (options.list && run_list(jobs, options.list) < 0)
		return 2;
	if (!options.list)
		n_dead = run_jobs(jobs, &options);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (unsigned i = 0; i < options.n_jobs; i++)
		add_up(&sum, &jobs[i]);
	report(&sum, (double)(end.tv_sec - begin.tv_sec) +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	munmap(jobs, MAX_JOBS * sizeof(*jobs));
	return sum.n_failed > 0 || n_dead > 0 || is_thin(&sum);
}
