/* Waiting for a deployment with one line that tells how far it is. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <jansson.h>

#include "cli/queue.h"

struct cli;
struct err;

enum { PROGRESS_LINE_SIZE = 1000 };

/*
 * How far a deployment is, with what holds it that only people or the app itself can change; and why
 * what waits is not launched: "" unless something does.
 */
struct progress {
	char line[PROGRESS_LINE_SIZE];
	char why[QUEUE_WHY_SIZE];
};

/* Of DEPLOYMENT, a row of /v2/deployments, the first of its actions that is not done yet. */
int progress_describe(struct cli *cli, const json_t *deployment, struct progress *ret,
		      struct err *e);

/* ", paused" and the like of a row of /v2/deployments, with the command that ends it; "": it moves. */
enum { PROGRESS_HELD_SIZE = 120 };
const char *progress_held(const json_t *deployment, char buf[PROGRESS_HELD_SIZE]);

/* "/v2/deployments/" and ID escaped, and SUFFIX, into a new reference. */
int progress_get(struct cli *cli, const char *id, json_t **ret, struct err *e);

/*
 * Until deployment ID is gone from /v2/deployments, which is also how a cancelled one ends; at most
 * the option --timeout.  On a terminal one line is rewritten; elsewhere a line is printed at each
 * change.  -ETIMEDOUT names what it waited for, and why that was not launched.
 */
int progress_wait_deployment(struct cli *cli, const char *id, struct err *e);

#endif
