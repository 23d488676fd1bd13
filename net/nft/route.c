#include "net/nft/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/netlink.h"
#include "net/nft/protocol.h"

enum {
	/* Ours among all routes of the main table: "proto 84 metric 84". */
	PROTOCOL = 84,
	METRIC = 84,
	TEXT_SIZE = INET_ADDRSTRLEN + 4,
};

/*
 * Through the loopback link: what is for a service goes elsewhere before it gets there, and nothing else
 * is to leave the node.
 */
static void put_route(struct netlink *nl, uint16_t type, uint16_t flags,
		      const struct nft_route *route, const char *what, const char *text)
{
	const struct rtmsg head = {
		.rtm_family = AF_INET, .rtm_dst_len = route->length, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = PROTOCOL, .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST,
	};
	struct err ignored = { 0 };
	int loopback = netlink_index(nl, "lo", &ignored);

	netlink_begin(nl, type, flags, &head, sizeof(head), what, text);
	netlink_put(nl, RTA_DST, &route->address, sizeof(route->address));
	netlink_put_u32(nl, RTA_PRIORITY, METRIC);
	netlink_put_u32(nl, RTA_OIF, (uint32_t)loopback);
	if (route->source)
		netlink_put(nl, RTA_PREFSRC, &route->source, sizeof(route->source));
}

static const char *format(const struct nft_route *route, char text[TEXT_SIZE])
{
	char address[INET_ADDRSTRLEN];

	(void)snprintf(text, TEXT_SIZE, "%s/%u",
		       inet_ntop(AF_INET, &route->address, address, sizeof(address)), route->length);
	return text;
}

static int add_route(struct netlink *nl, const struct nft_route *route, struct err *e)
{
	char text[TEXT_SIZE];

	put_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, "make route",
		  format(route, text));
	return netlink_flush(nl, e);
}

static int delete_route(struct netlink *nl, const struct nft_route *route, struct err *e)
{
	char text[TEXT_SIZE];

	put_route(nl, RTM_DELROUTE, 0, route, "remove route", format(route, text));
	netlink_accept(nl, ESRCH);
	return netlink_flush(nl, e);
}

static int replace(struct netlink *nl, const struct nft_routes *routes, struct err *e)
{
	const struct nft_route *before = &routes->before;
	struct nft_route after = routes->after;
	bool is_same = before->address == after.address && before->length == after.length;
	int r = after.length ? add_route(nl, &after, e) : 0;

	/* The address that others reach this node at need not be one of it. */
	if (r == -EINVAL && after.source) {
		err_clear(e);
		after.source = 0;
		r = add_route(nl, &after, e);
	}
	return r < 0 || is_same || !before->length ? r : delete_route(nl, before, e);
}

int route_replace(int routes_fd, struct err *e)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	struct nft_routes routes;
	int r;

	if (pread(routes_fd, &routes, sizeof(routes), 0) != (ssize_t)sizeof(routes))
		return err_set(e, EINVAL, "read a route");
	r = netlink_open(&nl, e);
	return r < 0 ? r : replace(&nl, &routes, e);
}
