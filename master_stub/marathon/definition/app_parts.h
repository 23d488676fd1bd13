/* The stages from what a client sends to a definition, which app_json.c goes through. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_PARTS_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_PARTS_H

#include <jansson.h>
#include <stdbool.h>

#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/role_rules.h"
#include "master_stub/marathon/definition/shape.h"

struct app;

/* Errors of the schema hide those of the rules: the latter are told of well-formed documents only. */
struct findings {
	struct problems schema, rules;
};

/* The fields of a definition, from reference/marathon.md section 2. */
extern const struct shape app_shape;
/* Of a container, ended by a row without key; and one network (container_shape.c). */
extern const struct shape container_fields[], network_shape;

/* Rows of app_shape.c and container_shape.c that pods have, too; tables end with a row without key. */
json_t *env_read(const json_t *value, const char *path, struct problems *problems);
json_t *unreachable_read(const json_t *value, const char *path, struct problems *problems);
extern const struct shape fetch_shape, secret_shape;
extern const struct shape limit_fields[], pull_fields[], linux_fields[];
extern const char *const kill_selections[];

extern const char *const port_protocols[];
/* NULL: a name as ports may have. */
const char *port_name_complaint(const char *name);

/* Is KEY a field of a definition?  Others are ignored, so that an edited answer can be sent back. */
bool app_shape_has(const char *key);

/*
 * The deprecated forms (uris, ports, ipAddress, docker.network, docker.portMappings) become the
 * canonical ones, in place: of a whole definition or of an update alike.
 */
void app_translate_legacy(json_t *document, struct findings *findings);

/* Defaults that depend on other fields or on RULES, in place; the others are the shape's. */
void app_fill_defaults(json_t *document, const struct role_rules *rules, struct problems *problems);

/*
 * Both of the latter: the canonical form of DOCUMENT, which is changed on the way.  -EINVAL: it is wrong,
 * which is in FINDINGS, with what app_translate_legacy() found; -ENOMEM.
 */
int app_read_canonical(json_t *document, const struct role_rules *rules, struct findings *findings,
		       json_t **ret);

/* The typed values of canonical JSON, which is taken.  The versions are empty.  -ENOMEM. */
int app_new(json_t *json_take, struct app **ret);
/* 422 for what was found, or 503. */
int refuse_findings(struct refusal *refusal, int error, const struct findings *findings);

/* What no single field can tell, of the canonical form. */
void app_validate(const json_t *app, const struct role_rules *rules, struct problems *problems);
void container_validate(const json_t *app, struct problems *problems);
void residency_validate(const json_t *app, struct problems *problems);
/* KEY of the upgrade strategy must be 0. */
void expect_no_capacity(const json_t *app, const char *key, struct problems *problems);

/* What is right but cannot be honoured: it is refused, never ignored. */
void app_check_support(const json_t *app, struct problems *problems);

/* "container/bridge" and "container" run in a network of their own, "host" in the node's. */
bool networks_are_of_host(const json_t *networks);

#endif
