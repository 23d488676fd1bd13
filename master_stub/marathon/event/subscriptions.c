#include "master_stub/marathon/event/subscriptions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/fetch.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"
#include "net/address.h"

enum {
	MAX_SUBSCRIPTIONS = 64,
	MAX_URL = 1024,
	MAX_QUEUED = 1024,
	MAX_QUEUED_BYTES = 1 << 20,
	MAX_RETRY_SECONDS = 300,
	TIMEOUT_MS = 10000,
	MAX_ANSWER = 1024,	/* it is not looked at */
};

/* An event that waits, as text. */
struct notice {
	STAILQ_ENTRY(notice) all;
	size_t size;
	char text[];
};

struct subscription {
	UT_hash_handle hh;
	struct controller *c;
	char *url;
	char host[ADDRESS_HOST_SIZE];
	uint16_t port;
	const char *path;	/* into the URL, or "/" */
	bool is_tls;
	STAILQ_HEAD(, notice) queue;
	unsigned n_queued;
	size_t bytes;
	struct fetch *fetch;	/* of the first that waits; NULL: none is under way */
	unsigned n_failed;	/* in a row */
	int64_t retry_ms;
};

static void drop_first(struct subscription *subscription)
{
	struct notice *notice = STAILQ_FIRST(&subscription->queue);

	STAILQ_REMOVE_HEAD(&subscription->queue, all);
	subscription->n_queued--;
	subscription->bytes -= notice->size;
	free(notice);
}

static void forget(struct controller *c, struct subscription *subscription)
{
	fetch_cancel(c, subscription->fetch);
	while (subscription->n_queued > 0)
		drop_first(subscription);
	if (subscription->hh.tbl)
		HASH_DEL(c->subscriptions, subscription);
	free(subscription->url);
	free(subscription);
}

/* ---- Telling ---- */

static void fail(struct subscription *subscription, const struct controller_answer *answer)
{
	int64_t seconds = 1LL << (subscription->n_failed < 8 ? subscription->n_failed + 1 : 9);

	if (subscription->n_failed++ == 0)
		controller_explain(subscription->c, "event subscription '%s' does not take its events: %s",
				   subscription->url,
				   answer->error ? answer->error : "its answer is no success");
	if (seconds > MAX_RETRY_SECONDS)
		seconds = MAX_RETRY_SECONDS;
	subscription->retry_ms = subscription->c->now_ms + 1000 * seconds;
}

static void tell_first(struct subscription *subscription);

static void on_answer(void *arg, const struct controller_answer *answer)
{
	struct subscription *subscription = arg;

	subscription->fetch = NULL;
	if (answer->status < 200 || answer->status > 299) {
		fail(subscription, answer);
		return;
	}
	subscription->n_failed = 0;
	subscription->retry_ms = 0;
	drop_first(subscription);
	tell_first(subscription);
}

static void tell_first(struct subscription *subscription)
{
	struct controller *c = subscription->c;
	const struct notice *first = STAILQ_FIRST(&subscription->queue);
	struct controller_fetch what = {
		.host = subscription->host, .port = subscription->port, .path = subscription->path,
		.accept = "application/json", .is_tls = subscription->is_tls,
		.timeout_ms = TIMEOUT_MS, .max_body = MAX_ANSWER,
	};

	if (!first || subscription->fetch || c->now_ms < subscription->retry_ms)
		return;
	what.post = first->text;
	if (fetch_start(c, &what, on_answer, subscription, &subscription->fetch) < 0)
		fail(subscription, &(struct controller_answer){ .error = "too much is fetched already" });
}

/* While the first is told it stays. */
static void make_room(struct subscription *subscription, size_t size)
{
	unsigned kept = subscription->fetch ? 1 : 0;

	while (subscription->n_queued > kept && (subscription->n_queued >= MAX_QUEUED ||
						 subscription->bytes + size > MAX_QUEUED_BYTES)) {
		struct notice *first = STAILQ_FIRST(&subscription->queue);
		struct notice *oldest = kept ? STAILQ_NEXT(first, all) : first;

		STAILQ_REMOVE(&subscription->queue, oldest, notice, all);
		subscription->n_queued--;
		subscription->bytes -= oldest->size;
		free(oldest);
	}
}

void subscriptions_event(struct controller *c, const json_t *event)
{
	AUTO_FREE char *text = c->subscriptions ? json_dumps(event, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) + 1 : 0;
	struct subscription *subscription, *next;

	HASH_ITER(hh, c->subscriptions, subscription, next) {
		struct notice *notice = text ? malloc(sizeof(*notice) + size) : NULL;

		if (!notice)
			continue;
		make_room(subscription, size);
		notice->size = size;
		memcpy(notice->text, text, size);
		STAILQ_INSERT_TAIL(&subscription->queue, notice, all);
		subscription->n_queued++;
		subscription->bytes += size;
		tell_first(subscription);
	}
}

void subscriptions_turn(struct controller *c)
{
	struct subscription *subscription, *next;

	HASH_ITER(hh, c->subscriptions, subscription, next) {
		tell_first(subscription);
		if (subscription->n_queued > 0 && !subscription->fetch)
			controller_wake_at(c, subscription->retry_ms);
	}
}

/* ---- Who is told ---- */

/* "http://host:port/path?query" into its parts. */
static int read_url(struct subscription *subscription)
{
	static const struct {
		const char *prefix;
		const char *port;
		bool is_tls;
	} schemes[] = { { "http://", "80", false }, { "https://", "443", true } };
	const char *url = subscription->url;
	struct err ignored = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t prefix = strlen(schemes[i].prefix), size;
		AUTO_FREE char *address = NULL;
		const char *host, *colon;

		if (strncasecmp(url, schemes[i].prefix, prefix) != 0)
			continue;
		host = url + prefix;
		size = strcspn(host, "/?#");
		colon = memrchr(host, ':', size);
		if (memchr(host, '@', size) || strpbrk(url, " \t\r\n#") || (host[size] && host[size] != '/'))
			return -EINVAL;
		/* A colon within brackets is of the address itself. */
		if (colon && memchr(colon, ']', (size_t)(host + size - colon)))
			colon = NULL;
		if (asprintf(&address, "%.*s%s%s", (int)size, host, colon ? "" : ":",
			     colon ? "" : schemes[i].port) < 0)
			return -ENOMEM;
		subscription->is_tls = schemes[i].is_tls;
		subscription->path = host[size] ? host + size : "/";
		return address_split(address, subscription->host, &subscription->port, &ignored);
	}
	return -EINVAL;
}

int subscriptions_load(struct controller *c, const char *url)
{
	struct subscription *subscription;
	int r;

	HASH_FIND_STR(c->subscriptions, url, subscription);
	if (subscription)
		return 0;
	subscription = calloc(1, sizeof(*subscription));
	if (!subscription)
		return -ENOMEM;
	subscription->c = c;
	STAILQ_INIT(&subscription->queue);
	subscription->url = strdup(url);
	r = subscription->url ? read_url(subscription) : -ENOMEM;
	if (r == 0) {
		HASH_ADD_KEYPTR(hh, c->subscriptions, subscription->url, strlen(url), subscription);
		r = subscription->hh.tbl ? 0 : -ENOMEM;
	}
	if (r < 0)
		forget(c, subscription);
	return r;
}

int subscriptions_add(struct controller *c, const char *url, struct refusal *refusal)
{
	struct subscription *known;
	int r;

	HASH_FIND_STR(c->subscriptions, url, known);
	if (known)
		return 0;
	if (HASH_COUNT(c->subscriptions) >= MAX_SUBSCRIPTIONS)
		return refuse(refusal, 503, "there are %d event subscriptions, no more are served",
			      MAX_SUBSCRIPTIONS);
	r = strlen(url) <= MAX_URL ? subscriptions_load(c, url) : -EINVAL;
	if (r == 0 && (r = records_put_subscription(c, url)) < 0)
		subscriptions_remove(c, url);
	if (r == -ENOMEM)
		return refuse_memory(refusal);
	if (r < 0)
		return refuse(refusal, 422, "callbackUrl '%.200s' is no URL of http or https with a host",
			      url);
	return 0;
}

void subscriptions_remove(struct controller *c, const char *url)
{
	struct subscription *subscription;

	HASH_FIND_STR(c->subscriptions, url, subscription);
	if (!subscription)
		return;
	records_delete_subscription(c, url);
	forget(c, subscription);
}

json_t *subscriptions_view(const struct controller *c)
{
	const struct subscription *subscription, *next;
	json_t *list = json_array();

	HASH_ITER(hh, c->subscriptions, subscription, next)
		(void)json_array_append_new(list, json_string(subscription->url));
	return list;
}

void subscriptions_free(struct controller *c)
{
	struct subscription *subscription, *next;

	HASH_ITER(hh, c->subscriptions, subscription, next)
		forget(c, subscription);
}
