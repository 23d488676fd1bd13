#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "net/nft_client.h"

/*
 * The smallest network that has all addresses of services by name.  The master takes them from one
 * range, so that nothing of others is in it.
 */
static struct nft_route cover(const struct ruleset *ruleset)
{
	struct nft_route route = { 0 };

	for (const struct ruleset_own *own = ruleset->own; own; own = own->hh.next) {
		uint32_t differs = ntohl(own->address) ^ ntohl(route.address);
		uint8_t common = differs ? (uint8_t)__builtin_clz(differs) : 32;

		if (!own->address)
			continue;
		if (!route.length)
			route = (struct nft_route){ .address = own->address, .length = 32 };
		else if (common < route.length)
			route.length = common;
		route.address &= htonl((uint32_t)(UINT64_MAX << (32 - route.length)));
	}
	return route;
}

/* What processes of the node are seen as that call a service. */
static in_addr_t source(const struct ruleset *ruleset)
{
	const char *text = ruleset->agent->address;
	struct in_addr address;

	if (text && inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 != 127)
		return address.s_addr;
	return *ruleset->bridge.name ? ruleset_bridge_address(ruleset) : htonl(INADDR_LOOPBACK);
}

static void routed(void *arg, const struct nft_result *result, struct err *e)
{
	(void)arg;
	if (result->r < 0)
		log_write_err(LOG_LEVEL_ERROR, e, "route what this node's processes send to services");
}

static int ask(struct ruleset *ruleset, const struct nft_routes *routes, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tepui-routes", MFD_CLOEXEC);

	if (fd < 0 || write(fd, routes, sizeof(*routes)) != (ssize_t)sizeof(*routes))
		return err_set(e, errno, "note a route");
	return nft_client_ask(ruleset->client, NFT_ROUTE, TAKE_FD(fd), routed, ruleset, e);
}

void ruleset_route(struct ruleset *ruleset)
{
	struct nft_routes routes = { .before = ruleset->route, .after = cover(ruleset) };
	struct err e = { 0 };

	routes.after.source = source(ruleset);
	if (memcmp(&routes.before, &routes.after, sizeof(routes.after)) == 0 ||
	    (!routes.before.length && !routes.after.length))
		return;
	ruleset->route = routes.after;
	if (ask(ruleset, &routes, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "route what this node's processes send to services");
}
