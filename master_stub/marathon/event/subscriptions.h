/*
 * Event subscriptions, as Marathon had them before its event stream: every event is POSTed to the URLs that asked for
 * it, one after another.  An event that a URL does not take comes again after 2, 4, 8... at most 300 s; of more than
 * 1024 that wait, or 1 MiB, the oldest are lost.
 */
#ifndef MASTER_STUB_MARATHON_EVENT_SUBSCRIPTIONS_H
#define MASTER_STUB_MARATHON_EVENT_SUBSCRIPTIONS_H

#include <jansson.h>

struct controller;
struct refusal;

/* One that is there is no error.  422: no URL that could be called; 503: too many. */
int subscriptions_add(struct controller *c, const char *url, struct refusal *refusal);
/* One that is not there is no error. */
void subscriptions_remove(struct controller *c, const char *url);
/* As it was stored: nothing is written.  -EINVAL, -ENOMEM. */
int subscriptions_load(struct controller *c, const char *url);
/* ["http://..."], a new reference. */
json_t *subscriptions_view(const struct controller *c);
/* For all of them. */
void subscriptions_event(struct controller *c, const json_t *event);
/* What is due again. */
void subscriptions_turn(struct controller *c);
void subscriptions_free(struct controller *c);

#endif
