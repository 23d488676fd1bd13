#include <arpa/inet.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"

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
	if (ruleset->master)
		ruleset_next_address(&elements, ruleset->master);
	for (const struct directory_node *node = directory_node_next(directory, NULL); node;
	     node = directory_node_next(directory, node)) {
		if (node->info->address && inet_pton(AF_INET, node->info->address, &address) == 1)
			ruleset_next_address(&elements, address.s_addr);
	}
	ruleset_end_elements(&elements);
	ruleset->has_dirty_nodes = false;
}
