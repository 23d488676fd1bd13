/* Apps with "autoscale": their load is looked at in rounds, and what follows is a deployment. */
#ifndef MASTER_STUB_MARATHON_AUTOSCALE_AUTOSCALER_H
#define MASTER_STUB_MARATHON_AUTOSCALE_AUTOSCALER_H

#include <jansson.h>

struct autoscale;
struct controller;
struct entry;

void autoscalers_turn(struct controller *c);
void autoscaler_free(struct controller *c, struct entry *entry);

/* Whose meters ENTRY's instances have; it has an autoscaler then. */
const struct autoscale *autoscaler_policy(const struct entry *entry);

/* Something that ENTRY's decision needs cannot be known; the last such sentence is shown. */
void autoscaler_note(struct entry *entry, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* GET /v2/apps/{id}/autoscale of an app that has it; new reference. */
json_t *autoscaler_view(const struct controller *c, const struct entry *entry);

#endif
