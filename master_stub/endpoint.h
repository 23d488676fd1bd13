/* Endpoints: tasks that run, or are about to, as the directory tells them. */
#ifndef MASTER_STUB_ENDPOINT_H
#define MASTER_STUB_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/id.h"
#include "master_stub/directory.h"
#include "master_stub/service.h"

struct agent;
struct task;

enum {
	ENDPOINT_MAX_PORTS = 64,
	ENDPOINT_MAX_CLAIMS = 16,	/* of one port */
	ENDPOINT_MAX_ADDRESSES = 16,
	ENDPOINT_MAX_NAME = 255,
};

struct endpoint_port {
	char *name;			/* or NULL */
	uint16_t host_port, container_port;
	bool is_udp;
};

struct endpoint {
	struct directory_entry entry;
	struct task *task;
	char *name;
	struct endpoint_port *ports;
	struct claim *claims;
	char **addresses;
	unsigned n_ports, n_claims, n_addresses;
	uint16_t weight;
	bool has_own_network;
	bool is_launched;		/* by this master, not brought by the agent: others may have told of it */
	bool is_checked, has_verdict, is_healthy;	/* by health checks */
	Tepui__Endpoint__State state;
	char *complaint;		/* what is wrong with its labels; or NULL */
};

/* As it is told: FRAMEWORK_ID/TASK_ID. */
enum { ENDPOINT_KEY_SIZE = 2 * (ID_MAX + 1) };
void endpoint_key(const struct endpoint *endpoint, char ret[ENDPOINT_KEY_SIZE]);

/* Of a TASK that is new: its endpoint.  IS_LAUNCHED: and was not brought by its agent.  -ENOMEM. */
int endpoint_new(struct task *task, const Mesos__V1__TaskInfo *info, bool is_launched);
/* Its name, ports, claims and weight.  -ENOMEM. */
int endpoint_describe(struct endpoint *endpoint, const Mesos__V1__TaskInfo *info, bool is_launched);
/* The task has ended.  NULL is fine. */
void endpoint_free(struct endpoint *endpoint);

/* The task, or its agent, is not as it was; all of them do nothing without an endpoint. */
void endpoint_update(struct task *task);
/* The same, and STATUS is its latest. */
void endpoint_heard(struct task *task, const Mesos__V1__TaskStatus *status);
void endpoint_weigh(struct task *task, uint16_t weight);
/* AGENT is to be drained: all of its tasks are to end. */
void endpoints_update(struct agent *agent);

/* WHY something that its labels ask for is not so: told once, however many tasks ask for it. */
void endpoint_explain(const struct endpoint *endpoint, const char *why);

/*
 * Would new connections be sent there, as far as agents may know, if it were not to end?  Without a weight,
 * too: they may know an older one.
 */
bool endpoint_serves(const struct endpoint *endpoint);
/* Why it gets no new connections, in a buffer of the caller; NULL: it does. */
const char *endpoint_why_out(const struct endpoint *endpoint, char *buf, size_t size);

#endif
