/* People who change apps and pods of the real controller, which runs in the master's process. */
#ifndef TESTS_SIM_PEOPLE_H
#define TESTS_SIM_PEOPLE_H

#include <stdbool.h>

struct sim;

enum { N_APPS = 8, N_PODS = 2, N_RESIDENTS = 2, APP_DELETED = -1, APP_UNKNOWN = -2 };

/*
 * What an app, or one of the residents, or of the pods, which are the last, should be: instances, or one
 * of the above.
 */
struct people {
	int wanted[N_APPS];		/* as was answered last */
	int asked[N_APPS];		/* since then; APP_UNKNOWN: nothing */
	unsigned n_good[N_APPS];	/* instances, as of the last look (promises_bounds.c) */
};

/* From now on, until all is calm, they change something every now and then. */
struct people *people_new(struct sim *sim);
const char *people_app_id(unsigned app);
/* The reverse; N_APPS: of nobody. */
unsigned people_app_number(const char *id);
/* What was asked for was answered; or the master was killed, and nobody knows. */
void people_are_answered(struct sim *sim);
void people_are_not_answered(struct sim *sim);
/* The end: every app is to go. */
void people_delete_all(struct sim *sim);

#endif
