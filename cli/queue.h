/* What the queue tells of one app. */
#ifndef CLI_QUEUE_H
#define CLI_QUEUE_H

#include <jansson.h>
#include <stddef.h>

struct cli;
struct err;

enum { QUEUE_WHY_SIZE = 600 };

/* Why an item of /v2/queue waits, as a sentence. */
void queue_why(const json_t *item, char *ret, size_t size);

/* APP_ID's item of QUEUE, what /v2/queue answers; borrowed, NULL when it does not wait. */
json_t *queue_item(const json_t *queue, const char *app_id);

/* APP_ID's item of /v2/queue: a new reference, NULL when it does not wait. */
int queue_find(struct cli *cli, const char *app_id, json_t **ret, struct err *e);

#endif
