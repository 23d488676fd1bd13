/* A pod's definition: containers that run together on one node (reference/marathon.md 1.10). */
#ifndef MASTER_STUB_MARATHON_DEFINITION_POD_H
#define MASTER_STUB_MARATHON_DEFINITION_POD_H

#include <jansson.h>
#include <stdbool.h>

#include "master_stub/marathon/definition/app.h"

struct refusal;
struct role_rules;

/*
 * What one container executes, said as an app of one task says it: cmd or args, env (the pod's own
 * beneath the container's), user (the container's or else the pod's), resources and limits, labels,
 * health check, kill grace, tty, and in its JSON "container" the image, volumes and linuxInfo.  It
 * differs from an app's in this:
 *
 * - its volumes have, beside "containerPath" and "mode", either "hostPath" or "ephemeral": the name
 *   of a directory of the instance that its containers share;
 * - its ports are those of its endpoints, in their order: the instance's from FIRST_PORT on.  A health
 *   check's "portIndex" counts from there, too, and a command is "value" or "argv".
 */
struct pod_container {
	const char *name;
	struct app *app;
	unsigned first_port;
	/* args[0] is executed in place of the image's entrypoint, which else gets all of them. */
	bool overrides_entrypoint;
};

/*
 * The pod's own struct app has what the whole instance is placed, counted and supervised by:
 * resources are the sums with the executor's share, ports those of all endpoints (require_ports: a
 * number is that port of the host, 0 any; none of them is a service port), health_checks all of its
 * containers'; it has no cmd, args and env.
 */
struct pod {
	struct pod_container *containers;
	unsigned n_containers;
	double executor_cpus, executor_mem_mb, executor_disk_mb;
	bool shares_cgroups;		/* legacySharedCgroups */
	json_t *as_app;			/* what the strings of the pod's struct app are borrowed from */
};

/*
 * From what a client sent: the whole definition, defaults filled in, everything checked.  ID
 * overrides the document's own (NULL: it must have one).  The versions are empty.  Errors are in
 * REFUSAL (400, 422, 503).
 */
int pod_parse(const json_t *document, const char *id, const struct role_rules *rules,
	      struct app **ret, struct refusal *refusal);

/* Is DOCUMENT, which is stored, a pod's? */
bool pod_is_document(const json_t *document);

/* BASE with another number of instances; NULL: out of memory. */
struct app *pod_with_instances(const struct app *base, unsigned instances);

void pod_free(struct pod *pod);

/* The container of that name; NULL: there is none. */
const struct pod_container *pod_container_find(const struct pod *pod, const char *name);

#endif
