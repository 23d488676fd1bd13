#include "agent/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/ruleset.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/texts.h"

/* As in struct nft_count; all of it is compared. */
struct traffic_key {
	in_addr_t address, backend;
	in_port_t port, backend_port;
	uint32_t protocol;
};

struct traffic_row {
	struct traffic_key key;
	struct traffic_counts counts;
	UT_hash_handle hh;
};

struct traffic_table {
	const struct ruleset *ruleset;
	struct traffic_row *rows;
};

struct waiter {
	traffic_fn *fn;
	void *arg;
	STAILQ_ENTRY(waiter) next;
};

struct traffic {
	struct agent *agent;
	STAILQ_HEAD(waiters, waiter) waiters;
};

/* ---- the table ---- */

static struct traffic_row *get_row(struct traffic_table *table, const struct traffic_key *key)
{
	struct traffic_row *row;

	HASH_FIND(hh, table->rows, key, sizeof(*key), row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->key = *key;
	HASH_ADD(hh, table->rows, key, sizeof(row->key), row);
	if (!row->hh.tbl) {
		free(row);
		return NULL;
	}
	return row;
}

static int add(struct traffic_table *table, const struct nft_count *count)
{
	const struct traffic_key key = {
		.address = count->address, .backend = count->backend, .port = count->port,
		.backend_port = count->backend_port, .protocol = count->protocol,
	};
	struct traffic_row *row = get_row(table, &key);

	if (!row)
		return -ENOMEM;
	switch ((enum nft_counter)count->counter) {
	case NFT_CONNECTIONS:
		row->counts.connections += count->packets;
		break;
	case NFT_SENT:
		row->counts.sent_bytes += count->bytes;
		break;
	case NFT_RECEIVED:
		row->counts.received_bytes += count->bytes;
		break;
	}
	return 0;
}

static void empty(struct traffic_table *table)
{
	struct traffic_row *row, *next;

	HASH_ITER(hh, table->rows, row, next) {
		HASH_DEL(table->rows, row);
		free(row);
	}
}

struct traffic_counts traffic_of(const struct traffic_table *table,
				 const struct directory_backend *backend)
{
	const Tepui__Service *service = backend->service->info;
	struct traffic_key key = {
		.port = htons((uint16_t)service->port),
		.protocol = texts_equal(service->protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP,
	};
	struct traffic_row *row = NULL;
	struct ruleset_backend place;
	struct in_addr address;

	if (service->address && inet_pton(AF_INET, service->address, &address) == 1 &&
	    ruleset_locate(table->ruleset, backend->endpoint, backend->port, &place)) {
		key.address = address.s_addr;
		key.backend = place.address;
		key.backend_port = place.port;
		HASH_FIND(hh, table->rows, &key, sizeof(key), row);
	}
	return row ? row->counts : (struct traffic_counts){ 0 };
}

/* ---- reading ---- */

/* Who is called may ask again, and waits for the next reading. */
static void tell(struct traffic *traffic, const struct traffic_table *table, const struct err *e)
{
	struct waiters told = STAILQ_HEAD_INITIALIZER(told);
	struct waiter *waiter;

	STAILQ_CONCAT(&told, &traffic->waiters);
	while ((waiter = STAILQ_FIRST(&told))) {
		STAILQ_REMOVE_HEAD(&told, next);
		waiter->fn(waiter->arg, table, e);
		free(waiter);
	}
}

static void on_counts(void *arg, const struct nft_count *counts, size_t n, struct err *e)
{
	struct traffic *traffic = arg;
	struct traffic_table table = { .ruleset = traffic->agent->ruleset };
	int r = -e->code;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = add(&table, &counts[i]);
	if (r < 0 && !e->code)
		(void)err_set(e, ENOMEM, "read the counters of services");
	tell(traffic, r < 0 ? NULL : &table, e);
	empty(&table);
}

int traffic_read(struct traffic *traffic, traffic_fn *fn, void *arg, struct err *e)
{
	bool is_reading = !STAILQ_EMPTY(&traffic->waiters);
	struct waiter *waiter = malloc(sizeof(*waiter));
	int r = 0;

	if (!waiter)
		return err_set(e, ENOMEM, "read the counters of services");
	*waiter = (struct waiter){ .fn = fn, .arg = arg };
	if (!is_reading)
		r = ruleset_read_traffic(traffic->agent->ruleset, on_counts, traffic, e);
	if (r >= 0) {
		STAILQ_INSERT_TAIL(&traffic->waiters, waiter, next);
		return 0;
	}
	free(waiter);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	fn(arg, &(struct traffic_table){ .ruleset = traffic->agent->ruleset }, e);
	return 0;
}

int traffic_new(struct agent *agent, struct traffic **ret, struct err *e)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));

	if (!traffic)
		return err_set(e, ENOMEM, "prepare to read the counters of services");
	traffic->agent = agent;
	STAILQ_INIT(&traffic->waiters);
	*ret = traffic;
	return 0;
}

void traffic_free(struct traffic *traffic)
{
	struct err e = { 0 };

	if (!traffic)
		return;
	(void)err_set(&e, ECANCELED, "read the counters of services");
	tell(traffic, NULL, &e);
	free(traffic);
}
