/* KEY=VALUE of 'tepui app set': a path into a definition, and what is to stand there. */
#ifndef CLI_ASSIGNMENT_H
#define CLI_ASSIGNMENT_H

#include <jansson.h>

struct err;

/*
 * Do what TEXT says, as in "container.docker.image=web:2" or "healthChecks.0.path=/up", to CHANGES.
 * The API replaces each member of a definition whole: what CHANGES has not yet of the one that the
 * path begins with is copied from APP.  A value is JSON where it is such and text otherwise; below
 * "env" and "labels" all that follows is one key, and its value text.  null removes a member, and
 * stays as null where it is one of CHANGES itself.  -CLI_MISUSE, -EINVAL.
 */
int assignment_apply(const char *text, const json_t *app, json_t *changes, struct err *e);

#endif
