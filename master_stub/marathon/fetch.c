#include "master_stub/marathon/fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "master_stub/marathon/state.h"

struct fetch {
	UT_hash_handle hh;
	uint64_t id;
	fetch_fn *fn;
	void *arg;
};

static void forget(struct controller *c, struct fetch *fetch)
{
	HASH_DEL(c->fetches, fetch);
	free(fetch);
}

int fetch_start(struct controller *c, const struct controller_fetch *what, fetch_fn *fn, void *arg,
		struct fetch **ret)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->id = ++c->last_fetch;
	fetch->fn = fn;
	fetch->arg = arg;
	HASH_ADD(hh, c->fetches, id, sizeof(fetch->id), fetch);
	if (!fetch->hh.tbl) {
		free(fetch);
		return -ENOMEM;
	}
	r = c->io.fetch(c->io.arg, fetch->id, what);
	if (r < 0) {
		forget(c, fetch);
		return r;
	}
	*ret = fetch;
	return 0;
}

void fetch_cancel(struct controller *c, struct fetch *fetch)
{
	if (!fetch)
		return;
	c->io.fetch_cancel(c->io.arg, fetch->id);
	forget(c, fetch);
}

void controller_fetched(struct controller *c, uint64_t id, const struct controller_answer *answer,
			int64_t now_ms)
{
	struct fetch *fetch;

	c->now_ms = now_ms;
	HASH_FIND(hh, c->fetches, &id, sizeof(id), fetch);
	if (!fetch)
		return;
	fetch->fn(fetch->arg, answer);
	forget(c, fetch);
}
