#include <arpa/inet.h>

#include "agent/agent.h"
#include "agent/network.h"
#include "agent/ruleset_parts.h"
#include "net/address.h"

/* ---- elements ---- */

void ruleset_next_element(struct ruleset_elements *elements)
{
	if (elements->is_open)
		fputs(", ", elements->out);
	else
		fprintf(elements->out, "%s element %s " NFT_TABLE " %s { ", elements->verb,
			elements->family, elements->set);
	elements->is_open = true;
}

void ruleset_next_address(struct ruleset_elements *elements, in_addr_t address)
{
	char text[INET_ADDRSTRLEN];

	ruleset_next_element(elements);
	fputs(inet_ntop(AF_INET, &address, text, sizeof(text)), elements->out);
}

void ruleset_end_elements(struct ruleset_elements *elements)
{
	if (elements->is_open)
		fputs(" }\n", elements->out);
	elements->is_open = false;
}

const char *ruleset_protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* ---- tables ---- */

static void replace_table(const char *family, FILE *out)
{
	/* Added first, because what is not there cannot be deleted. */
	fprintf(out, "add table %s " NFT_TABLE "\ndelete table %s " NFT_TABLE "\n", family, family);
}

/*
 * Where new connections to services and to ports of the node go.  An address of the node itself is
 * nobody's to give to a service.
 */
static const char translation[] =
	"	map services { type ipv4_addr . inet_proto . inet_service : verdict; }\n"
	"	map node_ports { type inet_proto . inet_service : verdict; }\n"
	"	map backends { type mark : ipv4_addr . inet_service; }\n"
	"	map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"	chain translate {\n"
	"		meta l4proto { tcp, udp } dnat ip to meta mark map @backends\n"
	"	}\n"
	"	chain find_here {\n"
	"		meta l4proto . th dport vmap @node_ports\n"
	"		meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @ports\n"
	"	}\n"
	"	chain find {\n"
	"		fib daddr type local goto find_here\n"
	"		ip daddr . meta l4proto . th dport vmap @services\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type nat hook prerouting priority dstnat;\n"
	"		jump find\n"
	"	}\n"
	"	chain output {\n"
	"		type nat hook output priority -100;\n"
	"		jump find\n"
	"	}\n";

/*
 * Every packet is seen once on its way in, whether it comes from outside or from a process here; every
 * new connection once where its source is decided.  A mark of ours has done its work by then.
 */
#define KEY "type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service; counter;"
#define PLACE "meta l4proto . ct original ip daddr . ct original proto-dst . " \
	      "ct reply ip saddr . ct reply proto-src"
static const char counting[] =
	"	set connections { " KEY " }\n"
	"	set sent { " KEY " }\n"
	"	set received { " KEY " }\n"
	"	chain count_connection {\n"
	"		meta l4proto tcp " PLACE " @connections\n"
	"		meta l4proto udp " PLACE " @connections\n"
	"	}\n"
	"	chain count {\n"
	"		ct direction original meta l4proto tcp " PLACE " @sent\n"
	"		ct direction original meta l4proto udp " PLACE " @sent\n"
	"		ct direction reply meta l4proto tcp " PLACE " @received\n"
	"		ct direction reply meta l4proto udp " PLACE " @received\n"
	"	}\n"
	"	chain arrived {\n"
	"		type filter hook prerouting priority -90;\n"
	"		meta mark & 0xff000000 == 0x7e000000 meta mark set 0\n"
	"		iifname != \"lo\" ct status dnat jump count\n"
	"	}\n"
	"	chain made_here {\n"
	"		type filter hook output priority -90;\n"
	"		meta mark & 0xff000000 == 0x7e000000 meta mark set 0\n"
	"		ct status dnat jump count\n"
	"	}\n"
	"	chain to_here {\n"
	"		type nat hook input priority 100;\n"
	"		ct status dnat jump count_connection\n"
	"	}\n";

/* Who still wants a service after that has one without backends, or of which there is no such port. */
static const char refusal[] =
	"	set vacant { type ipv4_addr . inet_proto . inet_service; }\n"
	"	set own { type ipv4_addr; }\n"
	"	chain refuse {\n"
	"		meta l4proto tcp reject with tcp reset\n"
	"		reject\n"
	"	}\n"
	"	chain refuse_vacant {\n"
	"		ip daddr @own goto refuse\n"
	"		ip daddr . meta l4proto . th dport @vacant goto refuse\n"
	"	}\n"
	"	chain leave {\n"
	"		type filter hook output priority filter;\n"
	"		ct state new jump refuse_vacant\n"
	"	}\n";

/*
 * Answers have to come back this way: what is translated and leaves the node, or comes back to where it
 * came from, leaves with an address of the node.
 */
static void write_sources(const struct bridge *bridge, FILE *out)
{
	char subnet[IP_PREFIX_TEXT_SIZE];

	fputs("	set hairpin { type ipv4_addr . ipv4_addr; }\n"
	      "	chain postrouting {\n"
	      "		type nat hook postrouting priority srcnat;\n"
	      "		ct status dnat jump count_connection\n"
	      "		oifname \"lo\" return\n", out);
	if (*bridge->name)
		fprintf(out,
			"		oifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n"
			"		oifname \"%s\" ip saddr . ip daddr @hairpin masquerade\n"
			"		oifname \"%s\" return\n"
			"		ip saddr %s masquerade\n", bridge->name, bridge->name,
			bridge->name, ip_prefix_format(&bridge->address, subnet));
	fputs("		ct status dnat masquerade\n"
	      "	}\n", out);
}

/* The ports by which nodes are managed: of this node all addresses, of others those in set "managed". */
static void write_closed(const struct ruleset *ruleset, FILE *out)
{
	const struct agent *agent = ruleset->agent;
	char host[ADDRESS_HOST_SIZE];
	struct err ignored = { 0 };
	uint16_t master = 0;

	fputs("	set closed { type inet_service; ", out);
	if (!agent->flags.open_admin_ports) {
		fprintf(out, "elements = { %u", agent->port);
		if (address_split(agent->flags.master, host, &master, &ignored) >= 0 && master)
			fprintf(out, ", %u", master);
		fputs(" } ", out);
	}
	fputs("}\n", out);
}

/*
 * What containers on the bridge may reach: not the loopback of the node, which is routed for the sake of
 * its own processes; not what manages the node; and of those with a policy nothing but what that
 * names, by the address that they called, and names.
 */
static void write_policy(const struct ruleset *ruleset, FILE *out)
{
	const char *name = ruleset->bridge.name;

	write_closed(ruleset, out);
	fputs("	set managed { type ipv4_addr; }\n"
	      "	set restricted { type ipv4_addr; }\n"
	      "	set allowed { type ipv4_addr . ipv4_addr . inet_proto . inet_service; }\n"
	      "	chain from_container {\n"
	      "		ct direction reply return\n"
	      "		ct state related return\n"
	      "		ip saddr != @restricted return\n"
	      "		fib daddr type local meta l4proto { tcp, udp } th dport 53 return\n"
	      "		meta l4proto tcp ip saddr . ct original ip daddr . meta l4proto ."
	      " ct original proto-dst @allowed return\n"
	      "		meta l4proto udp ip saddr . ct original ip daddr . meta l4proto ."
	      " ct original proto-dst @allowed return\n"
	      "		goto refuse\n"
	      "	}\n", out);
	fprintf(out,
		"	chain guard {\n"
		"		type filter hook prerouting priority raw;\n"
		"		iifname \"%s\" ip daddr 127.0.0.0/8 drop\n"
		"	}\n"
		"	chain input {\n"
		"		type filter hook input priority filter;\n"
		"		iifname \"%s\" ct direction original tcp dport @closed goto refuse\n"
		"		iifname \"%s\" jump from_container\n"
		"	}\n"
		"	chain quiet {\n"
		"		type filter hook output priority filter;\n"
		"		oifname \"%s\" icmp type redirect drop\n"
		"	}\n", name, name, name, name);
}

static void write_forward(const struct ruleset *ruleset, FILE *out)
{
	fputs("	chain forward {\n"
	      "		type filter hook forward priority filter;\n"
	      "		ct state new jump refuse_vacant\n", out);
	if (*ruleset->bridge.name) {
		fprintf(out,
			"		iifname \"%s\" ct direction original ip daddr @managed"
			" tcp dport @closed goto refuse\n"
			"		iifname \"%s\" jump from_container\n",
			ruleset->bridge.name, ruleset->bridge.name);
	}
	fputs("	}\n", out);
}

static void write_ip(const struct ruleset *ruleset, FILE *out)
{
	replace_table("ip", out);
	fputs("table ip " NFT_TABLE " {\n", out);
	fputs(translation, out);
	fputs(counting, out);
	fputs(refusal, out);
	write_sources(&ruleset->bridge, out);
	if (*ruleset->bridge.name)
		write_policy(ruleset, out);
	write_forward(ruleset, out);
	fputs("}\n", out);
}

/* ---- IPv6: of the bridge alone, for services have IPv4 addresses ---- */

static void write_ip6(const struct ruleset *ruleset, FILE *out)
{
	const char *name = ruleset->bridge.name;
	char subnet[IP_PREFIX_TEXT_SIZE];

	replace_table("ip6", out);
	if (!ruleset->bridge.address6.family)
		return;
	fputs("table ip6 " NFT_TABLE " {\n", out);
	write_closed(ruleset, out);
	fputs("	map ports { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	      "	set hairpin { type ipv6_addr . ipv6_addr; }\n"
	      "	set restricted { type ipv6_addr; }\n"
	      "	chain find {\n"
	      "		fib daddr type local meta l4proto { tcp, udp }"
	      " dnat ip6 to meta l4proto . th dport map @ports\n"
	      "	}\n"
	      "	chain prerouting {\n"
	      "		type nat hook prerouting priority dstnat;\n"
	      "		jump find\n"
	      "	}\n"
	      "	chain output {\n"
	      "		type nat hook output priority -100;\n"
	      "		ip6 daddr != ::1 jump find\n"
	      "	}\n"
	      "	chain from_container {\n"
	      "		ct direction reply return\n"
	      "		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } return\n"
	      "		ct state related return\n"
	      "		ip6 saddr != @restricted ip6 saddr != fe80::/10 return\n"
	      "		fib daddr type local meta l4proto { tcp, udp } th dport 53 return\n"
	      "		meta l4proto tcp reject with tcp reset\n"
	      "		reject\n"
	      "	}\n", out);
	fprintf(out,
		"	chain postrouting {\n"
		"		type nat hook postrouting priority srcnat;\n"
		"		oifname \"%s\" ip6 saddr . ip6 daddr @hairpin masquerade\n"
		"		oifname { \"%s\", \"lo\" } return\n"
		"		ip6 saddr %s masquerade\n"
		"	}\n"
		"	chain input {\n"
		"		type filter hook input priority filter;\n"
		"		iifname \"%s\" tcp dport @closed reject with tcp reset\n"
		"		iifname \"%s\" jump from_container\n"
		"	}\n"
		"	chain forward {\n"
		"		type filter hook forward priority filter;\n"
		"		iifname \"%s\" jump from_container\n"
		"	}\n"
		"	chain quiet {\n"
		"		type filter hook output priority filter;\n"
		"		oifname \"%s\" icmpv6 type nd-redirect drop\n"
		"	}\n"
		"}\n", name, name, ip_prefix_format(&ruleset->bridge.address6, subnet), name, name, name,
		name);
}

/* ---- the bridge ---- */

/*
 * What one container sends to another is routed instead of bridged: only so are answers of a service
 * given back their address, and does policy hold among those of one bridge.  What is for all of them
 * cannot be routed, and is not for those with a policy to send, by whatever address of theirs.
 */
static void write_bridge(const struct bridge *bridge, FILE *out)
{
	uint8_t mac[LINK_MAC_SIZE];

	link_mac_of(&bridge->address, mac);
	replace_table("bridge", out);
	fprintf(out,
		"table bridge " NFT_TABLE " {\n"
		"	set restricted { type ifname; }\n"
		"	chain prerouting {\n"
		"		type filter hook prerouting priority dstnat;\n"
		"		iifname != \"" NETWORK_LINK "*\" return\n"
		"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return\n"
		"		meta pkttype { broadcast, multicast } ether type { ip, ip6 } iifname @restricted drop\n"
		"		meta pkttype other ether type { ip, ip6 }"
		" ether daddr set %02x:%02x:%02x:%02x:%02x:%02x meta pkttype set unicast\n"
		"	}\n"
		"}\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void ruleset_write_tables(const struct ruleset *ruleset, FILE *out)
{
	write_ip(ruleset, out);
	if (!*ruleset->bridge.name)
		return;
	write_ip6(ruleset, out);
	write_bridge(&ruleset->bridge, out);
}
