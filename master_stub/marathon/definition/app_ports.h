/* The ports that a definition asks for, wherever its networks put them (reference/marathon.md 2.2). */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_PORTS_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_PORTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct app;

/* One of them: a portDefinition, a portMapping or a pod's endpoint.  Borrowed from the app. */
struct app_port {
	const char *name;		/* NULL: it has none */
	const char *protocol;		/* "tcp", "udp" or "udp,tcp" */
	const json_t *labels;
	const json_t *network_names;	/* on which of the app's networks; NULL: all */
	bool takes_host_port;		/* one of its node's is taken from the offer */
	uint16_t host_port;		/* which of them; 0: any */
	uint16_t container_port;	/* at which it listens; 0: as the node's, without one any */
	uint16_t requested;		/* what names the variable PORT_n; 0: the one that it gets */
};

enum { N_PORT_PROTOCOLS = 2 };
extern const char *const port_protocol_names[N_PORT_PROTOCOLS];
/* NAME is one of those. */
bool app_port_speaks(const struct app_port *port, const char *name);

unsigned app_n_ports(const struct app *app);
struct app_port app_port(const struct app *app, unsigned index);
/* How many of its node's one instance takes. */
unsigned app_n_host_ports(const struct app *app);

/* Where the definition has the port INDEX: "/portDefinitions(0)", of a pod "/containers(1)/endpoints(0)". */
enum { APP_PORT_PATH_SIZE = 64 };
void app_port_path(const struct app *app, unsigned index, char ret[APP_PORT_PATH_SIZE]);

/* Is one of them behind a stable address, by a label like "VIP_0"? */
bool app_has_services(const struct app *app);

/* The list of ports of the definition APP, which a container's network takes from elsewhere; or NULL. */
const json_t *app_ports(const json_t *app);
/* The index of the port NAME of the definition APP, or with NULL of its first; -ENOENT. */
int app_port_index(const json_t *app, const char *name);

/* ---- Service ports: under which load balancers show an app, each of one app in the cluster ---- */

enum { N_PORTS = UINT16_MAX + 1 };

/* 0: it has none. */
uint16_t app_service_port(const struct app *app, unsigned index);
/* Is PORT, which is not 0, one of them?  Required ports are not: they are of the host alone. */
bool app_has_service_port(const struct app *app, uint16_t port);
/* Which ports the app names is noted in TAKEN. */
void app_mark_service_ports(const struct app *app, bool taken[N_PORTS]);
/*
 * Replace the service ports 0, by those of PREVIOUS (NULL: there is none) or some between MIN and MAX that
 * are not TAKEN, and note them.  -ENOSPC: none is left.
 */
int app_assign_service_ports(struct app *app, const struct app *previous, uint16_t min,
			     uint16_t max, bool taken[N_PORTS], uint32_t seed);

#endif
