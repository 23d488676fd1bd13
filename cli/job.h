/* The commands of 'tepui job' that only read. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <jansson.h>
#include <stddef.h>

struct cli;
struct err;

/* GET of the job ID, SUFFIX behind its path: a new reference in *ret. */
int job_get(struct cli *cli, const char *id, const char *suffix, json_t **ret, struct err *e);

int job_list(struct cli *cli, char **args, size_t n, struct err *e);
int job_show(struct cli *cli, char **args, size_t n, struct err *e);
int job_history(struct cli *cli, char **args, size_t n, struct err *e);

#endif
