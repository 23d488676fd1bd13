#include "tests/sim/job_people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/job/jobs.h"
#include "tests/sim/calendar.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"

const char job_command[] = "work";

const char *job_people_id(unsigned job)
{
	static const char *const ids[N_JOBS] = { "job-a", "job-b", "job-c" };

	return ids[job];
}

static struct job *find(const struct sim *sim, unsigned job)
{
	return job_find(sim->host->controller, job_people_id(job));
}

void job_people_look(const struct sim *sim, unsigned number, char ret[JOB_STATE_SIZE])
{
	const struct job *job = find(sim, number);
	AUTO_FREE char *schedule = NULL;

	ret[0] = '\0';
	if (!job)
		return;
	schedule = job->schedule ? json_dumps(job->schedule->json, JSON_COMPACT) : NULL;
	(void)snprintf(ret, JOB_STATE_SIZE, "%s %s",
		       json_string_value(json_object_get(job->spec, "description")),
		       schedule ? schedule : "no schedule");
}

void job_people_are_answered(struct sim *sim)
{
	if (!sim->job_people)
		return;
	for (int i = 0; i < N_JOBS; i++) {
		if (sim->job_people->asked[i].is_known)
			sim->job_people->wanted[i] = sim->job_people->asked[i];
		sim->job_people->asked[i].is_known = false;
	}
}

void job_people_are_recorded(struct sim *sim)
{
	if (sim->job_people)
		job_ledger_keep(sim);
}

void job_people_are_not_answered(struct sim *sim)
{
	if (!sim->job_people)
		return;
	for (int i = 0; i < N_JOBS; i++) {
		if (sim->job_people->asked[i].is_known)
			sim->job_people->wanted[i].is_known = false;
		sim->job_people->asked[i].is_known = false;
	}
	job_ledger_drop(sim);
}

/* ---- what they ask for ---- */

static json_t *any_schedule(struct sim *sim)
{
	static const int deadlines_s[] = { 60, 900, 10800 };

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:b}", "id", "s", "cron",
			 calendar_crons[rng_below(&sim->rng, N_CRONS)].text, "timezone",
			 calendar_zones[rng_below(&sim->rng, N_ZONES)], "startingDeadlineSeconds",
			 deadlines_s[rng_below(&sim->rng, ARRAY_SIZE(deadlines_s))],
			 "concurrencyPolicy", sim_chance(sim, 500) ? "FORBID" : "ALLOW", "enabled",
			 sim_chance(sim, 900));
}

static json_t *any_restart(struct sim *sim)
{
	if (sim_chance(sim, 400))
		return json_pack("{s:s}", "policy", "NEVER");
	if (sim_chance(sim, 500))
		return json_pack("{s:s}", "policy", "ON_FAILURE");
	return json_pack("{s:s, s:I}", "policy", "ON_FAILURE", "activeDeadlineSeconds",
			 (json_int_t)sim_between(sim, 1, 120));
}

/* The second follows the first, if there is one. */
static int create(struct sim *sim, unsigned job, struct refusal *refusal)
{
	char life[32];
	json_t *document = json_pack("{s:s, s:{s:s, s:f, s:i, s:i, s:i, s:o}}", "id",
				     job_people_id(job), "run", "cmd", job_command, "cpus", 0.1,
				     "mem", 32, "disk", 0, "maxLaunchDelay", 20, "restart",
				     any_restart(sim));
	struct job *made;
	int r;

	(void)snprintf(life, sizeof(life), "%u", ++sim->job_people->n_lives);
	(void)json_object_set_new(document, "description", json_string(life));
	if (sim_chance(sim, 800))
		(void)json_object_set_new(document, "schedules",
					  json_pack("[o]", any_schedule(sim)));
	if (job == 1 && find(sim, 0))
		(void)json_object_set_new(document, "dependencies",
					  json_pack("[{s:s}]", "id", job_people_id(0)));
	r = jobs_create(sim->host->controller, document, true, sim->now_ms, &made, refusal);
	json_decref(document);
	return r;
}

static int delete(struct sim *sim, unsigned job, struct refusal *refusal)
{
	bool stops_runs = sim->is_ending || sim_chance(sim, 700);
	json_t *spec = NULL;
	int r = jobs_delete(sim->host->controller, job_people_id(job), stops_runs, sim->now_ms,
			    &spec, refusal);

	json_decref(spec);
	return r;
}

static int schedule(struct sim *sim, unsigned number, struct refusal *refusal)
{
	struct controller *c = sim->host->controller;
	const char *id = job_people_id(number);
	json_t *document = any_schedule(sim);
	struct job *job = find(sim, number);
	int r;

	if (!job->schedule)
		r = jobs_add_schedule(c, id, document, sim->now_ms, &job, refusal);
	else if (sim_chance(sim, 200))
		r = jobs_delete_schedule(c, id, "s", sim->now_ms, refusal);
	else
		r = jobs_update_schedule(c, id, "s", document, sim->now_ms, &job, refusal);
	json_decref(document);
	return r;
}

static int stop(struct sim *sim, unsigned number, struct refusal *refusal)
{
	const struct job *job = find(sim, number);
	struct run *run = TAILQ_FIRST(&job->runs);

	return run ? jobs_stop(sim->host->controller, job->id, run->id, sim->now_ms, &run, refusal)
		   : 0;
}

static int change(struct sim *sim, unsigned job, struct refusal *refusal)
{
	struct run *run;

	switch (rng_below(&sim->rng, 8)) {
	case 0:
		return delete(sim, job, refusal);
	case 1:
	case 2:
		return schedule(sim, job, refusal);
	case 3:
		return stop(sim, job, refusal);
	default:
		return jobs_start(sim->host->controller, job_people_id(job), sim->now_ms, &run,
				  refusal);
	}
}

static void ask(struct sim *sim, unsigned job,
		int (*what)(struct sim *sim, unsigned job, struct refusal *refusal))
{
	struct job_state *asked = &sim->job_people->asked[job];
	struct refusal refusal = { 0 };
	int r = what(sim, job, &refusal);

	asked->is_known = true;
	job_people_look(sim, job, asked->text);
	sim_trace(sim, "people: %s is %s%s", job_people_id(job), *asked->text ? asked->text : "gone",
		  r < 0 ? ", something is refused" : "");
	refusal_done(&refusal);
}

static void act(struct sim *sim)
{
	unsigned job = (unsigned)rng_below(&sim->rng, N_JOBS);

	if (!sim->host->master || sim->host->is_full)
		return;
	sim_fault(sim, FAULT_JOB_CHANGE);
	ask(sim, job, find(sim, job) ? change : create);
	host_acted(sim->host, NULL);
}

static void act_again(void *arg, uint64_t pace_ms)
{
	struct sim *sim = arg;

	if (sim->is_calm)
		return;
	act(sim);
	sim_in(sim, sim_between(sim, 1, (int64_t)pace_ms), act_again, sim, pace_ms);
}

struct job_people *job_people_new(struct sim *sim)
{
	struct job_people *people = sim_alloc(sizeof(*people));

	for (int i = 0; i < N_JOBS; i++)
		people->wanted[i].is_known = true;
	people->calendar = calendar_new();
	people->ledger = job_ledger_new();
	sim_in(sim, sim_between(sim, 1, 10000), act_again, sim,
	       (uint64_t)sim_between(sim, 5000, 60000));
	return people;
}

void job_people_free(struct job_people *people)
{
	if (!people)
		return;
	calendar_free(people->calendar);
	job_ledger_free(people->ledger);
	free(people);
}

void job_people_delete_all(struct sim *sim)
{
	if (!sim->job_people || !sim->host->master)
		return;
	/* Those that others follow last. */
	for (unsigned i = N_JOBS; i-- > 0;) {
		if (find(sim, i))
			ask(sim, i, delete);
	}
	host_acted(sim->host, NULL);
}
