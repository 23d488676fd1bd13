#include "agent/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/names_parts.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/log.h"

enum { MAX_RESOLVER = 64 << 10 };

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

static int listen_all(struct names *names, struct err *e)
{
	struct names_addresses all;
	int r = names_addresses_parse(names->agent->flags.dns_listen, &all, e);

	if (r < 0)
		return r;
	names->is_on = all.n > 0;
	for (size_t i = 0; i < all.n; i++) {
		struct err why = { 0 };

		if (dns_server_listen(names->server, &all.of[i], &why) < 0)
			log_write_err(LOG_LEVEL_WARNING, &why, "names are not answered there (see --dns_listen)");
	}
	return 0;
}

/* Do we answer at UPSTREAM: there, or at all addresses of the node, of which it is one? */
static bool is_ourselves(const struct names *names, const struct address *upstream)
{
	struct sockaddr_in everywhere = { .sin_family = AF_INET,
					  .sin_port = htons(address_port(upstream)) };
	char host[ADDRESS_HOST_SIZE], text[ADDRESS_TEXT_SIZE];
	struct address all = { .size = sizeof(everywhere) };

	if (dns_server_is_at(names->server, upstream))
		return true;
	memcpy(&all.storage, &everywhere, sizeof(everywhere));
	address_format(upstream, text);
	return dns_server_is_at(names->server, &all) &&
	       address_local_host(upstream, host) >= 0 &&
	       strncmp(text, host, strlen(host)) == 0 && text[strlen(host)] == ':';
}

/* Often a link to what systemd-resolved or a DHCP client has written. */
static int read_resolver(struct names_addresses *ret, struct err *e)
{
	static const char path[] = "/etc/resolv.conf";
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	AUTO_FREE char *text = NULL;
	size_t size;
	int r;

	ret->n = 0;
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	r = file_in_read_fd(fd, path, MAX_RESOLVER, &text, &size, e);
	if (r >= 0)
		names_addresses_resolver(text, ret);
	return r;
}

/* Those that the host asks, unless others are named; without any, names of others are not answered. */
static int find_upstreams(struct names *names, struct err *e)
{
	const char *flag = names->agent->flags.dns_upstreams;
	struct names_addresses all;
	struct err why = { 0 };

	if (flag && names_addresses_parse(flag, &all, e) < 0)
		return -e->code;
	if (!flag && read_resolver(&all, &why) < 0)
		log_write_err(LOG_LEVEL_WARNING, &why, "no other servers of names are known");
	for (size_t i = 0; i < all.n; i++)
		if (!is_ourselves(names, &all.of[i]))
			names->upstreams[names->n_upstreams++] = all.of[i];
	return dns_forwarder_new(names->agent->loop, names->upstreams, names->n_upstreams,
				 names->agent->flags.dns_cache_size, &names->forwarder, e);
}

int names_serve_bridge(struct names *names, const struct ip_prefix *address, struct err *e)
{
	struct sockaddr_in ip4 = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct address at = { .size = sizeof(ip4) };
	int r;

	if (!names->is_on || names->bridge.family || address->family != AF_INET)
		return 0;
	memcpy(&ip4.sin_addr, address->bytes, sizeof(ip4.sin_addr));
	memcpy(&at.storage, &ip4, sizeof(ip4));
	/* Where all addresses are listened at, this one is. */
	if (!is_ourselves(names, &at)) {
		r = dns_server_listen(names->server, &at, e);
		if (r < 0)
			return r;
	}
	names->bridge = *address;
	return 0;
}

bool names_write_resolver(const struct names *names, FILE *to)
{
	char address[IP_PREFIX_TEXT_SIZE], domain[DNS_NAME_TEXT_SIZE];

	if (!names->bridge.family)
		return false;
	dns_name_format(names_zone_domain(names->zone), domain);
	domain[strlen(domain) - 1] = '\0';
	fprintf(to, "nameserver %s\nsearch marathon.%s %s\n",
		ip_prefix_format_host(&names->bridge, address), domain, domain);
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
	if (r >= 0)
		r = listen_all(names, e);
	return r < 0 ? r : find_upstreams(names, e);
}

int names_new(struct agent *agent, struct names **ret, struct err *e)
{
	struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return err_set(e, ENOMEM, "answer names");
	names->agent = agent;
	names->ttl = (uint32_t)(agent->flags.dns_ttl / 1000);
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
	dns_forwarder_free(names->forwarder);
	dns_server_free(names->server);
	names_zone_free(names->zone);
	free(names->found);
	free(names);
}

const struct names_zone *names_zone(const struct names *names)
{
	return names->zone;
}
