/* POST /api/v1/executor for custom executors, over TCP and on the domain socket of their own. */
#ifndef AGENT_EXECUTOR_CALLS_H
#define AGENT_EXECUTOR_CALLS_H

struct agent;
struct err;
struct http_server;

/* On the operators' server. */
int executor_calls_mount(struct agent *agent, struct http_server *server, struct err *e);
/* A server of their own, if --http_executor_domain_sockets asks for it. */
int executor_calls_listen(struct agent *agent, struct err *e);

#endif
