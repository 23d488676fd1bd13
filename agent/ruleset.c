#include "agent/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/network.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/program.h"
#include "net/address.h"
#include "net/nft_client.h"
#include "net/nft_watch.h"

enum {
	SETTLE_MS = 5 * 1000,		/* without a word of services: a bridge is served all the same */
	RETRY_MS = 1000,		/* doubled with each failure in a row */
	MAX_FAILURES = 5,
	FOREIGN_MS = 10 * 1000,		/* until another agent may have left */
	REPAIR_MS = 250,		/* of the second repair, doubled with each further one */
	MAX_REPAIRS = 5,
	REPAIR_CALM_MS = 10 * 1000,	/* after which a repair is a first one */
};

/* ---- when ---- */

void ruleset_wake(struct ruleset *ruleset)
{
	int64_t wait = ruleset->not_before_ms - clock_boot_ms();

	if (!ruleset->is_busy)
		loop_timer_set(ruleset->timer, wait > 0 ? wait : 0);
}

static void put_off(struct ruleset *ruleset, int64_t delay_ms)
{
	int64_t at = clock_boot_ms() + delay_ms;

	if (at > ruleset->not_before_ms)
		ruleset->not_before_ms = at;
}

in_addr_t ruleset_bridge_address(const struct ruleset *ruleset)
{
	in_addr_t address;

	memcpy(&address, ruleset->bridge.address.bytes, sizeof(address));
	return address;
}

/* Nothing is made for the sake of a node that has neither. */
static bool is_needed(const struct ruleset *ruleset)
{
	return ruleset->is_made || *ruleset->bridge.name ||
	       directory_service_next(ruleset->agent->directory, NULL);
}

/* ---- the worker, and others ---- */

static void on_started(void *arg, pid_t pid)
{
	struct ruleset *ruleset = arg;
	struct err e = { 0 };

	if (nft_watch_except(ruleset->watch, pid, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "tell our changes of nftables from others'");
}

/* At once; but who is at it without a pause is to leave us time for our own changes. */
static int64_t repair_delay(struct ruleset *ruleset)
{
	int64_t now = clock_boot_ms(), since = now - ruleset->repaired_ms;

	if (!ruleset->repaired_ms || since > REPAIR_CALM_MS)
		ruleset->n_repairs = 0;
	ruleset->repaired_ms = now;
	if (ruleset->n_repairs == 0) {
		ruleset->n_repairs = 1;
		return 0;
	}
	ruleset->n_repairs += ruleset->n_repairs < MAX_REPAIRS;
	return (int64_t)REPAIR_MS << ruleset->n_repairs;
}

static void on_changed(void *arg)
{
	struct ruleset *ruleset = arg;

	log_warning("others have changed table '" NFT_TABLE "' of nftables: it is made again");
	ruleset->counts.repairs++;
	ruleset->is_whole = true;
	put_off(ruleset, repair_delay(ruleset));
	ruleset_wake(ruleset);
}

/* Where another agent has the networks, its rules serve us, too; it may leave. */
static bool is_ours(struct ruleset *ruleset)
{
	struct err e = { 0 };

	if (!ruleset->agent->flags.nftables)
		return false;
	if (networks_own(ruleset->agent->networks, &e) >= 0)
		return true;
	if (!ruleset->is_foreign)
		log_write_err(LOG_LEVEL_INFO, &e, "leave services to another agent");
	ruleset->is_foreign = true;
	loop_timer_set(ruleset->timer, FOREIGN_MS);
	return false;
}

static int open_kernel(struct ruleset *ruleset, struct err *e)
{
	int r = 0;

	if (ruleset->missing.code) {
		*e = ruleset->missing;
		return -e->code;
	}
	if (!ruleset->watch)
		r = nft_watch_new(ruleset->agent->loop, NFT_TABLE, on_changed, ruleset,
				  &ruleset->watch, e);
	if (r >= 0 && !ruleset->client)
		r = nft_client_new(ruleset->agent->loop, TAKE_FD(ruleset->program_fd), on_started,
				   ruleset, &ruleset->client, e);
	return r;
}

/* ---- transactions ---- */

static bool is_anything_left(const struct ruleset *ruleset)
{
	return ruleset->is_whole || !TAILQ_EMPTY(&ruleset->dirty) ||
	       !TAILQ_EMPTY(&ruleset->uncounted) ||
	       ((ruleset->has_dirty_containers || ruleset->has_dirty_nodes) &&
		*ruleset->bridge.name);
}

static void fail(struct ruleset *ruleset, const struct err *e)
{
	log_write_err(LOG_LEVEL_ERROR, e, "services and ports of containers are not as they should be");
	ruleset->counts.failures++;
	ruleset->counts.failure = *e;
	ruleset->is_whole = true;
	ruleset->n_due = 0;
	ruleset->counts.is_in_force = false;
	put_off(ruleset, (int64_t)RETRY_MS << ruleset->n_failures);
	ruleset->n_failures += ruleset->n_failures < MAX_FAILURES;
	ruleset_wake(ruleset);
}

/* What the rules are of no use without, and would be a danger without the rules. */
static void open_ways(struct ruleset *ruleset)
{
	struct err e = { 0 };
	int r = 0;

	if (!ruleset->has_ways && *ruleset->bridge.name)
		r = bridge_route_loopback(&ruleset->bridge, &e);
	if (r >= 0 && ruleset->has_node_ports && !ruleset->is_forwarding)
		r = bridge_forward_packets(&e);
	if (r < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "let packets through");
	ruleset->has_ways = true;
	ruleset->is_forwarding = ruleset->has_node_ports;
}

static void succeed(struct ruleset *ruleset)
{
	open_ways(ruleset);
	ruleset->n_failures = 0;
	ruleset->counts.failure = (struct err){ 0 };
	ruleset_forget_flows(ruleset);
	directory_in_force(ruleset->agent->directory, ruleset->in_flight);
	ruleset->counts.is_in_force = !is_anything_left(ruleset);
	if (!ruleset->counts.is_in_force)
		ruleset_wake(ruleset);
}

static void applied(void *arg, const struct nft_result *result, struct err *e)
{
	struct ruleset *ruleset = arg;
	struct err why = { 0 };

	ruleset->is_busy = false;
	/* One that failed is tried anew in any case. */
	if (ruleset->is_unwatched &&
	    nft_watch_resume(ruleset->watch, result->r < 0 ? NULL : &result->generation, &why) < 0)
		log_write_err(LOG_LEVEL_ERROR, &why, "notice what others do");
	ruleset->is_unwatched = false;
	if (result->r >= 0)
		succeed(ruleset);
	else
		fail(ruleset, e);
	networks_resume(ruleset->agent->networks);
}

static int write_text(struct ruleset *ruleset, bool is_whole, FILE *out, struct err *e)
{
	bool is_moved;
	int r;

	if (is_whole)
		ruleset_write_tables(ruleset, out);
	r = ruleset_write_services(ruleset, is_whole, out, &is_moved, e);
	if (r < 0)
		return r;
	if (is_moved)
		ruleset_mark_restricted(ruleset);
	r = ruleset_write_containers(ruleset, is_whole, out, e);
	ruleset_write_nodes(ruleset, is_whole, out);
	/* They are many, and can wait until connections get through. */
	if (r >= 0 && !is_whole)
		(void)ruleset_write_counters(ruleset, out);
	return r;
}

/* *ret_fd is an owned file for the worker, or -EBADF: there is nothing to change. */
static int write_transaction(struct ruleset *ruleset, bool is_whole, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tepui-transaction", MFD_CLOEXEC);
	int copy = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	bool is_empty;
	int r;

	if (!out) {
		r = err_set(e, errno, "write a transaction of nftables");
		fd_close(&copy);
		return r;
	}
	r = write_text(ruleset, is_whole, out, e);
	is_empty = ftell(out) == 0;
	fputc('\0', out);
	if (fclose(out) != 0 && r >= 0)
		r = err_set(e, errno, "write a transaction of nftables");
	if (r >= 0 && !is_empty)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int hand_over(struct ruleset *ruleset, int fd_take, struct err *e)
{
	AUTO_CLOSE int fd = fd_take;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? err_set(e, errno, "look at a transaction") : 0;

	ruleset->is_unwatched = r >= 0 && st.st_size > NFT_LARGE_TEXT;
	if (ruleset->is_unwatched)
		r = nft_watch_pause(ruleset->watch, e);
	if (r >= 0)
		r = nft_client_ask(ruleset->client, NFT_APPLY, TAKE_FD(fd), applied, ruleset, e);
	ruleset->is_busy = r >= 0;
	return r;
}

static int apply(struct ruleset *ruleset, struct err *e)
{
	bool is_whole = ruleset->is_whole || !ruleset->is_made;
	AUTO_CLOSE int fd = -EBADF;
	int r = open_kernel(ruleset, e);

	if (r < 0)
		return r;
	ruleset->is_made = true;
	ruleset->is_whole = false;
	ruleset->in_flight = ruleset->generation;
	r = write_transaction(ruleset, is_whole, &fd, e);
	if (r < 0)
		return r;
	ruleset->n_due = ruleset->n_flows;
	if (fd < 0) {
		succeed(ruleset);
		return 0;
	}
	/* First, so that nothing is missing when this is in force. */
	ruleset_route(ruleset);
	ruleset->counts.transactions++;
	return hand_over(ruleset, TAKE_FD(fd), e);
}

/*
 * What the agent before us left is in force until all is known: services, and the bridge of
 * containers that have gone on.
 */
static int64_t time_to_wait(const struct ruleset *ruleset)
{
	bool is_known = ruleset->is_settled && (!ruleset->containers || *ruleset->bridge.name);

	return is_known || ruleset->is_made ?
		       0 : ruleset->agent->started_boot_ms + SETTLE_MS - clock_boot_ms();
}

static void on_timer(void *arg)
{
	struct ruleset *ruleset = arg;
	int64_t wait = time_to_wait(ruleset);
	struct err e = { 0 };

	if (ruleset->is_busy)
		return;
	if (wait > 0) {
		loop_timer_set(ruleset->timer, wait);
		return;
	}
	if (!is_needed(ruleset) || !is_ours(ruleset)) {
		/* If it comes to that, all is written. */
		ruleset_free_services(ruleset);
		ruleset->n_flows = 0;
		directory_in_force(ruleset->agent->directory, ruleset->generation);
		return;
	}
	if (apply(ruleset, &e) < 0)
		fail(ruleset, &e);
}

/* ---- what is told ---- */

static void on_endpoint(void *arg, const struct directory_endpoint *before,
			const struct directory_endpoint *after)
{
	ruleset_note_flows(arg, before, after);
}

static void on_node(void *arg, const struct directory_node *node, bool is_removed)
{
	struct ruleset *ruleset = arg;

	(void)node;
	(void)is_removed;
	ruleset->has_dirty_nodes = true;
}

static void on_service(void *arg, const struct directory_service *service, bool is_removed)
{
	struct ruleset *ruleset = arg;
	struct err e = { 0 };

	(void)is_removed;
	if (ruleset_mark_service(ruleset, service->info->key, &e) < 0)
		ruleset->is_whole = true;
}

static void on_settled(void *arg, uint64_t generation)
{
	struct ruleset *ruleset = arg;

	ruleset->generation = generation;
	ruleset->is_settled = true;
	ruleset->counts.is_in_force = false;
	ruleset_wake(ruleset);
}

void ruleset_set_bridge(struct ruleset *ruleset, const struct bridge *bridge)
{
	if (memcmp(&ruleset->bridge, bridge, sizeof(*bridge)) == 0)
		return;
	ruleset->bridge = *bridge;
	ruleset->is_whole = true;
	ruleset->has_ways = false;
	ruleset_wake(ruleset);
}

void ruleset_set_master(struct ruleset *ruleset, const struct address *master)
{
	struct sockaddr_in ip = { 0 };

	if (master->storage.ss_family == AF_INET)
		memcpy(&ip, &master->storage, sizeof(ip));
	if (ip.sin_addr.s_addr == ruleset->master)
		return;
	ruleset->master = ip.sin_addr.s_addr;
	ruleset->is_whole = true;
	ruleset_wake(ruleset);
}

/* ---- what is asked ---- */

struct ruleset_question {
	ruleset_traffic_fn *done;
	void *arg;
	LIST_ENTRY(ruleset_question) entry;
};

static void free_question(struct ruleset_question *question)
{
	LIST_REMOVE(question, entry);
	free(question);
}

static void counted(void *arg, const struct nft_result *result, struct err *e)
{
	struct ruleset_question *question = arg;
	struct stat st = { 0 };
	const void *counts = NULL;
	int r = result->r;

	if (r >= 0 && fstat(result->file_fd, &st) < 0)
		r = err_set(e, errno, "read the counters of services");
	if (r >= 0 && st.st_size > 0) {
		counts = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, result->file_fd, 0);
		if (counts == MAP_FAILED)
			r = err_set(e, errno, "read the counters of services");
	}
	question->done(question->arg, counts,
		       r < 0 ? 0 : (size_t)st.st_size / sizeof(struct nft_count), e);
	if (counts && counts != MAP_FAILED)
		(void)munmap((void *)(uintptr_t)counts, (size_t)st.st_size);
	free_question(question);
}

int ruleset_read_traffic(struct ruleset *ruleset, ruleset_traffic_fn *done, void *arg, struct err *e)
{
	struct ruleset_question *question;
	int r;

	if (!ruleset->is_made)
		return err_set(e, ENOENT, "read the counters of services: there are none yet");
	question = malloc(sizeof(*question));
	if (!question)
		return err_set(e, ENOMEM, "read the counters of services");
	*question = (struct ruleset_question){ .done = done, .arg = arg };
	LIST_INSERT_HEAD(&ruleset->questions, question, entry);
	r = nft_client_ask(ruleset->client, NFT_COUNT, -EBADF, counted, question, e);
	if (r < 0)
		free_question(question);
	return r;
}

struct ruleset_counts ruleset_count(const struct ruleset *ruleset)
{
	return ruleset->counts;
}

/* ---- lifecycle ---- */

int ruleset_new(struct agent *agent, struct ruleset **ret, struct err *e)
{
	static const struct directory_listener listener = {
		.endpoint = on_endpoint, .node = on_node, .service = on_service,
		.settled = on_settled,
	};
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int r;

	if (!ruleset)
		return err_set(e, ENOMEM, "prepare nftables");
	ruleset->agent = agent;
	TAILQ_INIT(&ruleset->dirty);
	TAILQ_INIT(&ruleset->uncounted);
	/* Opened now, so that it is of our build; a node that never needs it does without. */
	ruleset->program_fd = program_open("tepui-nft", &ruleset->missing);
	r = loop_timer_new(agent->loop, on_timer, ruleset, &ruleset->timer, e);
	if (r >= 0)
		r = directory_listen(agent->directory, &listener, ruleset, e);
	if (r < 0) {
		ruleset_free(ruleset);
		return r;
	}
	*ret = ruleset;
	return 0;
}

void ruleset_free(struct ruleset *ruleset)
{
	struct ruleset_question *question;

	if (!ruleset)
		return;
	nft_client_free(ruleset->client);
	while ((question = LIST_FIRST(&ruleset->questions)))
		free_question(question);
	nft_watch_free(ruleset->watch);
	loop_timer_free(ruleset->timer);
	ruleset_free_services(ruleset);
	ruleset_free_containers(ruleset);
	free(ruleset->flows);
	fd_close(&ruleset->program_fd);
	free(ruleset);
}
