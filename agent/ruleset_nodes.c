#include <arpa/inet.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "net/address.h"

static void put_address(struct ruleset_elements *elements, in_addr_t address)
{
	char text[INET_ADDRSTRLEN];

	ruleset_next_element(elements);
	fputs(inet_ntop(AF_INET, &address, text, sizeof(text)), elements->out);
}

/* Where it is known by an address. */
static void put_master(struct ruleset_elements *elements, const char *master)
{
	struct err ignored = { 0 };
	struct address address;
	struct sockaddr_in ip;

	if (address_parse(master, &address, &ignored) < 0 || address.storage.ss_family != AF_INET)
		return;
	memcpy(&ip, &address.storage, sizeof(ip));
	put_address(elements, ip.sin_addr.s_addr);
}

void ruleset_write_nodes(struct ruleset *ruleset, bool is_whole, FILE *out)
{
	struct ruleset_elements elements = { out, "add", "ip", "managed", false };
	const struct directory *directory = ruleset->agent->directory;
	struct in_addr address;

	if (!*ruleset->bridge.name || !(is_whole || ruleset->has_dirty_nodes))
		return;
	/* Nodes seldom come and go, and two may have one address. */
	if (!is_whole)
		fputs("flush set ip " NFT_TABLE " managed\n", out);
	put_master(&elements, ruleset->agent->flags.master);
	for (const struct directory_node *node = directory_node_next(directory, NULL); node;
	     node = directory_node_next(directory, node)) {
		if (node->info->address && inet_pton(AF_INET, node->info->address, &address) == 1)
			put_address(&elements, address.s_addr);
	}
	ruleset_end_elements(&elements);
	ruleset->has_dirty_nodes = false;
}
