/* Changes of apps and groups: how they are asked for, and what they end with. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include <jansson.h>

#include "net/http_parser.h"

struct cli;
struct err;
struct reply;

/* client_call() of the master with what the options say of changes: --force, --in-place, --dry-run. */
int change_call(struct cli *cli, enum http_method method, const char *path, const json_t *body,
		struct reply *ret, struct err *e);

/*
 * Tell that WHAT was done and the deployment's id, and with --wait wait for its success; or, of a dry
 * run, what would be done.  REPLY is done with.
 */
int change_finish(struct cli *cli, struct reply *reply, const char *what, struct err *e);

/* Both of these.  Takes BODY (NULL: none); PATH NULL: memory was out for it. */
int change_send(struct cli *cli, enum http_method method, const char *path, json_t *body,
		const char *what, struct err *e);

#endif
