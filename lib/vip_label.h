/* Labels of ports that ask for a stable address: "VIP_0" and what belongs to it. */
#ifndef LIB_VIP_LABEL_H
#define LIB_VIP_LABEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ranges.h"
#include "proto/tepui.pb-c.h"

struct err;

enum { VIP_NAME_MAX = 253, VIP_HOST_SIZE = VIP_NAME_MAX + 1, VIP_WEIGHT_MAX = 1000 };

/* How a service's address is served, as its newest backend wants it. */
struct vip_choices {
	Tepui__Service__Balance balance;
	bool prefers_local;
	uint16_t node_port;		/* 0: none */
};

struct vip_label {
	char host[VIP_HOST_SIZE];	/* the name, or the address as text */
	in_addr_t address;		/* 0: it is a name */
	uint16_t port;
	struct vip_choices choices;
};

/* Is KEY "VIP_" and a number? */
bool vip_label_is(const char *key);

/*
 * Of TEXT, "/NAME:PORT" or "ADDRESS:PORT", where a service is; its choices are the defaults.  A '/' within a
 * name is left out, as DC/OS does: "/prod/db" is "proddb".  -EINVAL with what is wrong with it.
 */
int vip_read(const char *text, struct vip_label *ret, struct err *e);
/* The same of LABEL, which is one. */
int vip_label_read(const Mesos__V1__Label *label, struct vip_label *ret, struct err *e);

/*
 * What the labels VIP_n_BALANCE, VIP_n_PREFER and VIP_n_NODE_PORT (of NODE_PORTS) beside LABEL say.
 * -EINVAL: the CHOICEth of them means nothing and is as if it were not there.
 */
enum { N_VIP_CHOICES = 3 };
int vip_label_choose(const Mesos__V1__Labels *labels, const Mesos__V1__Label *label, size_t choice,
		     const struct ranges *node_ports, struct vip_choices *choices, struct err *e);

/* "3" of the label "weight": 0 to VIP_WEIGHT_MAX, -EINVAL for anything else. */
int vip_weight_read(const char *text, uint16_t *ret, struct err *e);

#endif
