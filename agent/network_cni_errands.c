#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/errand.h"
#include "agent/network.h"
#include "agent/network_cni.h"
#include "agent/runtime_dir.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_in.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "net/cni.h"
#include "net/cni_list.h"

enum {
	MAX_ERRANDS = 8,
	RETRY_MS = 1000, LAST_RETRY_MS = 60 * 1000, MAX_DOUBLINGS = 6,
	MAX_RESULTS = 8 << 20, PATH_SIZE = 64,
};

/* What plugins are run for, one verb at a time: of one container. */
struct network_cni {
	struct networks *networks;
	struct network *network;
	struct errand *errand;
	struct loop_timer *retry;	/* of DEL */
	bool is_due;			/* DEL waits for an errand */
	unsigned attempts;
	int dir_fd;			/* its runtime directory, which may be removed; or -EBADF */
	char *failure;			/* owned */
};

static void free_work(struct network_cni *cni)
{
	errand_free(cni->errand);
	loop_timer_free(cni->retry);
	fd_close(&cni->dir_fd);
	free(cni->failure);
	free(cni);
}

void network_cni_stop(struct network *network)
{
	struct network_cni *cni = TAKE_PTR(network->cni);

	if (cni)
		free_work(cni);
}

const char *network_cni_failure(const struct network *network)
{
	return network->cni ? network->cni->failure : NULL;
}

static void note_failure(struct network_cni *cni, const struct err *why)
{
	char text[sizeof(why->msg) + 64];

	free(cni->failure);
	cni->failure = strdup(err_text(why, text, sizeof(text)));
}

/* ---- in an errand ---- */

/* The configuration that the attachment was made by, and what that gave: owned. */
static int parse_texts(const Tepui__NetworkRecord__Attachment *attachment, json_t **ret_list,
		       json_t **ret_result, struct err *e)
{
	int r = json_in_parse(attachment->config, strlen(attachment->config), ret_list, e);

	*ret_result = NULL;
	if (r == 0 && attachment->result)
		r = json_in_parse(attachment->result, strlen(attachment->result), ret_result, e);
	return r < 0 ? err_wrap(e, "network '%s'", attachment->network) : 0;
}

static struct cni_host host_of(const struct networks *networks, int hold_fd)
{
	const struct agent_flags *flags = &networks->agent->flags;

	return (struct cni_host){
		.dirs = flags->network_cni_plugins_dir, .timeout_ms = flags->cni_timeout,
		.hold_fd = hold_fd,
	};
}

typedef int verb_fn(const struct cni_host *host, const struct cni_attachment *at, struct err *e);

static int run_verb(verb_fn *verb, const struct network *network, size_t i,
		    const struct cni_host *host, const char *netns, struct err *e)
{
	const Tepui__NetworkRecord__Attachment *attachment = network->record->attachments[i];
	json_auto_t *list = NULL, *result = NULL;
	int r = attachment->config ? parse_texts(attachment, &list, &result, e) : 0;

	if (r < 0 || !list)
		return r;
	return verb(host, &(struct cni_attachment){
		.container_id = network->record->container_id, .interface = attachment->interface,
		.netns = netns, .list = list, .result = result,
	}, e);
}

/* Its namespace went with the supervisor.  Each is tried: the first failure is told. */
static int del_all(const void *arg, void *result, struct err *e)
{
	const struct network_cni *cni = arg;
	char path[PATH_SIZE];
	AUTO_CLOSE int hold_fd = -EBADF;
	struct cni_host host;

	(void)result;
	if (cni->dir_fd >= 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), cni->dir_fd);
		hold_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	host = host_of(cni->networks, hold_fd);
	for (size_t i = cni->network->record->n_attachments; i > 0; i--) {
		struct err why = { 0 };

		if (run_verb(cni_del, cni->network, i - 1, &host, NULL, &why) < 0 && e->code == 0)
			*e = why;
	}
	return -e->code;
}

/* The path by which the supervisor has the namespace, and under which plugins know it; owned. */
static int read_netns(const struct network_cni *cni, char **ret, struct err *e)
{
	json_auto_t *document = NULL;
	AUTO_FREE char *path = NULL;
	const char *netns;
	int r;

	if (asprintf(&path, "%s/containers/%s/" HANDOVER_NETWORKS, cni->networks->agent->work_dir,
		     cni->network->record->container_id) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "find a network namespace");
	}
	r = file_in_read_json(AT_FDCWD, path, MAX_RESULTS, &document, e);
	if (r < 0)
		return r;
	netns = json_string_value(json_object_get(document, "netns"));
	*ret = netns ? strdup(netns) : NULL;
	return *ret ? 0 : err_set(e, EINVAL, "find the network namespace in '%s'", path);
}

/* What ADD gave may not be there yet. */
static int check_one(const struct cni_host *host, const struct cni_attachment *at, struct err *e)
{
	return at->result ? cni_check(host, at, e) : 0;
}

/* As long as its supervisor lives it has the lock, and nobody but us runs plugins. */
static int check_all(const void *arg, void *result, struct err *e)
{
	const struct network_cni *cni = arg;
	struct cni_host host = host_of(cni->networks, -EBADF);
	AUTO_FREE char *netns = NULL;
	int r = read_netns(cni, &netns, e);

	(void)result;
	for (size_t i = 0; i < cni->network->record->n_attachments && r == 0; i++)
		r = run_verb(check_one, cni->network, i, &host, netns, e);
	return r;
}

/* ---- DEL ---- */

static void start_due(struct networks *networks);

static void deleted(void *arg, int r, const void *result, struct err *e)
{
	struct network_cni *cni = arg;
	struct networks *networks = cni->networks;
	struct network *network = cni->network;
	unsigned doublings = cni->attempts < MAX_DOUBLINGS ? cni->attempts : MAX_DOUBLINGS;
	int64_t delay = (int64_t)RETRY_MS << doublings;

	(void)result;
	cni->errand = NULL;
	networks->n_cni_errands--;
	if (r >= 0) {
		network_cni_stop(network);
		network_leave(networks, network);
	} else {
		cni->attempts++;
		note_failure(cni, e);
		log_write_err(LOG_LEVEL_WARNING, e, "free the networks of container '%s', going on",
			      network->record->container_id);
		loop_timer_set(cni->retry, delay < LAST_RETRY_MS ? delay : LAST_RETRY_MS);
	}
	start_due(networks);
}

static void start_one(struct network_cni *cni)
{
	static const struct errand_kind kind = { del_all, deleted };
	struct err e = { 0 };

	cni->is_due = false;
	if (errand_start(cni->networks->agent->loop, &kind, cni, &cni->errand, &e) >= 0) {
		cni->networks->n_cni_errands++;
		return;
	}
	log_write_err(LOG_LEVEL_ERROR, &e, "free the networks of container '%s'",
		      cni->network->record->container_id);
	loop_timer_set(cni->retry, RETRY_MS);
}

/* Many containers may end at once: plugins would be in one another's way. */
static void start_due(struct networks *networks)
{
	for (struct network *n = networks->all; n; n = n->hh.next) {
		if (networks->n_cni_errands >= MAX_ERRANDS)
			return;
		if (n->cni && n->cni->is_due)
			start_one(n->cni);
	}
}

static void on_retry(void *arg)
{
	struct network_cni *cni = arg;

	cni->is_due = true;
	start_due(cni->networks);
}

static int make_work(struct networks *networks, struct network *network, struct err *e)
{
	struct network_cni *cni = calloc(1, sizeof(*cni));
	int r;

	if (!cni)
		return err_set(e, ENOMEM, "run plugins of networks");
	*cni = (struct network_cni){
		.networks = networks, .network = network, .dir_fd = -EBADF,
	};
	r = loop_timer_new(networks->agent->loop, on_retry, cni, &cni->retry, e);
	if (r < 0)
		free_work(cni);
	else
		network->cni = cni;
	return r;
}

bool network_cni_release(struct networks *networks, struct network *network, bool is_sure)
{
	struct err e = { 0 };
	int dir_fd;

	if (!network_has_cni(network))
		return false;
	if (network_cni_learn(networks, network, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "read what networks gave container '%s'",
			      network->record->container_id);
		err_clear(&e);
	}
	network->is_deleting = true;
	network_cni_stop(network);
	if (make_work(networks, network, &e) < 0) {
		/* The record stays: it is done after the next start. */
		log_write_err(LOG_LEVEL_ERROR, &e, "free the networks of container '%s'",
			      network->record->container_id);
		return true;
	}
	dir_fd = network->cni->dir_fd = runtime_dir_open(networks->agent->work_fd,
							 network->record->container_id);
	if (is_sure && (dir_fd < 0 || faccessat(dir_fd, HANDOVER_NETWORKS, F_OK, 0) < 0)) {
		network_cni_stop(network);
		network->is_deleting = false;
		return false;
	}
	network->cni->is_due = true;
	start_due(networks);
	return true;
}

/* ---- after a restart ---- */

static void checked(void *arg, int r, const void *result, struct err *e)
{
	struct network_cni *cni = arg;

	(void)result;
	cni->errand = NULL;
	if (r >= 0)
		return;
	note_failure(cni, e);
	log_write_err(LOG_LEVEL_WARNING, e, "check the networks of container '%s'",
		      cni->network->record->container_id);
}

static void check(struct networks *networks, struct network *network)
{
	static const struct errand_kind kind = { check_all, checked };
	struct err e = { 0 };
	int r = network->cni ? 0 : make_work(networks, network, &e);

	if (r >= 0)
		r = errand_start(networks->agent->loop, &kind, network->cni, &network->cni->errand,
				 &e);
	if (r < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "check the networks of container '%s'",
			      network->record->container_id);
}

/* [{"containerID", "ifname"}, ...] of what is attached to network NAME. */
static json_t *list_attachments(const struct networks *networks, const char *name)
{
	json_t *list = json_array();

	for (const struct network *n = networks->all; n; n = n->hh.next) {
		for (size_t i = 0; i < n->record->n_attachments; i++) {
			const Tepui__NetworkRecord__Attachment *a = n->record->attachments[i];

			if (a->config && strcmp(a->network, name) == 0)
				(void)json_array_append_new(list, json_pack("{s:s, s:s}",
					"containerID", n->record->container_id, "ifname",
					a->interface));
		}
	}
	return list;
}

static int collect(const void *arg, void *result, struct err *e)
{
	const struct networks *networks = arg;
	const char *dir = networks->agent->flags.network_cni_config_dir, *name;
	struct cni_host host = host_of(networks, -EBADF);
	json_auto_t *lists = NULL;
	const json_t *list;
	int r = cni_lists_load(dir, NULL, &lists, e);

	(void)result;
	json_object_foreach(lists, name, list) {
		json_auto_t *valid = list_attachments(networks, name);

		if (r == 0)
			r = cni_gc(&host, list, valid, e);
	}
	return r;
}

static void collected(void *arg, int r, const void *result, struct err *e)
{
	struct networks *networks = arg;

	(void)result;
	networks->collecting = NULL;
	if (r < 0)
		log_write_err(LOG_LEVEL_WARNING, e, "collect what no container has of networks");
}

void network_cni_settle(struct networks *networks)
{
	static const struct errand_kind kind = { collect, collected };
	const char *dir = networks->agent->flags.network_cni_config_dir;
	struct err e = { 0 };

	for (struct network *n = networks->all; n; n = n->hh.next) {
		const struct container *c = container_find(networks->agent, n->record->container_id);

		if (!c && !n->is_deleting)
			(void)network_cni_release(networks, n, false);
		else if (c && container_is_alive(c) && network_has_cni(n))
			check(networks, n);
	}
	if (dir && *dir && errand_start(networks->agent->loop, &kind, networks,
					&networks->collecting, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "collect what no container has of networks");
}
