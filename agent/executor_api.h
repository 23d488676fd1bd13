/* POST /api/v1/executor (reference/mesos.md section 2). */
#ifndef AGENT_EXECUTOR_API_H
#define AGENT_EXECUTOR_API_H

struct agent;
struct err;
struct http_server;

/* For the supervisors, on the agent's own socket. */
int executor_api_mount_supervisors(struct agent *agent, struct http_server *server, struct err *e);

#endif
