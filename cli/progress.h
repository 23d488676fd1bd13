/* Waiting for a deployment with one line that tells how far it is. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

struct cli;
struct err;

/*
 * Until deployment ID is gone from /v2/deployments, which is also how a cancelled one ends; at most
 * the option --timeout.  On a terminal one line is rewritten; elsewhere a line is printed at each
 * change.  -ETIMEDOUT names what it waited for, and why that was not launched.
 */
int progress_wait_deployment(struct cli *cli, const char *id, struct err *e);

#endif
