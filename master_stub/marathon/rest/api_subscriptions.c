/* /v2/eventSubscriptions: gone from Marathon in 1.5, and still called by its older clients. */
#include "master_stub/marathon/rest/api.h"

#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/event/subscriptions.h"
#include "master_stub/marathon/state.h"

int api_list_subscriptions(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, json_pack("{s:o}", "callbackUrls",
						  subscriptions_view(api_of(req)->controller)));
}

/* The answer is the event that everybody is told. */
static int change(struct http_request *req, bool is_new)
{
	struct controller *c = api_of(req)->controller;
	const char *url = http_request_query(req, "callbackUrl");
	struct refusal refusal = { 0 };
	char ip[API_PEER_SIZE];
	json_t *event;

	c->now_ms = clock_boot_ms();
	if (!url || !*url)
		(void)refuse(&refusal, 422, "the parameter 'callbackUrl' is missing");
	else if (is_new)
		(void)subscriptions_add(c, url, &refusal);
	if (refusal.status)
		return marathon_refuse(req, &refusal);
	api_client_ip(req, ip);
	event = event_subscription(c, is_new ? "subscribe_event" : "unsubscribe_event", ip, url);
	if (!is_new)
		subscriptions_remove(c, url);
	api_changed(req);
	return marathon_reply(req, 200, event);
}

int api_subscribe(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, true);
}

int api_unsubscribe(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, false);
}
