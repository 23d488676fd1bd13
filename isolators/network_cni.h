/* Networks that CNI plugins make: the supervisor's part, for isolators/network.c. */
#ifndef ISOLATORS_NETWORK_CNI_H
#define ISOLATORS_NETWORK_CNI_H

#include <stddef.h>

struct box;
struct err;
struct spec;

int cni_networks_validate(const struct spec *spec, struct err *e);

/*
 * Init waits: ADD of each of the container's CNI networks, in order, into init's network namespace.
 * What they gave is kept in NETWORK_FILE_CNI
 * (isolators/network_files.h), which is there from before the first ADD until after the
 * last DEL, and goes into the container's files.
 */
int cni_networks_attach(struct box *box, struct err *e);

/* DEL of those that ADD was begun for.  Where one fails, that file stays: the agent tries again. */
void cni_networks_release(struct box *box);

/* Memory and descriptors; the networks stay. */
void cni_networks_free(struct box *box);

#endif
