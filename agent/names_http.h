/* Names over HTTP, as Mesos-DNS tells them: /v1/version, /v1/config, /v1/hosts/H, /v1/services/S, /v1/enumerate. */
#ifndef AGENT_NAMES_HTTP_H
#define AGENT_NAMES_HTTP_H

struct agent;
struct err;
struct http_server;

int names_http_mount(struct agent *agent, struct http_server *server, struct err *e);

#endif
