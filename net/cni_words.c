#include "net/cni_words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <string.h>

#include "lib/err.h"
#include "net/ip_prefix.h"

enum { MAX_VARIABLES = 1024, MAX_CONTAINER_ID = 255 };

const char *const cni_versions[CNI_N_VERSIONS] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };

unsigned cni_version(const char *text)
{
	for (unsigned i = 0; i < CNI_N_VERSIONS; i++) {
		if (strcmp(cni_versions[i], text) == 0)
			return i + 1;
	}
	return 0;
}

bool cni_is_name(const char *text)
{
	static const char characters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t size = strlen(text);

	return size > 0 && size <= MAX_CONTAINER_ID && isalnum((unsigned char)text[0]) &&
		strspn(text, characters) == size;
}

bool cni_is_interface(const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size >= IFNAMSIZ || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isgraph((unsigned char)text[i]) || strchr("/:", text[i]))
			return false;
	}
	return true;
}

/* Six bytes, or twenty of InfiniBand, with ':' between. */
bool cni_is_mac(const char *text)
{
	size_t size = strlen(text);

	if (size != 17 && size != 59)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

int cni_address_family(const char *text)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, text, &address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, &address) == 1 ? AF_INET6 : 0;
}

int cni_network_family(const char *text)
{
	struct ip_prefix prefix;
	struct err ignored = { 0 };

	return strchr(text, '/') && ip_prefix_parse(text, &prefix, &ignored) >= 0 ? prefix.family : 0;
}

bool cni_are_variables(const char *text)
{
	bool is_key = true;
	size_t size = strlen(text);

	if (size > MAX_VARIABLES)
		return false;
	for (size_t i = 0, start = 0; i <= size; i++) {
		if (i < size && !isgraph((unsigned char)text[i]))
			return false;
		if (is_key && text[i] == '=' && i > start)
			is_key = false;
		if (i < size && text[i] != ';')
			continue;
		if (is_key)
			return false;
		is_key = true;
		start = i + 1;
	}
	return true;
}
