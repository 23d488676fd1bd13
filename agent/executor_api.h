/* POST /api/v1/executor on the agent's unix socket (reference/mesos.md section 2). */
#ifndef AGENT_EXECUTOR_API_H
#define AGENT_EXECUTOR_API_H

struct agent;
struct err;
struct http_server;

int executor_api_mount(struct agent *agent, struct http_server *server, struct err *e);

#endif
