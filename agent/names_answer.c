#include <arpa/inet.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/names_parts.h"
#include "lib/cleanup.h"

/* ---- who asks ---- */

struct names_address names_host_of(const struct address *address)
{
	struct names_address host = { .family = address->storage.ss_family };
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;

	memcpy(&ip4, &address->storage, sizeof(ip4));
	memcpy(&ip6, &address->storage, sizeof(ip6));
	if (host.family == AF_INET)
		host.v4 = ip4.sin_addr;
	else if (host.family == AF_INET6)
		host.v6 = ip6.sin6_addr;
	else
		host.family = 0;
	return host;
}

/* The node's own processes and its containers: we are no open resolver. */
static bool may_ask_others(const struct names *names, const struct address *peer)
{
	struct names_address host = names_host_of(peer);
	struct ip_prefix address = { .family = host.family, .length = 32 };

	if (host.family != AF_INET)
		return IN6_IS_ADDR_LOOPBACK(&host.v6);
	memcpy(address.bytes, &host.v4, sizeof(host.v4));
	return ntohl(host.v4.s_addr) >> 24 == IN_LOOPBACKNET ||
	       (names->bridge.family && ip_prefix_contains(&names->bridge, &address));
}

/* ---- records ---- */

/* Room for the names that a record points to. */
struct record {
	struct dns_record record;
	struct dns_name target;
};

static void set_address(struct dns_record *record, const struct names_address *address)
{
	record->type = address->family == AF_INET ? DNS_A : DNS_AAAA;
	if (address->family == AF_INET)
		record->a = address->v4;
	else
		record->aaaa = address->v6;
}

/* As for the connections through a service. */
static uint16_t weight_of(const struct names_found *found)
{
	const struct names_entry *entry = found->target.entry;

	return entry->kind == NAMES_ENDPOINT ? (uint16_t)entry->endpoint->info->weight : 1;
}

/* False: it cannot be told. */
static bool make_record(const struct names *names, const struct names_found *found,
			struct record *ret)
{
	ret->record.type = found->type;
	ret->record.ttl = names->ttl;
	if (found->type == DNS_A || found->type == DNS_AAAA) {
		set_address(&ret->record, &found->address);
		return true;
	}
	if (names_target_name(names->zone, found, &ret->target) < 0)
		return false;
	if (found->type == DNS_SRV)
		ret->record.srv = (struct dns_srv){ .weight = weight_of(found),
						    .port = found->target.port,
						    .target = &ret->target };
	else
		ret->record.target = &ret->target;
	return true;
}

static const struct names_found *nth(const struct names_finding *finding, size_t i)
{
	return &finding->found[i % finding->n];
}

/* From FIRST on; false: there was no room for all. */
static bool put_answers(const struct names *names, const struct names_finding *finding, size_t first,
			const struct dns_name *owner, struct dns_reply *reply)
{
	struct record record = { .record = { .owner = owner } };

	for (size_t i = 0; i < finding->n; i++)
		if (make_record(names, nth(finding, first + i), &record) &&
		    !dns_reply_add(reply, DNS_ANSWER, &record.record))
			return false;
	return true;
}

/* Where the targets of SRV records are, as far as there is room. */
static bool put_target(const struct names *names, const struct names_found *found,
		       struct dns_reply *reply)
{
	struct names_address addresses[DIRECTORY_MAX_ADDRESSES];
	struct dns_name target;
	struct dns_record record = { .owner = &target, .ttl = names->ttl };
	size_t n;

	if (found->type != DNS_SRV || names_target_name(names->zone, found, &target) < 0)
		return true;
	n = names_target_addresses(found, &names->at, addresses, ARRAY_SIZE(addresses));
	for (size_t i = 0; i < n; i++) {
		set_address(&record, &addresses[i]);
		if (!dns_reply_add(reply, DNS_ADDITIONAL, &record))
			return false;
	}
	return true;
}

/* From one at random on, so that those who take the first are spread. */
static void put_found(const struct names *names, const struct names_finding *finding,
		      const struct dns_name *owner, struct dns_reply *reply)
{
	size_t first = finding->n ? rng_below(&names->agent->rng, finding->n) : 0;
	bool has_room = put_answers(names, finding, first, owner, reply);

	for (size_t i = 0; i < finding->n && has_room; i++)
		has_room = put_target(names, nth(finding, first + i), reply);
}

static struct dns_record make_soa(const struct names *names)
{
	return (struct dns_record){
		.owner = names_zone_domain(names->zone), .type = DNS_SOA, .ttl = names->ttl,
		.soa = {
			.server = &names->own, .mailbox = &names->mailbox,
			.serial = names->serial, .refresh = names->ttl, .retry = names->ttl,
			.expire = names->ttl, .minimum = names->ttl,
		},
	};
}

/* What the domain itself has.  False: nothing of that type. */
static bool put_apex(const struct names *names, const struct dns_query *query,
		     struct dns_reply *reply)
{
	struct dns_record soa = make_soa(names);
	struct dns_record ns = { .owner = &query->name, .type = DNS_NS, .ttl = names->ttl,
				 .target = &names->own };
	bool is_any = query->type == DNS_ANY;

	if (is_any || query->type == DNS_SOA)
		(void)dns_reply_add(reply, DNS_ANSWER, &soa);
	if (is_any || query->type == DNS_NS)
		(void)dns_reply_add(reply, DNS_ANSWER, &ns);
	return is_any || query->type == DNS_SOA || query->type == DNS_NS;
}

/* ---- answers ---- */

/* Without an answer the SOA says how long that holds (RFC 2308). */
static void answer_own(struct names *names, struct dns_request *request,
		       enum names_verdict verdict, const struct names_finding *finding)
{
	static uint8_t data[DNS_MAX_MESSAGE];
	const struct dns_query *query = dns_request_query(request);
	struct dns_record soa = make_soa(names);
	struct dns_reply reply;

	dns_reply_begin(&reply, query, DNS_AUTHORITATIVE | names->recurses, data,
			dns_request_max(request));
	put_found(names, finding, &query->name, &reply);
	if (finding->n == 0 &&
	    (dns_name_split(&query->name, names_zone_domain(names->zone)) != 0 ||
	     !put_apex(names, query, &reply)))
		(void)dns_reply_add(&reply, DNS_AUTHORITY, &soa);
	dns_request_answer(request, data,
			   dns_reply_end(&reply, verdict == NAMES_NONE ? DNS_NXDOMAIN :
								       DNS_NOERROR));
}

void names_answer(void *arg, struct dns_request *request)
{
	struct names *names = arg;
	const struct dns_query *query = dns_request_query(request);
	struct names_finding finding = { .found = names->found };
	struct address local;
	enum names_verdict verdict;

	names->at = dns_request_local(request, &local) < 0 ? (struct names_address){ .family = 0 } :
							    names_host_of(&local);
	names->recurses = may_ask_others(names, dns_request_peer(request)) ? DNS_RECURSES : 0;
	verdict = names_look(names->zone, &query->name, query->type, &names->at, &finding);
	if (verdict != NAMES_FOREIGN) {
		answer_own(names, request, verdict, &finding);
		return;
	}
	/* Without the wish that we ask others there is nothing to tell of them. */
	if (names->recurses && dns_query_wants_recursion(query)) {
		dns_forwarder_ask(names->forwarder, request);
		return;
	}
	names->refused++;
	dns_request_fail(request, DNS_REFUSED, names->recurses);
}
