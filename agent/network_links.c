/* What is asked of the kernel for networks: in errands, because it may block. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/errand.h"
#include "agent/names.h"
#include "agent/network.h"
#include "agent/ruleset.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

enum { RETRY_MS = 1000 };

static const char lock_dir[] = "/run/tepui";

/*
 * By a file of the network namespace's number.  A name in the namespace itself, such as an abstract socket,
 * could be taken by any task that has the node's network.
 */
static int open_lock(struct err *e)
{
	char path[sizeof(lock_dir) + 48];
	struct stat own;
	int fd;

	if (stat("/proc/self/ns/net", &own) < 0)
		return err_set(e, errno, "find the own network namespace");
	if (mkdir(lock_dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory '%s'", lock_dir);
	(void)snprintf(path, sizeof(path), "%s/networks-%llu.lock", lock_dir,
		       (unsigned long long)own.st_ino);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

static bool is_known(const struct networks *networks, const char *link)
{
	for (const struct network *n = networks->all; n; n = n->hh.next) {
		for (size_t i = 0; i < n->record->n_attachments; i++) {
			const char *own = n->record->attachments[i]->link;

			if (own && strcmp(own, link) == 0)
				return true;
		}
	}
	return false;
}

static bool is_stranger(const struct networks *networks, const char *link)
{
	return strncmp(link, NETWORK_LINK, strlen(NETWORK_LINK)) == 0 && !is_known(networks, link);
}

static bool has_strangers(const struct networks *networks)
{
	struct if_nameindex *links = if_nameindex();
	bool has = false;

	for (const struct if_nameindex *link = links; link && link->if_index && !has; link++)
		has = is_stranger(networks, link->if_name);
	if_freenameindex(links);
	return has;
}

/*
 * The lock goes with the process, however that ends.  The agent that had it may be about to come back: as
 * long as its containers are there, their ports and what they may reach are its own.
 */
int networks_own(struct networks *networks, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	if (networks->lock_fd >= 0)
		return 0;
	fd = open_lock(e);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		networks->was_elsewhere |= errno == EWOULDBLOCK;
		return errno == EWOULDBLOCK ?
			       err_set(e, EBUSY, "another agent of this node has its networks") :
			       err_set(e, errno, "lock the networks of this node");
	}
	if (networks->was_elsewhere && has_strangers(networks))
		return err_set(e, EBUSY, "containers of another agent of this node have its networks");
	networks->lock_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the bridge ---- */

static int make(const void *arg, void *result, struct err *e)
{
	const struct networks *networks = arg;

	(void)result;
	return bridge_make(&networks->bridge, e);
}

/* It is there: who has something to do with it is told. */
static void tell(const struct networks *networks)
{
	const struct bridge *bridge = &networks->bridge;
	struct err e = { 0 };

	ruleset_set_bridge(networks->agent->ruleset, bridge);
	if (names_serve_bridge(networks->agent->names, &bridge->address, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "names are not answered on bridge '%s'",
			      bridge->name);
}

static void made(void *arg, int r, const void *result, struct err *e)
{
	struct networks *networks = arg;

	(void)result;
	networks->making = NULL;
	networks->is_bridge_made = r >= 0;
	networks->is_bridge_bad = r < 0;
	if (r >= 0)
		tell(networks);
	if (r < 0) {
		networks->failure = *e;
		log_write_err(LOG_LEVEL_ERROR, e, "make bridge '%s'", networks->bridge.name);
	}
	networks_resume(networks);
}

int networks_make_bridge(struct networks *networks, struct err *e)
{
	static const struct errand_kind kind = { make, made };

	networks->is_bridge_bad = false;
	return networks->making ? 0 : errand_start(networks->agent->loop, &kind, networks,
						    &networks->making, e);
}

/* ---- links ---- */

bool network_has_links(const struct network *network)
{
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		const char *link = network->record->attachments[i]->link;

		if (link && if_nametoindex(link) > 0)
			return true;
	}
	return false;
}

static int remove_links(struct netlink *nl, const struct network *network, struct err *e)
{
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		const char *link = network->record->attachments[i]->link;

		if (link)
			link_delete(nl, link);
	}
	return netlink_flush(nl, e);
}

static int remove_all(const void *arg, void *result, struct err *e)
{
	const struct networks *networks = arg;
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	int r = netlink_open(&nl, e);

	(void)result;
	for (const struct network *n = networks->all; n && r >= 0; n = n->hh.next) {
		if (n->is_removed)
			r = remove_links(&nl, n, e);
	}
	return r;
}

static void removed(void *arg, int r, const void *result, struct err *e)
{
	struct networks *networks = arg;
	struct network *network, *next;
	bool is_more = false;

	(void)result;
	networks->removing = NULL;
	if (r < 0) {
		log_write_err(LOG_LEVEL_WARNING, e, "remove links of containers, trying again");
		loop_timer_set(networks->retry, RETRY_MS);
		return;
	}
	HASH_ITER(hh, networks->all, network, next) {
		if (network->is_removed)
			network_forget(networks, network);
		else
			is_more |= network->is_leaving;
	}
	if (is_more)
		networks_remove_links(networks);
}

void networks_remove_links(struct networks *networks)
{
	static const struct errand_kind kind = { remove_all, removed };
	struct err e = { 0 };

	/* Those that come later have their turn when it is back. */
	if (networks->removing)
		return;
	for (struct network *n = networks->all; n; n = n->hh.next)
		n->is_removed = n->is_leaving;
	if (errand_start(networks->agent->loop, &kind, networks, &networks->removing, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "remove links of containers");
		loop_timer_set(networks->retry, RETRY_MS);
	}
}

/* ---- at start ---- */

static int remove_one(struct netlink *nl, const char *link, struct err *e)
{
	log_warning("remove link '%s': it belongs to no container", link);
	link_delete(nl, link);
	return netlink_flush(nl, e);
}

void networks_remove_strangers(struct networks *networks)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	struct if_nameindex *links = if_nameindex();
	struct err e = { 0 };

	if (!links || netlink_open(&nl, &e) < 0) {
		log_warning("look for links of no container: it cannot be done");
		if_freenameindex(links);
		return;
	}
	for (const struct if_nameindex *link = links; link->if_index; link++) {
		if (!is_stranger(networks, link->if_name))
			continue;
		if (remove_one(&nl, link->if_name, &e) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &e, "link '%s'", link->if_name);
			err_clear(&e);
		}
	}
	if_freenameindex(links);
}
