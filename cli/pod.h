/* Pods in lists. */
#ifndef CLI_POD_H
#define CLI_POD_H

struct list;

/* Of statuses of pods, as in /v2/pods/::status. */
extern const struct list pod_statuses;

#endif
