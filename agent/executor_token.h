/*
 * What a custom executor shows to speak for itself: a token for one executor in one container,
 * signed with a key of the agent that nobody else has (reference/mesos.md 2.1).
 */
#ifndef AGENT_EXECUTOR_TOKEN_H
#define AGENT_EXECUTOR_TOKEN_H

#include <jansson.h>

struct agent;
struct err;

/* The key below the state directory, 0600, made if there is none yet: tokens outlive an agent. */
int executor_token_load_key(struct agent *agent, struct err *e);

/* Three ids; borrowed. */
struct executor_claims {
	const char *framework_id, *executor_id, *container_id;	/* "fid", "eid", "cid" */
};

/* Owned; NULL when memory is out. */
char *executor_token_make(const struct agent *agent, const struct executor_claims *claims);

/* HEADER: the value of Authorization, or NULL.  -EACCES if it shows no token of ours. */
int executor_token_read(const struct agent *agent, const char *header, json_t **ret, struct err *e);
/* Whom a token that was read speaks for: owned; NULL when memory is out. */
char *executor_token_principal(const json_t *token);

/* Is PRINCIPAL, of a token that was read, who CLAIMS says?  -EPERM: it is another, or NULL. */
int executor_token_check(const char *principal, const struct executor_claims *claims, struct err *e);

#endif
