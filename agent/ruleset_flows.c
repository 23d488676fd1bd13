#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/texts.h"
#include "net/nft_client.h"

void ruleset_note_flow(struct ruleset *ruleset, in_addr_t address, in_port_t port, uint8_t protocol)
{
	if (ruleset->n_flows == ruleset->cap_flows) {
		size_t cap = ruleset->cap_flows ? 2 * ruleset->cap_flows : 64;
		struct nft_flow *grown = cap > NFT_MAX_FLOWS ?
						 NULL :
						 realloc(ruleset->flows, cap * sizeof(*grown));

		/* What is not forgotten ends when it was silent for long enough. */
		if (!grown)
			return;
		ruleset->flows = grown;
		ruleset->cap_flows = cap;
	}
	ruleset->flows[ruleset->n_flows++] = (struct nft_flow){ address, port, protocol };
}

/* Does one in STATE still answer those that it has been speaking with? */
static bool answers(Tepui__Endpoint__State state)
{
	return state == TEPUI__ENDPOINT__STATE__SERVING ||
	       state == TEPUI__ENDPOINT__STATE__DRAINING;
}

/*
 * A peer by UDP is never told that nobody answers, and one by TCP not when the host is gone, be it a
 * node or a container with an address of its own: the next packet of either is to be a new
 * connection, which finds another backend, or is refused.  One whose process alone is gone gets its
 * last data and its end from the kernel.
 */
void ruleset_note_flows(struct ruleset *ruleset, const struct directory_endpoint *before,
			const struct directory_endpoint *after)
{
	bool is_host_gone;

	if (!before || (after && (before == after || answers(after->info->state))))
		return;
	is_host_gone = after ? after->info->state == TEPUI__ENDPOINT__STATE__UNREACHABLE :
			       before->info->n_addresses > 0 ||
			       before->info->state == TEPUI__ENDPOINT__STATE__UNREACHABLE;
	for (size_t i = 0; i < before->info->n_ports; i++) {
		const Tepui__EndpointPort *port = before->info->ports[i];
		bool is_udp = texts_equal(port->protocol, "udp");
		struct ruleset_backend backend;

		if (port->n_services > 0 && (is_udp || is_host_gone) &&
		    ruleset_locate(ruleset, before, port, &backend))
			ruleset_note_flow(ruleset, backend.address, backend.port,
					  is_udp ? IPPROTO_UDP : IPPROTO_TCP);
	}
}

static void forgotten(void *arg, const struct nft_result *result, struct err *e)
{
	(void)arg;
	if (result->r < 0)
		log_write_err(LOG_LEVEL_WARNING, e, "forget connections to what is gone");
}

void ruleset_forget_flows(struct ruleset *ruleset)
{
	size_t size = ruleset->n_due * sizeof(*ruleset->flows);
	AUTO_CLOSE int fd = -EBADF;
	struct err e = { 0 };
	int r;

	if (ruleset->n_due == 0)
		return;
	fd = memfd_create("tepui-flows", MFD_CLOEXEC);
	if (fd < 0 || write(fd, ruleset->flows, size) != (ssize_t)size)
		r = err_set(&e, errno, "note connections to what is gone");
	else
		r = nft_client_ask(ruleset->client, NFT_FORGET, TAKE_FD(fd), forgotten, ruleset, &e);
	if (r < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget connections to what is gone");
	ruleset->n_flows -= ruleset->n_due;
	memmove(ruleset->flows, ruleset->flows + ruleset->n_due,
		ruleset->n_flows * sizeof(*ruleset->flows));
	ruleset->n_due = 0;
}
