#include "agent/ipam.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "lib/err.h"

/* From 65,534 containers down to one. */
enum { MIN_LENGTH = 8, MAX_LENGTH = 30, MAX_LENGTH6 = 112, FIRST = IPAM_GATEWAY + 1 };

static bool is_of_hosts(const struct ip_prefix *prefix)
{
	return prefix->family != AF_INET ||
	       (prefix->bytes[0] != 0 && prefix->bytes[0] != IN_LOOPBACKNET && prefix->bytes[0] < 224);
}

static int read_subnet(const char *text, int family, unsigned min_length, unsigned max_length,
		       struct ip_prefix *ret, struct err *e)
{
	int r = ip_prefix_parse(text, ret, e);

	if (r < 0)
		return r;
	if (ret->family == family && !ip_prefix_is_network(ret))
		return err_set(e, EINVAL, "'%s' is not a network: it has bits behind its prefix", text);
	if (ret->family != family || ret->length < min_length || ret->length > max_length)
		return err_set(e, EINVAL, "'%s' is not a network of IPv%d with %u to %u bits", text,
			       family == AF_INET ? 4 : 6, min_length, max_length);
	if (!is_of_hosts(ret))
		return err_set(e, EINVAL, "'%s' is not a network of which hosts can have addresses",
			       text);
	return 0;
}

int ipam_init(const char *subnet, const char *subnet6, struct ipam *ret, struct err *e)
{
	struct ipam ipam = { .next = FIRST };
	int r = read_subnet(subnet, AF_INET, MIN_LENGTH, MAX_LENGTH, &ipam.subnet, e);

	if (r >= 0 && *subnet6)
		r = read_subnet(subnet6, AF_INET6, MIN_LENGTH, MAX_LENGTH6, &ipam.subnet6, e);
	if (r < 0)
		return r;
	/* The highest is the broadcast address.  IPv6 has room for at least as many. */
	ipam.last = (UINT32_C(1) << (32 - ipam.subnet.length)) - 2;
	if (ipam.subnet6.family && ipam.subnet6.length > 96 &&
	    ipam.last > (UINT32_C(1) << (128 - ipam.subnet6.length)) - 1)
		ipam.last = (UINT32_C(1) << (128 - ipam.subnet6.length)) - 1;
	*ret = ipam;
	return 0;
}

void ipam_done(struct ipam *ipam)
{
	ranges_done(&ipam->used);
}

/* The lowest from FROM on that is not used; beyond the last when there is none. */
static uint32_t find_free(const struct ipam *ipam, uint32_t from)
{
	for (size_t i = 0; i < ipam->used.n; i++) {
		const struct range *used = &ipam->used.items[i];

		if (from < used->first)
			break;
		if (from <= used->last)
			from = used->last + 1;
	}
	return from;
}

static int take(struct ipam *ipam, uint32_t number, uint32_t *ret, struct err *e)
{
	if (ranges_add(&ipam->used, number, number) < 0)
		return err_set(e, ENOMEM, "take an address");
	*ret = number;
	return 0;
}

int ipam_take(struct ipam *ipam, uint32_t *ret, struct err *e)
{
	uint32_t number = find_free(ipam, ipam->next);
	char text[IP_PREFIX_TEXT_SIZE];
	int r;

	if (number > ipam->last)
		number = find_free(ipam, FIRST);
	if (number > ipam->last)
		return err_set(e, ENOSPC, "take an address: all %llu of %s are in use",
			       (unsigned long long)ranges_count(&ipam->used),
			       ip_prefix_format(&ipam->subnet, text));
	r = take(ipam, number, ret, e);
	if (r >= 0)
		ipam->next = number < ipam->last ? number + 1 : FIRST;
	return r;
}

int ipam_take_address(struct ipam *ipam, const struct ip_prefix *address, uint32_t *ret,
		      struct err *e)
{
	const struct ip_prefix *subnet = address->family == AF_INET ? &ipam->subnet :
								      &ipam->subnet6;
	char text[IP_PREFIX_TEXT_SIZE], network[IP_PREFIX_TEXT_SIZE];
	uint32_t number;

	ip_prefix_format_host(address, text);
	if (!subnet->family)
		return err_set(e, EINVAL, "take address %s: the bridge has no IPv6", text);
	if (ip_prefix_number(subnet, address, &number) < 0 || number < FIRST ||
	    number > ipam->last)
		return err_set(e, EINVAL, "take address %s: it is not for a container in %s", text,
			       ip_prefix_format(subnet, network));
	if (ranges_contains(&ipam->used, number, number))
		return err_set(e, EADDRINUSE, "take address %s", text);
	return take(ipam, number, ret, e);
}

void ipam_give_back(struct ipam *ipam, uint32_t number)
{
	/* Of a set that splits; without the memory for that it stays taken until the next start. */
	(void)ranges_remove(&ipam->used, number, number);
}

struct ip_prefix ipam_address(const struct ipam *ipam, uint32_t number)
{
	return ip_prefix_host(&ipam->subnet, number);
}

struct ip_prefix ipam_address6(const struct ipam *ipam, uint32_t number)
{
	return ip_prefix_host(&ipam->subnet6, number);
}
