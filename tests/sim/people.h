/* People who change apps of the real controller, which runs in the master's process. */
#ifndef TESTS_SIM_PEOPLE_H
#define TESTS_SIM_PEOPLE_H

#include <stdbool.h>

struct sim;

enum { N_APPS = 4, APP_DELETED = -1, APP_UNKNOWN = -2 };

/* What an app should be: instances, or one of the above. */
struct people {
	int wanted[N_APPS];		/* as was answered last */
	int asked[N_APPS];		/* since then; APP_UNKNOWN: nothing */
};

struct people *people_new(void);
const char *people_app_id(unsigned app);
/* A change of an app, by chance. */
void people_act(struct sim *sim);
/* What was asked for was answered; or the master was killed, and nobody knows. */
void people_are_answered(struct sim *sim);
void people_are_not_answered(struct sim *sim);
/* The end: every app is to go. */
void people_delete_all(struct sim *sim);

#endif
