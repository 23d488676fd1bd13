/* When jobs are due by their schedules: each due time is run once, or it is told why it was not. */
#ifndef MASTER_STUB_MARATHON_JOB_DUE_TIMES_H
#define MASTER_STUB_MARATHON_JOB_DUE_TIMES_H

#include <jansson.h>

struct controller;
struct job;

/*
 * JSON (taken; NULL: none) becomes the schedule.  What was due before it, or while there was none to
 * follow, is not made up for; a change of anything else takes no due time away.  -ENOMEM.
 */
int due_times_follow(struct controller *c, struct job *job, json_t *json_take);

/* Starts what is due, and wants to be called again for the next one. */
void due_times_watch(struct controller *c, struct job *job);

#endif
