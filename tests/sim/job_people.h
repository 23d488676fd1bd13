/* People who make jobs, give them schedules, start and stop their runs. */
#ifndef TESTS_SIM_JOB_PEOPLE_H
#define TESTS_SIM_JOB_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

struct calendar;
struct job_ledger;
struct sim;

enum { N_JOBS = 3, JOB_STATE_SIZE = 512 };

/* What a job is, all of it in one text; "": there is none. */
struct job_state {
	bool is_known;			/* is answered, or was asked for: it is TEXT */
	char text[JOB_STATE_SIZE];
};

struct job_people {
	struct job_state wanted[N_JOBS];	/* as was answered last */
	struct job_state asked[N_JOBS];		/* since then */
	unsigned n_lives;			/* jobs made: each says which it is */
	struct calendar *calendar;
	struct job_ledger *ledger;		/* promises_jobs.c */
};

/* The command of every run. */
extern const char job_command[];

struct job_people *job_people_new(struct sim *sim);
void job_people_free(struct job_people *people);
const char *job_people_id(unsigned job);
/* As it is in the controller now. */
void job_people_look(const struct sim *sim, unsigned job, char ret[JOB_STATE_SIZE]);
void job_people_are_answered(struct sim *sim);
void job_people_are_not_answered(struct sim *sim);
/* The end: every job goes, and its runs are stopped. */
void job_people_delete_all(struct sim *sim);

/* It was committed, whoever is told of it. */
void job_people_are_recorded(struct sim *sim);

/* promises_jobs.c: what was seen is so for good; or what was not is lost with the process. */
struct job_ledger *job_ledger_new(void);
void job_ledger_free(struct job_ledger *ledger);
void job_ledger_keep(struct sim *sim);
void job_ledger_drop(struct sim *sim);

#endif
