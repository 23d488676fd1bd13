/* What an instance of an app would execute, in the words of the TaskInfo that is launched: /v2/apps/ID/effective. */
#ifndef MASTER_STUB_MARATHON_VIEW_EFFECTIVE_H
#define MASTER_STUB_MARATHON_VIEW_EFFECTIVE_H

#include <jansson.h>

struct controller;
struct entry;
struct instance_task;

/*
 * As INSTANCE was launched; NULL: as the next one will be, with 0 and "" for what only an offer tells: ports that are not
 * required, host, agent and the ids.  A new reference; NULL: out of memory.
 */
json_t *effective_view(const struct controller *c, const struct entry *entry,
		       const struct instance_task *task);

#endif
