#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/dns_message.h"

static uint8_t lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet;
}

int dns_name_parse(const char *text, struct dns_name *ret)
{
	struct dns_name name = { 0 };
	size_t at = 0;

	while (*text && strcmp(text, ".") != 0) {
		size_t size = strcspn(text, ".");

		if (size == 0 || size > DNS_MAX_LABEL || memchr(text, '\\', size) ||
		    at + 1 + size + 1 > DNS_MAX_NAME)
			return -EINVAL;
		name.wire[at] = (uint8_t)size;
		memcpy(name.wire + at + 1, text, size);
		at += 1 + size;
		text += size;
		if (*text == '.')
			text++;
		if (*text == '.')
			return -EINVAL;
	}
	name.size = (uint8_t)(at + 1);
	*ret = name;
	return 0;
}

static bool is_plain(uint8_t octet)
{
	return (lower(octet) >= 'a' && lower(octet) <= 'z') || (octet >= '0' && octet <= '9') ||
	       octet == '-' || octet == '_';
}

void dns_name_format(const struct dns_name *name, char *ret)
{
	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at]) {
		for (size_t i = 1; i <= name->wire[at]; i++) {
			uint8_t octet = name->wire[at + i];

			if (is_plain(octet))
				*ret++ = (char)octet;
			else
				ret += sprintf(ret, "\\%03u", octet);
		}
		*ret++ = '.';
	}
	if (name->size == 1)
		*ret++ = '.';
	*ret = '\0';
}

/* Lengths are below 'A'. */
void dns_name_lower(struct dns_name *name)
{
	for (size_t i = 0; i < name->size; i++)
		name->wire[i] = lower(name->wire[i]);
}

static bool is_same(const uint8_t *a, const uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

int dns_name_split(const struct dns_name *name, const struct dns_name *domain)
{
	size_t at = 0;

	while (name->size - at > domain->size)
		at += 1u + name->wire[at];
	if (name->size - at != domain->size ||
	    !is_same(name->wire + at, domain->wire, domain->size))
		return -ENOENT;
	return (int)at;
}

int dns_name_join(const struct dns_name *prefix, const struct dns_name *name, size_t at,
		  struct dns_name *ret)
{
	size_t before = prefix->size - 1u, rest = name->size - at;

	if (before + rest > DNS_MAX_NAME)
		return -ENAMETOOLONG;
	*ret = (struct dns_name){ .size = (uint8_t)(before + rest) };
	memcpy(ret->wire, prefix->wire, before);
	memcpy(ret->wire + before, name->wire + at, rest);
	return 0;
}

void dns_name_reverse(int family, const void *address, struct dns_name *ret)
{
	char text[2 * 2 * sizeof(struct in6_addr) + sizeof("ip6.arpa")], *end = text;
	const uint8_t *octets = address;

	if (family == AF_INET) {
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", octets[3], octets[2],
			       octets[1], octets[0]);
	} else {
		for (size_t i = sizeof(struct in6_addr); i-- > 0;)
			end += sprintf(end, "%x.%x.", octets[i] & 15u, octets[i] >> 4);
		strcpy(end, "ip6.arpa");
	}
	(void)dns_name_parse(text, ret);
}
