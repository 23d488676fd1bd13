/* Label selectors: "env==prod, tier in (web, api), !=..." (reference/marathon.md 1.2). */
#ifndef MASTER_STUB_MARATHON_DEFINITION_LABEL_SELECTOR_H
#define MASTER_STUB_MARATHON_DEFINITION_LABEL_SELECTOR_H

#include <jansson.h>
#include <stdbool.h>

struct label_selector;

/* -EINVAL: not in the grammar; -ENOMEM. */
int label_selector_parse(const char *text, struct label_selector **ret);
void label_selector_free(struct label_selector *selector);

/* Do all its terms hold for LABELS?  != and notin also need the key to exist. */
bool label_selector_matches(const struct label_selector *selector, const json_t *labels);

#endif
