/* An app that is autoscaled, and people who load it, and scale it by hand now and then. */
#ifndef TESTS_SIM_AUTOSCALED_H
#define TESTS_SIM_AUTOSCALED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct autoscaled;
struct sim;

struct autoscaled *autoscaled_new(struct sim *sim);
/* What one of its instances exposes. */
void autoscaled_expose(const struct sim *sim, char *text, size_t size);
void autoscaled_delete(struct sim *sim);

/* After every turn; of every decision that is told; when a turn is committed, or lost. */
void autoscaled_check(struct sim *sim);
void autoscaled_hear(struct sim *sim, const json_t *event);
void autoscaled_is_recorded(struct sim *sim);
void autoscaled_is_lost(struct sim *sim);
bool autoscaled_is_healed(const struct sim *sim, char *text, size_t size);

#endif
