#include "agent/names_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/flags.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/dns_forwarder.h"
#include "net/dns_message.h"

_Static_assert((int)NAMES_MAX_ADDRESSES == (int)DNS_MAX_UPSTREAMS, "all of a flag are asked");

/* "ADDRESS:PORT", or ADDRESS with the port of DNS; with a port IPv6 is in brackets. */
static int parse_server(const char *text, struct address *ret, struct err *e)
{
	const char *colon = strchr(text, ':');
	bool is_bare_v6 = text[0] != '[' && colon && strchr(colon + 1, ':');
	bool has_port = !is_bare_v6 && (text[0] == '[' ? strstr(text, "]:") : colon);
	char whole[ADDRESS_TEXT_SIZE];
	int r;

	if ((size_t)snprintf(whole, sizeof(whole), "%s%s%s%s", is_bare_v6 ? "[" : "", text,
			     is_bare_v6 ? "]" : "", has_port ? "" : ":53") >= sizeof(whole))
		return err_set(e, EINVAL, "read address '%.64s...': it is too long", text);
	r = address_parse(whole, ret, e);
	if (r >= 0 && ret->storage.ss_family == AF_UNIX)
		return err_set(e, EINVAL, "read address '%s': DNS is not spoken there", text);
	return r;
}

int names_addresses_parse(const char *text, struct names_addresses *ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	char *rest = NULL;

	ret->n = 0;
	if (!copy)
		return err_set(e, ENOMEM, "read '%s'", text);
	if (strcmp(text, "none") == 0)
		return 0;
	for (char *one = strtok_r(copy, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		int r;

		if (ret->n == NAMES_MAX_ADDRESSES)
			return err_set(e, EINVAL, "read '%s': more than %d addresses", text,
				       NAMES_MAX_ADDRESSES);
		r = parse_server(one, &ret->of[ret->n++], e);
		if (r < 0)
			return r;
	}
	return ret->n > 0 ? 0 : err_set(e, EINVAL, "read '%s': no address", text);
}

void names_addresses_resolver(const char *text, struct names_addresses *ret)
{
	ret->n = 0;
	for (; *text && ret->n < NAMES_MAX_ADDRESSES; text += strcspn(text, "\n"), text += !!*text) {
		char address[ADDRESS_TEXT_SIZE];
		struct err ignored = { 0 };
		int end = 0;

		/* One with a scope ("%eth0") cannot be asked from everywhere. */
		if (sscanf(text, "nameserver%*[ \t]%127[0-9A-Fa-f:.]%n", address, &end) == 1 &&
		    strchr(" \t\r\n", text[end]) &&
		    parse_server(address, &ret->of[ret->n], &ignored) >= 0)
			ret->n++;
	}
}

int names_check_flags(const struct agent_flags *flags, struct err *e)
{
	struct names_addresses ignored;
	struct dns_name domain;

	if (dns_name_parse(flags->dns_domain, &domain) < 0 || domain.size == 1)
		return err_set(e, EINVAL, "use '--dns_domain=%s': it is no name",
			       flags->dns_domain);
	if (names_addresses_parse(flags->dns_listen, &ignored, e) < 0)
		return err_wrap(e, "use '--dns_listen'");
	if (flags->dns_upstreams && names_addresses_parse(flags->dns_upstreams, &ignored, e) < 0)
		return err_wrap(e, "use '--dns_upstreams'");
	if (flags->dns_ttl % 1000 != 0)
		return err_set(e, EINVAL, "use '--dns_ttl=%" PRId64 "ms': it is no number of seconds",
			       flags->dns_ttl);
	return 0;
}
