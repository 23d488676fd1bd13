#include "net/ip_prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

enum { NUMBER_BYTES = 4 };

size_t ip_prefix_size(const struct ip_prefix *prefix)
{
	return prefix->family == AF_INET6 ? 16 : 4;
}

static int parse_length(const char *text, unsigned max, unsigned *ret)
{
	unsigned length;
	int n = 0;

	if (text[0] < '0' || text[0] > '9' || sscanf(text, "%3u%n", &length, &n) != 1 || text[n] ||
	    length > max)
		return -EINVAL;
	*ret = length;
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret, struct err *e)
{
	struct ip_prefix prefix = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	size_t n = strcspn(text, "/");
	char host[INET6_ADDRSTRLEN];

	prefix.length = (unsigned)ip_prefix_size(&prefix) * 8;
	if (n >= sizeof(host))
		return err_set(e, EINVAL, "read '%.80s': not an IP address", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(prefix.family, host, prefix.bytes) != 1 ||
	    (text[n] && parse_length(text + n + 1, prefix.length, &prefix.length) < 0))
		return err_set(e, EINVAL, "read '%.80s': not an IP address", text);
	*ret = prefix;
	return 0;
}

const char *ip_prefix_format_host(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE])
{
	if (!inet_ntop(prefix->family, prefix->bytes, text, IP_PREFIX_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

const char *ip_prefix_format(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE])
{
	size_t n = strlen(ip_prefix_format_host(prefix, text));

	(void)snprintf(text + n, IP_PREFIX_TEXT_SIZE - n, "/%u", prefix->length);
	return text;
}

/* Of byte I, the bits that belong to a prefix of LENGTH. */
static uint8_t mask_of(unsigned length, size_t i)
{
	unsigned before = (unsigned)i * 8;

	if (length >= before + 8)
		return 0xff;
	return length <= before ? 0 : (uint8_t)(0xff << (before + 8 - length));
}

bool ip_prefix_is_network(const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < ip_prefix_size(prefix); i++) {
		if (prefix->bytes[i] & (uint8_t)~mask_of(prefix->length, i))
			return false;
	}
	return true;
}

bool ip_prefix_contains(const struct ip_prefix *network, const struct ip_prefix *address)
{
	if (network->family != address->family)
		return false;
	for (size_t i = 0; i < ip_prefix_size(network); i++) {
		if ((network->bytes[i] ^ address->bytes[i]) & mask_of(network->length, i))
			return false;
	}
	return true;
}

struct ip_prefix ip_prefix_host(const struct ip_prefix *network, uint32_t number)
{
	struct ip_prefix host = *network;
	size_t size = ip_prefix_size(network);

	for (size_t i = 1; i <= NUMBER_BYTES; i++, number >>= 8)
		host.bytes[size - i] |= (uint8_t)number;
	return host;
}

int ip_prefix_number(const struct ip_prefix *network, const struct ip_prefix *address,
		     uint32_t *ret)
{
	size_t size = ip_prefix_size(network);
	uint32_t number = 0;

	if (!ip_prefix_contains(network, address))
		return -ERANGE;
	for (size_t i = 0; i < size; i++) {
		uint8_t host = address->bytes[i] & (uint8_t)~mask_of(network->length, i);

		if (host && i + NUMBER_BYTES < size)
			return -ERANGE;
		number = number << 8 | host;
	}
	*ret = number;
	return 0;
}
