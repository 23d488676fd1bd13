/*
 * On which nodes an app's starts came to nothing: past Marathon, whose backoff knows the app alone.
 * Pure, times in ms of the boot clock.
 */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_NODE_FAULTS_H
#define MASTER_STUB_MARATHON_PLACEMENT_NODE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum { NODE_FAULTS_KEPT = 32 };

struct node_fault {
	char *agent_id, *host;
	unsigned failures;	/* with less than the app's largest delay between them */
	int64_t last_ms;
};

/* Zero-initialised is empty. */
struct node_faults {
	struct node_fault list[NODE_FAULTS_KEPT];
	unsigned n;
};

/* Of N failures, the last at LAST_MS; the one that is oldest makes room.  -ENOMEM. */
int node_faults_set(struct node_faults *faults, const char *agent_id, const char *host, unsigned n,
		    int64_t last_ms);
/* One more; those before it count if they were less than WITHIN_MS ago.  -ENOMEM. */
int node_faults_add(struct node_faults *faults, const char *agent_id, const char *host,
		    int64_t within_ms, int64_t now_ms);
void node_faults_reset(struct node_faults *faults);

/* Until when AGENT_ID is to be avoided: for WITHIN_MS after the second failure and all after it; 0: not. */
int64_t node_faults_avoided_until(const struct node_faults *faults, const char *agent_id,
				  int64_t within_ms);

#endif
