#include "agent/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/names_parts.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/flags.h"
#include "lib/log.h"

enum { MAX_ADDRESSES = 8 };

static const char none[] = "none";

/* ---- flags ---- */

typedef int each_fn(void *arg, const char *text, struct err *e);

/* FN for each of the texts of LIST between commas. */
static int each_text(const char *list, each_fn *fn, void *arg, struct err *e)
{
	AUTO_FREE char *copy = strdup(list);
	char *rest = NULL;
	int r = copy ? 0 : err_set(e, ENOMEM, "read '%s'", list);

	for (char *text = copy ? strtok_r(copy, ",", &rest) : NULL; text && r >= 0;
	     text = strtok_r(NULL, ",", &rest))
		r = fn(arg, text, e);
	return r;
}

/* "ADDRESS:PORT", or ADDRESS with the port of DNS; IPv6 in brackets in any case. */
static int parse_server(const char *text, struct address *ret, struct err *e)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	bool has_port = strchr(end ? end : text, ':');
	char whole[ADDRESS_TEXT_SIZE];

	if ((size_t)snprintf(whole, sizeof(whole), "%s%s", text, has_port ? "" : ":53") >=
	    sizeof(whole))
		return err_set(e, EINVAL, "read address '%.64s...': it is too long", text);
	return strncmp(text, "unix:", 5) == 0 ?
		       err_set(e, EINVAL, "read address '%s': DNS is not spoken there", text) :
		       address_parse(whole, ret, e);
}

static int check_server(void *arg, const char *text, struct err *e)
{
	struct address ignored;
	int *n = arg;

	if (++*n > MAX_ADDRESSES)
		return err_set(e, EINVAL, "more than %d addresses", MAX_ADDRESSES);
	return parse_server(text, &ignored, e);
}

int names_check_flags(const struct agent_flags *flags, struct err *e)
{
	struct dns_name domain;
	int n = 0;

	if (dns_name_parse(flags->dns_domain, &domain) < 0 || domain.size == 1)
		return err_set(e, EINVAL, "use '--dns_domain=%s': it is no name",
			       flags->dns_domain);
	if (strcmp(flags->dns_listen, none) != 0 &&
	    each_text(flags->dns_listen, check_server, &n, e) < 0)
		return err_wrap(e, "use '--dns_listen=%s'", flags->dns_listen);
	if (flags->dns_ttl < 1000 && flags->dns_ttl != 0)
		return err_set(e, EINVAL, "use '--dns_ttl': it is neither 0 nor a second or more");
	return 0;
}

/* ---- what the directory tells ---- */

static void note_failure(struct names *names, int r, const struct err *e)
{
	if (r < 0 && !names->is_short)
		log_write_err(LOG_LEVEL_ERROR, e, "give names to what runs");
	names->is_short = r < 0;
}

static void on_endpoint(void *arg, const struct directory_endpoint *before,
			const struct directory_endpoint *after)
{
	struct names *names = arg;
	struct err e = { 0 };

	if (after)
		note_failure(names, names_zone_set_endpoint(names->zone, after, &e), &e);
	else
		names_zone_drop(names->zone, NAMES_ENDPOINT, before->info->key);
}

static void on_service(void *arg, const struct directory_service *service, bool is_removed)
{
	struct names *names = arg;
	struct err e = { 0 };

	if (is_removed)
		names_zone_drop(names->zone, NAMES_SERVICE, service->info->key);
	else
		note_failure(names, names_zone_set_service(names->zone, service, &e), &e);
}

static void on_node(void *arg, const struct directory_node *node, bool is_removed)
{
	struct names *names = arg;
	struct err e = { 0 };

	if (is_removed)
		names_zone_drop(names->zone, NAMES_NODE, node->info->agent_id);
	else
		note_failure(names, names_zone_set_node(names->zone, node, &e), &e);
}

static void on_settled(void *arg, uint64_t generation)
{
	struct names *names = arg;

	(void)generation;
	names->serial = (uint32_t)(clock_wall_ms() / 1000);
}

void names_set_master(struct names *names, const struct address *master)
{
	struct names_address address = names_host_of(master);
	struct err e = { 0 };

	if (address.family)
		note_failure(names, names_zone_set_master(names->zone, &address,
							  address_port(master), &e), &e);
}

/* ---- where it is asked ---- */

static int listen_at(void *arg, const char *text, struct err *e)
{
	struct names *names = arg;
	struct address address;
	struct err why = { 0 };
	int r = parse_server(text, &address, e);

	if (r < 0)
		return r;
	if (dns_server_listen(names->server, &address, &why) < 0)
		log_write_err(LOG_LEVEL_WARNING, &why, "names are not answered there");
	return 0;
}

static void allow(struct names *names, in_addr_t address, unsigned prefix)
{
	if (names->n_nets < NAMES_MAX_NETS)
		names->nets[names->n_nets++] = (struct names_net){ { address }, prefix };
}

int names_serve_bridge(struct names *names, const struct in_addr *address, unsigned prefix,
		       struct err *e)
{
	struct sockaddr_in ip4 = { .sin_family = AF_INET, .sin_addr = *address,
				   .sin_port = htons(DNS_PORT) };
	struct address at = { .size = sizeof(ip4) };
	int r;

	if (strcmp(names->agent->flags.dns_listen, none) == 0 ||
	    names->bridge.s_addr == address->s_addr)
		return 0;
	memcpy(&at.storage, &ip4, sizeof(ip4));
	r = dns_server_listen(names->server, &at, e);
	if (r < 0)
		return r;
	names->bridge = *address;
	allow(names, address->s_addr, prefix);
	return 0;
}

bool names_write_resolver(const struct names *names, FILE *to)
{
	char address[INET_ADDRSTRLEN], domain[DNS_NAME_TEXT_SIZE];

	if (names->bridge.s_addr == INADDR_ANY)
		return false;
	(void)inet_ntop(AF_INET, &names->bridge, address, sizeof(address));
	dns_name_format(names_zone_domain(names->zone), domain);
	domain[strlen(domain) - 1] = '\0';
	fprintf(to, "nameserver %s\nsearch marathon.%s %s\n", address, domain, domain);
	return true;
}

/* ---- the whole ---- */

static int make_below(const char *label, const struct dns_name *domain, struct dns_name *ret)
{
	struct dns_name first;

	(void)dns_name_parse(label, &first);
	return dns_name_join(&first, domain, 0, ret);
}

static int start(struct names *names, struct err *e)
{
	static const struct directory_listener listener = {
		.endpoint = on_endpoint, .service = on_service, .node = on_node,
		.settled = on_settled,
	};
	const struct agent_flags *flags = &names->agent->flags;
	const struct dns_name *domain;
	int r;

	names->found = calloc(NAMES_MAX_FOUND, sizeof(*names->found));
	if (!names->found)
		return err_set(e, ENOMEM, "answer names");
	r = names_zone_new(flags->dns_domain, &names->zone, e);
	if (r >= 0)
		r = directory_listen(names->agent->directory, &listener, names, e);
	if (r < 0)
		return r;
	domain = names_zone_domain(names->zone);
	if (make_below("ns1", domain, &names->own) < 0 ||
	    make_below("root", domain, &names->mailbox) < 0)
		return err_set(e, EINVAL, "use '--dns_domain=%s': it is too long",
			       flags->dns_domain);
	r = dns_server_new(names->agent->loop, names_answer, names, &names->server, e);
	return r < 0 || strcmp(flags->dns_listen, none) == 0 ?
		       r : each_text(flags->dns_listen, listen_at, names, e);
}

int names_new(struct agent *agent, struct names **ret, struct err *e)
{
	struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return err_set(e, ENOMEM, "answer names");
	names->agent = agent;
	names->ttl = (uint32_t)(agent->flags.dns_ttl / 1000);
	allow(names, htonl(INADDR_LOOPBACK), 8);
	r = start(names, e);
	if (r < 0) {
		names_free(names);
		return r;
	}
	*ret = names;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	dns_server_free(names->server);
	names_zone_free(names->zone);
	free(names->found);
	free(names);
}

const struct names_zone *names_zone(const struct names *names)
{
	return names->zone;
}
