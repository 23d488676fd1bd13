/* Where the agent is spoken to: by its supervisors, and by operators and custom executors. */
#ifndef AGENT_LISTEN_H
#define AGENT_LISTEN_H

struct agent;
struct err;

/* On agent.sock below the work directory. */
int listen_executors(struct agent *agent, struct err *e);

/* On --listen, with the credentials of the flags; sets what the agent is called by: endpoint, port. */
int listen_operators(struct agent *agent, struct err *e);

/* For names alone, on --dns_http_listen. */
int listen_names(struct agent *agent, struct err *e);

#endif
