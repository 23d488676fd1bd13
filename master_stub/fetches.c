#include "master_stub/fetches.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/loop.h"
#include "net/address.h"
#include "net/http_client.h"
#include "net/tls.h"

enum {
	MAX_RUNNING = 64,
	MAX_WAITING = 20000,
	MAX_TYPE = 256,			/* bytes of a content type */
	MAX_REFUSAL = 1 << 20,		/* of the body of an answer other than 2xx */
	FIRST_BODY = 4096,
};

struct fetch {
	UT_hash_handle hh;
	TAILQ_ENTRY(fetch) link;	/* of those that wait, in order */
	struct fetches *owner;
	uint64_t id;
	struct controller_fetch what;	/* its strings are ours */
	struct loop_timer *timer;	/* of its whole time */
	struct evdns_getaddrinfo_request *lookup;
	struct http_client *client;
	bool is_running;

	/* The answer. */
	int status;
	char content_type[MAX_TYPE];
	char *body;
	size_t size, capacity;
	bool is_cut;
	char error[512];		/* "": none */
};
TAILQ_HEAD(fetch_list, fetch);

struct fetches {
	struct loop *loop;
	struct evdns_base *names;	/* made by the first that needs it */
	const char *authorization;	/* for agents; or NULL */
	fetches_fn *fn;
	void *arg;
	struct fetch *by_id;
	struct fetch_list waiting;
	unsigned n_running;
};

static void start_waiting(struct fetches *fetches);

/* ---- Ends ---- */

/* Nobody finds it any more, and nothing more comes of it. */
static void give_up(struct fetch *fetch)
{
	struct fetches *fetches = fetch->owner;

	if (fetch->lookup)
		evdns_getaddrinfo_cancel(TAKE_PTR(fetch->lookup));
	/* The end of its call is told to a fetch that has no client any more. */
	http_client_free(TAKE_PTR(fetch->client));
	loop_timer_free(TAKE_PTR(fetch->timer));
	if (fetch->hh.tbl)
		HASH_DEL(fetches->by_id, fetch);
	if (fetch->is_running)
		fetches->n_running--;
	else
		TAILQ_REMOVE(&fetches->waiting, fetch, link);
}

static void fetch_free(struct fetch *fetch)
{
	free((char *)(uintptr_t)fetch->what.host);
	free((char *)(uintptr_t)fetch->what.path);
	free((char *)(uintptr_t)fetch->what.accept);
	free((char *)(uintptr_t)fetch->what.post);
	free(fetch->body);
	free(fetch);
}

/* Whoever is told may begin and cancel others. */
static void finish(struct fetch *fetch)
{
	struct fetches *fetches = fetch->owner;
	struct controller_answer answer = {
		.status = *fetch->error ? 0 : fetch->status,
		.content_type = fetch->content_type,
		.body = fetch->body ? fetch->body : "", .size = fetch->size,
		.is_cut = fetch->is_cut, .error = *fetch->error ? fetch->error : NULL,
	};

	give_up(fetch);
	fetches->fn(fetches->arg, fetch->id, &answer);
	fetch_free(fetch);
	start_waiting(fetches);
}

static void __attribute__((format(printf, 2, 3)))
fail(struct fetch *fetch, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(fetch->error, sizeof(fetch->error), fmt, ap);
	va_end(ap);
	/* In a later turn, wherever this is called from. */
	loop_timer_set(fetch->timer, 0);
}

static void on_time(void *arg)
{
	struct fetch *fetch = arg;

	if (!*fetch->error)
		(void)snprintf(fetch->error, sizeof(fetch->error), "no answer of '%s:%u' in %lld ms",
			       fetch->what.host, fetch->what.port,
			       (long long)fetch->what.timeout_ms);
	finish(fetch);
}

/* ---- The call ---- */

static void take_body(struct fetch *fetch, const char *data, size_t size)
{
	size_t room = fetch->what.max_body - fetch->size, need;
	char *body;

	fetch->is_cut |= size > room;
	size = size < room ? size : room;
	need = fetch->size + size + 1;
	if (need > fetch->capacity) {
		size_t capacity = fetch->capacity ? fetch->capacity : FIRST_BODY;

		while (capacity < need)
			capacity *= 2;
		body = realloc(fetch->body, capacity);
		if (!body) {
			fetch->is_cut = true;
			return;
		}
		fetch->body = body;
		fetch->capacity = capacity;
	}
	memcpy(fetch->body + fetch->size, data, size);
	fetch->size += size;
	fetch->body[fetch->size] = '\0';
}

static void on_head(void *arg, const struct http_answer *answer)
{
	struct fetch *fetch = arg;
	const struct http_header *type = http_head_find(answer->head, "content-type");

	fetch->status = answer->status;
	if (type)
		(void)snprintf(fetch->content_type, sizeof(fetch->content_type), "%.*s",
			       (int)type->value.size, type->value.data);
}

/* What is beyond the bound is not waited for. */
static void on_data(void *arg, const void *data, size_t size)
{
	struct fetch *fetch = arg;

	take_body(fetch, data, size);
	if (fetch->is_cut)
		finish(fetch);
}

static void on_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct fetch *fetch = arg;
	char text[sizeof(fetch->error)];

	if (!fetch->client)
		return;
	if (answer && answer->body)
		take_body(fetch, answer->body, answer->size);
	if (!answer)
		(void)snprintf(fetch->error, sizeof(fetch->error), "%s",
			       err_text(e, text, sizeof(text)));
	finish(fetch);
}

static void call(struct fetch *fetch, const char *address)
{
	struct http_call spec = {
		.method = HTTP_GET, .target = fetch->what.path, .accept = fetch->what.accept,
		.extra_headers = "User-Agent: tepui\r\nConnection: close\r\n",
		.timeout_ms = fetch->what.timeout_ms, .max_body = MAX_REFUSAL,
		.on_head = on_head, .on_data = on_data, .on_done = on_done, .arg = fetch,
	};
	char text[sizeof(fetch->error)];
	struct err e = { 0 };
	int r = http_client_new(fetch->owner->loop, address, &fetch->client, &e);

	if (fetch->what.post) {
		spec.method = HTTP_POST;
		spec.content_type = "application/json";
		spec.body = fetch->what.post;
		spec.size = strlen(fetch->what.post);
	}
	if (r == 0 && fetch->what.is_tls)
		http_client_wrap(fetch->client, &tls_wrap);
	if (r == 0 && fetch->what.is_of_agent)
		r = http_client_authorize(fetch->client, fetch->owner->authorization, &e);
	if (r == 0)
		r = http_client_call(fetch->client, &spec, &e);
	if (r < 0)
		fail(fetch, "%s", err_text(&e, text, sizeof(text)));
}

/* ---- Names ---- */

static void on_found(int code, struct evutil_addrinfo *found, void *arg)
{
	struct fetch *fetch = arg;
	struct address address = { 0 };
	char text[ADDRESS_TEXT_SIZE];

	if (code == EVUTIL_EAI_CANCEL)
		return;
	fetch->lookup = NULL;
	if (code != 0 || !found) {
		fail(fetch, "look up '%s': %s", fetch->what.host, evutil_gai_strerror(code));
		return;
	}
	memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
	address.size = found->ai_addrlen;
	evutil_freeaddrinfo(found);
	address_format(&address, text);
	call(fetch, text);
}

/* Not tied to the loop's end: a server of names that is silent keeps nothing alive. */
static struct evdns_base *names_of(struct fetches *fetches)
{
	if (!fetches->names)
		fetches->names = evdns_base_new(loop_base(fetches->loop),
						EVDNS_BASE_INITIALIZE_NAMESERVERS |
							EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	return fetches->names;
}

static void look_up(struct fetch *fetch)
{
	static const struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
						      .ai_socktype = SOCK_STREAM };
	struct evdns_base *names = names_of(fetch->owner);
	char service[sizeof("65535")];

	(void)snprintf(service, sizeof(service), "%u", fetch->what.port);
	if (!names) {
		fail(fetch, "look up '%s': no server of names is known", fetch->what.host);
		return;
	}
	/* What is known at once is told within the call, which then returns NULL. */
	fetch->lookup = evdns_getaddrinfo(names, fetch->what.host, service, &hints, on_found, fetch);
}

static void run(struct fetch *fetch)
{
	bool has_colon = strchr(fetch->what.host, ':');
	char address[ADDRESS_HOST_SIZE + sizeof("[]:65535")];
	struct address numeric;
	struct err ignored = { 0 };

	TAILQ_REMOVE(&fetch->owner->waiting, fetch, link);
	fetch->is_running = true;
	fetch->owner->n_running++;
	(void)snprintf(address, sizeof(address), has_colon ? "[%s]:%u" : "%s:%u", fetch->what.host,
		       fetch->what.port);
	if (address_parse(address, &numeric, &ignored) == 0)
		call(fetch, address);
	else
		look_up(fetch);
}

static void start_waiting(struct fetches *fetches)
{
	while (fetches->n_running < MAX_RUNNING && !TAILQ_EMPTY(&fetches->waiting))
		run(TAILQ_FIRST(&fetches->waiting));
}

/* ---- Interface ---- */

static struct fetch *fetch_new(struct fetches *fetches, uint64_t id,
			       const struct controller_fetch *what)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	struct err ignored = { 0 };

	if (!fetch)
		return NULL;
	fetch->owner = fetches;
	fetch->id = id;
	fetch->what = *what;
	fetch->what.host = strdup(what->host);
	fetch->what.path = strdup(what->path);
	fetch->what.accept = what->accept ? strdup(what->accept) : NULL;
	fetch->what.post = what->post ? strdup(what->post) : NULL;
	TAILQ_INSERT_TAIL(&fetches->waiting, fetch, link);
	HASH_ADD(hh, fetches->by_id, id, sizeof(fetch->id), fetch);
	if (fetch->hh.tbl && fetch->what.host && fetch->what.path &&
	    (fetch->what.accept || !what->accept) && (fetch->what.post || !what->post) &&
	    loop_timer_new(fetches->loop, on_time, fetch, &fetch->timer, &ignored) == 0)
		return fetch;
	give_up(fetch);
	fetch_free(fetch);
	return NULL;
}

int fetches_start(struct fetches *fetches, uint64_t id, const struct controller_fetch *what)
{
	struct fetch *fetch;

	if (HASH_COUNT(fetches->by_id) >= MAX_WAITING)
		return -ENOBUFS;
	fetch = fetch_new(fetches, id, what);
	if (!fetch)
		return -ENOMEM;
	loop_timer_set(fetch->timer, what->timeout_ms);
	start_waiting(fetches);
	return 0;
}

void fetches_cancel(struct fetches *fetches, uint64_t id)
{
	struct fetch *fetch;

	HASH_FIND(hh, fetches->by_id, &id, sizeof(id), fetch);
	if (!fetch)
		return;
	give_up(fetch);
	fetch_free(fetch);
	start_waiting(fetches);
}

int fetches_new(struct loop *loop, fetches_fn *fn, void *arg, struct fetches **ret,
		struct err *e)
{
	struct fetches *fetches = calloc(1, sizeof(*fetches));

	if (!fetches)
		return err_set(e, ENOMEM, "start fetching");
	fetches->loop = loop;
	fetches->fn = fn;
	fetches->arg = arg;
	TAILQ_INIT(&fetches->waiting);
	*ret = fetches;
	return 0;
}

void fetches_authorize(struct fetches *fetches, const char *value)
{
	fetches->authorization = value;
}

void fetches_free(struct fetches *fetches)
{
	struct fetch *fetch, *next;

	if (!fetches)
		return;
	HASH_ITER(hh, fetches->by_id, fetch, next) {
		give_up(fetch);
		fetch_free(fetch);
	}
	if (fetches->names)
		evdns_base_free(fetches->names, 0);
	free(fetches);
}
