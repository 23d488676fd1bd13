/* Answers that wait for the kernel's counters. */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/traffic.h"
#include "lib/err.h"
#include "net/http_server.h"

struct waiting {
	struct http_request *req;	/* NULL: its client has gone away */
	api_traffic_fn *fn;
};

static void on_close(void *arg)
{
	struct waiting *waiting = arg;

	waiting->req = NULL;
}

static void on_traffic(void *arg, const struct traffic_table *table, const struct err *e)
{
	struct waiting *waiting = arg;

	if (waiting->req)
		waiting->fn(waiting->req, table, e);
	free(waiting);
}

int api_with_traffic(struct http_request *req, api_traffic_fn *fn, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	struct waiting *waiting = malloc(sizeof(*waiting));
	struct err why = { 0 };

	if (!waiting)
		return err_set(e, ENOMEM, "wait for the counters of services");
	*waiting = (struct waiting){ .req = req, .fn = fn };
	http_request_on_close(req, on_close, waiting);
	if (traffic_read(agent->traffic, on_traffic, waiting, &why) < 0)
		on_traffic(waiting, NULL, &why);
	return 0;
}
