#include "net/dns_forwarder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/loop.h"
#include "net/dns_cache.h"
#include "net/dns_server.h"

enum {
	MAX_WAITERS = 64,
	MAX_TRIES = 3, TRY_MS = 1500,	/* less together than what glibc's resolver waits, 5 s */
	MAX_BOGUS = 64,			/* that are read in one turn */
	MAX_TTL = 3600, MAX_NEGATIVE_TTL = 300,
	MAX_DATAGRAM = 4096,
	LENGTH = 2,			/* of the length before a message over TCP */
};

/* One query at others. */
struct exchange {
	struct dns_forwarder *forwarder;
	struct address asker;		/* the first, and */
	struct dns_query query;		/* as that asked */
	uint8_t key[DNS_KEY_SIZE];
	uint16_t id;
	unsigned tries;			/* that are over */
	size_t upstream;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *timer;
	uint8_t *data;			/* what came over TCP; NULL: it is UDP */
	size_t size;
	struct dns_request *waiters[MAX_WAITERS];
	size_t n_waiters;
	UT_hash_handle hh;
};

struct dns_forwarder {
	struct loop *loop;
	struct address upstreams[DNS_MAX_UPSTREAMS];
	size_t n_upstreams, preferred;
	struct exchange *exchanges;	/* by key */
	struct dns_cache *cache;
	struct dns_forwarder_counters counters;
};

/* ---- the end of an exchange ---- */

static void hang_up(struct exchange *x)
{
	loop_watch_free(x->watch);
	x->watch = NULL;
	fd_close(&x->fd);
	free(x->data);
	x->data = NULL;
	x->size = 0;
}

static void exchange_free(struct exchange *x)
{
	hang_up(x);
	loop_timer_free(x->timer);
	if (x->hh.tbl)
		HASH_DEL(x->forwarder->exchanges, x);
	free(x);
}

static void tell(struct dns_request *request, const void *data, size_t size, uint32_t age)
{
	static uint8_t copy[DNS_MAX_MESSAGE];

	memcpy(copy, data, size);
	dns_answer_adopt(copy, size, dns_request_query(request), age, MAX_TTL);
	dns_request_answer(request, copy, size);
}

static void fail(struct exchange *x)
{
	x->forwarder->counters.failed++;
	for (size_t i = 0; i < x->n_waiters; i++)
		dns_request_fail(x->waiters[i], DNS_SERVFAIL, DNS_RECURSES);
	exchange_free(x);
}

static void succeed(struct exchange *x, const void *data, size_t size,
		    const struct dns_answer *answer)
{
	struct dns_forwarder *forwarder = x->forwarder;
	uint32_t bound = answer->is_negative ? MAX_NEGATIVE_TTL : MAX_TTL;

	forwarder->preferred = x->upstream;
	dns_cache_put(forwarder->cache, &x->query, data, size, clock_boot_ms(),
		      answer->ttl < bound ? answer->ttl : bound);
	for (size_t i = 0; i < x->n_waiters; i++)
		tell(x->waiters[i], data, size, 0);
	exchange_free(x);
}

/* ---- one try ---- */

static void try_next(struct exchange *x);

static void try_failed(struct exchange *x)
{
	x->forwarder->counters.late++;
	x->tries++;
	try_next(x);
}

static void on_late(void *arg)
{
	try_failed(arg);
}

/* Another server may know better what this one cannot. */
static bool is_refusal(const struct exchange *x, const struct dns_answer *answer)
{
	return answer->rcode != DNS_NOERROR && answer->rcode != DNS_NXDOMAIN &&
	       x->tries + 1 < MAX_TRIES && x->tries + 1 < x->forwarder->n_upstreams;
}

static int open_socket(struct exchange *x, int type)
{
	const struct address *upstream = &x->forwarder->upstreams[x->upstream];

	x->fd = socket(upstream->storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0)
		return -errno;
	if (connect(x->fd, (const struct sockaddr *)&upstream->storage, upstream->size) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

/* ---- over TCP, for what was cut ---- */

static void on_stream(int fd, void *arg)
{
	struct exchange *x = arg;
	size_t wanted = x->size < LENGTH ? LENGTH :
					   LENGTH + ((size_t)x->data[0] << 8 | x->data[1]);
	struct dns_answer answer;
	ssize_t n = recv(fd, x->data + x->size, wanted - x->size, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		try_failed(x);
		return;
	}
	x->size += (size_t)n;
	if (x->size < wanted || wanted == LENGTH)
		return;
	if (dns_answer_parse(x->data + LENGTH, x->size - LENGTH, &x->query, x->id, &answer) >= 0 &&
	    !answer.is_truncated) {
		uint8_t *data = TAKE_PTR(x->data);

		succeed(x, data + LENGTH, wanted - LENGTH, &answer);
		free(data);
		return;
	}
	x->forwarder->counters.bogus++;
	try_failed(x);
}

static void on_connected(int fd, void *arg)
{
	struct exchange *x = arg;
	uint8_t asked[LENGTH + DNS_PLAIN_UDP];
	size_t size = dns_query_write(&x->query, x->id, asked + LENGTH);
	struct err ignored = { 0 };

	asked[0] = (uint8_t)(size >> 8);
	asked[1] = (uint8_t)size;
	loop_watch_free(x->watch);
	x->watch = NULL;
	/* So little is taken whole by a new connection, or it is none. */
	if (send(fd, asked, LENGTH + size, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    (ssize_t)(LENGTH + size) ||
	    loop_watch_fd(x->forwarder->loop, fd, on_stream, x, &x->watch, &ignored) < 0)
		try_failed(x);
}

static void ask_by_stream(struct exchange *x)
{
	struct err ignored = { 0 };

	hang_up(x);
	x->data = malloc(LENGTH + DNS_MAX_MESSAGE);
	if (!x->data || open_socket(x, SOCK_STREAM) < 0 ||
	    loop_watch_writable(x->forwarder->loop, x->fd, on_connected, x, &x->watch,
				&ignored) < 0) {
		try_failed(x);
		return;
	}
	loop_timer_set(x->timer, TRY_MS);
}

/* ---- over UDP ---- */

/* True: X is done with this one, and may be gone. */
static bool take_datagram(struct exchange *x, const uint8_t *data, size_t size)
{
	struct dns_answer answer;

	if (dns_answer_parse(data, size, &x->query, x->id, &answer) < 0) {
		x->forwarder->counters.bogus++;
		return false;
	}
	if (answer.is_truncated)
		ask_by_stream(x);
	else if (is_refusal(x, &answer))
		try_failed(x);
	else
		succeed(x, data, size, &answer);
	return true;
}

static void on_datagram(int fd, void *arg)
{
	static uint8_t data[MAX_DATAGRAM];
	struct exchange *x = arg;

	/* Whoever floods us with what is no answer is not listened to for longer than a turn. */
	for (int i = 0; i < MAX_BOGUS; i++) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

		if (n >= 0 && take_datagram(x, data, (size_t)n))
			return;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			try_failed(x);
			return;
		}
	}
}

static int ask_by_datagram(struct exchange *x)
{
	uint8_t asked[DNS_PLAIN_UDP];
	struct err ignored = { 0 };
	size_t size;
	int r;

	if (getrandom(&x->id, sizeof(x->id), GRND_NONBLOCK) != sizeof(x->id))
		return -EAGAIN;
	size = dns_query_write(&x->query, x->id, asked);
	r = open_socket(x, SOCK_DGRAM);
	if (r < 0)
		return r;
	if (send(x->fd, asked, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return loop_watch_fd(x->forwarder->loop, x->fd, on_datagram, x, &x->watch, &ignored);
}

/* The next server in turn, until one could be asked. */
static void try_next(struct exchange *x)
{
	struct dns_forwarder *forwarder = x->forwarder;

	for (; x->tries < MAX_TRIES; x->tries++) {
		hang_up(x);
		x->upstream = (forwarder->preferred + x->tries) % forwarder->n_upstreams;
		if (ask_by_datagram(x) >= 0) {
			loop_timer_set(x->timer, TRY_MS);
			return;
		}
		forwarder->counters.late++;
	}
	fail(x);
}

/* ---- requests ---- */

/* One host that asks for more than it should leaves room for others. */
static bool has_room(const struct dns_forwarder *forwarder, const struct address *asker)
{
	const struct exchange *x;
	size_t n = 0;

	for (x = forwarder->exchanges; x; x = x->hh.next)
		n += address_is_same_host(&x->asker, asker);
	return n < DNS_MAX_OF_HOST && HASH_COUNT(forwarder->exchanges) < DNS_MAX_EXCHANGES;
}

static struct exchange *exchange_new(struct dns_forwarder *forwarder,
				     const struct dns_request *request, const uint8_t *key,
				     size_t key_size)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct err ignored = { 0 };

	if (!x)
		return NULL;
	x->forwarder = forwarder;
	x->asker = *dns_request_peer(request);
	x->query = *dns_request_query(request);
	x->fd = -EBADF;
	memcpy(x->key, key, key_size);
	if (loop_timer_new(forwarder->loop, on_late, x, &x->timer, &ignored) >= 0)
		HASH_ADD_KEYPTR(hh, forwarder->exchanges, x->key, key_size, x);
	if (!x->hh.tbl) {
		exchange_free(x);
		return NULL;
	}
	return x;
}

static void refuse(struct dns_forwarder *forwarder, struct dns_request *request)
{
	forwarder->counters.refused++;
	dns_request_fail(request, DNS_SERVFAIL, DNS_RECURSES);
}

/* Wait for the answer to the same query, which may have to be asked. */
static void wait_for(struct dns_forwarder *forwarder, struct dns_request *request)
{
	struct dns_request *kept = NULL;
	uint8_t key[DNS_KEY_SIZE];
	size_t size = dns_query_key(dns_request_query(request), key);
	bool is_new;
	struct exchange *x;

	HASH_FIND(hh, forwarder->exchanges, key, size, x);
	is_new = !x;
	if (is_new && has_room(forwarder, dns_request_peer(request)))
		x = exchange_new(forwarder, request, key, size);
	if (x && x->n_waiters < MAX_WAITERS)
		kept = dns_request_keep(request);
	if (!kept) {
		if (x && is_new)
			exchange_free(x);
		refuse(forwarder, request);
		return;
	}
	x->waiters[x->n_waiters++] = kept;
	if (!is_new) {
		forwarder->counters.joined++;
		return;
	}
	forwarder->counters.asked++;
	try_next(x);
}

void dns_forwarder_ask(struct dns_forwarder *forwarder, struct dns_request *request)
{
	uint32_t age = 0;
	size_t size = 0;
	const void *data = dns_cache_get(forwarder->cache, dns_request_query(request),
					 clock_boot_ms(), &size, &age);

	if (data) {
		forwarder->counters.cached++;
		tell(request, data, size, age);
	} else if (forwarder->n_upstreams == 0) {
		refuse(forwarder, request);
	} else {
		wait_for(forwarder, request);
	}
}

/* ---- the forwarder ---- */

int dns_forwarder_new(struct loop *loop, const struct address *upstreams, size_t n,
		      size_t max_cached, struct dns_forwarder **ret, struct err *e)
{
	struct dns_forwarder *forwarder = calloc(1, sizeof(*forwarder));

	if (forwarder)
		forwarder->cache = dns_cache_new(max_cached);
	if (!forwarder || !forwarder->cache) {
		free(forwarder);
		return err_set(e, ENOMEM, "ask others for names");
	}
	forwarder->loop = loop;
	forwarder->n_upstreams = n;
	memcpy(forwarder->upstreams, upstreams, n * sizeof(*upstreams));
	*ret = forwarder;
	return 0;
}

void dns_forwarder_free(struct dns_forwarder *forwarder)
{
	struct exchange *x, *next;

	if (!forwarder)
		return;
	HASH_ITER(hh, forwarder->exchanges, x, next) {
		for (size_t i = 0; i < x->n_waiters; i++)
			dns_request_drop(x->waiters[i]);
		exchange_free(x);
	}
	dns_cache_free(forwarder->cache);
	free(forwarder);
}

const struct dns_forwarder_counters *dns_forwarder_counters(const struct dns_forwarder *forwarder)
{
	return &forwarder->counters;
}

size_t dns_forwarder_cached(const struct dns_forwarder *forwarder)
{
	return dns_cache_count(forwarder->cache);
}
