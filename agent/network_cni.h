/*
 * Networks of the node's operator, made by CNI plugins (net/cni.h): chosen and configured here, ADD and
 * DEL by the supervisor; DEL by an errand of ours where the supervisor did not come to it, CHECK by
 * one when an agent takes up what the one before left.
 */
#ifndef AGENT_NETWORK_CNI_H
#define AGENT_NETWORK_CNI_H

#include <jansson.h>
#include <stdbool.h>

#include "proto/tepui.pb-c.h"

struct agent;
struct agent_flags;
struct container;
struct err;
struct network;
struct networks;

int network_cni_check_flags(const struct agent_flags *flags, struct err *e);

/* What there is in --network_cni_config_dir, told to the log. */
void network_cni_look(const struct agent *agent);

/*
 * The network that INFO names, with what INFO asks of it, as text for an attachment: 1 and *ret, owned;
 * 0: CNI has none of that name.  -ENOTSUP: none of its plugins can do what is asked.
 */
int network_cni_bind(const struct agent *agent, const Mesos__V1__NetworkInfo *info, char **ret,
		     struct err *e);

/* Why there is no network NAME: E says which there are, or which flag is missing. */
int network_cni_refuse(const struct agent *agent, const char *name, struct err *e);

/* Of the annotation: an attachment; and how plugins are run for C. */
json_t *network_cni_describe(const Tepui__NetworkRecord__Attachment *attachment, struct err *e);
json_t *network_cni_describe_host(const struct container *c);

bool network_has_cni(const struct network *network);

/* Take what ADD gave into the record, once it is there: 1 when that is changed. */
int network_cni_learn(struct networks *networks, struct network *network, struct err *e);

/* The name servers that plugins gave, for one that joins NETWORK, into the files of C. */
int network_cni_complete_files(const struct container *c, const struct network *network,
			       struct err *e);

/* ---- agent/network_cni_errands.c: plugins that are run by us ---- */

/*
 * The container of NETWORK has ended, or will not be launched.  False: its plugins have nothing to undo.
 * IS_SURE: the supervisor was seen to its end, so that its file tells; after a restart it may be gone.
 * True: DEL is begun, again until it succeeds; then network_leave().
 */
bool network_cni_release(struct networks *networks, struct network *network, bool is_sure);

/*
 * After a restart: DEL for containers that are not known any more; CHECK for those that live, of which
 * what is wrong is told to the log and by network_cni_failure(); GC, where plugins know it, of all that
 * no record knows.
 */
void network_cni_settle(struct networks *networks);

/* What CHECK or, of one that has ended, DEL last said; NULL: nothing is wrong. */
const char *network_cni_failure(const struct network *network);

/* An errand that runs for it ends. */
void network_cni_stop(struct network *network);

#endif
