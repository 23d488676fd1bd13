/* What apps ask for by labels of their ports that not everybody can have: addresses of services. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_SERVICE_CLAIMS_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_SERVICE_CLAIMS_H

struct dependency;
struct problems;

/*
 * Of N APPS as they will be, the first N_NEW are asked for now: their labels "VIP_n" and what belongs
 * to those have to be right, no other app has the same fixed address, and no other service the same
 * port at every node, of NODE_PORTS.  A name may be of several apps.  -ENOMEM.
 */
int service_claims_check(const struct dependency *apps, unsigned n_new, unsigned n,
			 const char *node_ports, struct problems *problems);

#endif
