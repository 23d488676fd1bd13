/* What names are made of: labels out of the texts that tasks, frameworks, ports and services are called by. */
#ifndef AGENT_NAMES_LABEL_H
#define AGENT_NAMES_LABEL_H

#include "net/dns_message.h"

enum { NAMES_LABEL_SIZE = DNS_MAX_LABEL + 1 };

/*
 * One label, as Mesos-DNS makes it: letters in lower case, digits and '-', of which '.', '/', '_' and ' ' become
 * one; what else there is is left out, '-' at the ends too.  Empty: there is nothing to call it by.
 */
void names_label(const char *text, char ret[NAMES_LABEL_SIZE]);

/* "TASK-HASH-AGENT": a hash of the task's id, and what the agent's id ends with: "web-tz1mq-s0". */
void names_label_instance(const char *task_label, const char *task_id, const char *agent_id,
			  char ret[NAMES_LABEL_SIZE]);

/*
 * A name of which a '.' parts labels, as of a framework or of a service, of which '/' is left out: "/db.prod" is
 * "db.prod", "/prod/db" is "proddb".  -EINVAL: nothing is left of it, or too much.
 */
int names_labels(const char *text, struct dns_name *ret);

#endif
