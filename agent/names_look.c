#include "agent/names_look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/directory.h"
#include "agent/names_label.h"
#include "lib/texts.h"

/* How a name is asked: "_PORT._TASK._PROTOCOL.FRAMEWORK.slave.DOMAIN" and what of it may be left out. */
struct form {
	const char *port;		/* NULL: any */
	const char *protocol;		/* NULL: it is no service */
	bool is_node;
	bool is_between;		/* there is nothing but names below it */
	const struct names_name *name;	/* "TASK.FRAMEWORK.DOMAIN" */
	char port_text[NAMES_LABEL_SIZE];
};

/* ---- addresses ---- */

static bool is_loopback(const struct names_address *address)
{
	return address->family == AF_INET ? ntohl(address->v4.s_addr) >> 24 == IN_LOOPBACKNET :
					    IN6_IS_ADDR_LOOPBACK(&address->v6);
}

/* One address into RET, as whoever asks AT can use it; how many that made. */
static size_t put_address(const char *text, const struct names_address *at,
			  struct names_address *ret, size_t max)
{
	if (max == 0 || names_address_parse(text, ret) < 0)
		return 0;
	if (at->family && !is_loopback(at) && is_loopback(ret))
		*ret = *at;
	return 1;
}

/*
 * Is it reached at addresses of its own?  From another node only if nothing of it is mapped there: then its
 * network leads to it from everywhere.
 */
static bool has_own_address(const struct directory_endpoint *endpoint)
{
	if (endpoint->info->n_addresses == 0 || endpoint->is_here)
		return endpoint->info->n_addresses > 0;
	for (size_t i = 0; i < endpoint->info->n_ports; i++)
		if (endpoint->info->ports[i]->host_port)
			return false;
	return true;
}

static size_t entry_addresses(const struct names_entry *entry, bool is_node,
			      const struct names_address *at, struct names_address *ret, size_t max)
{
	const struct directory_endpoint *endpoint;
	size_t n = 0;

	switch (entry->kind) {
	case NAMES_ENDPOINT:
		endpoint = entry->endpoint;
		if (is_node || !has_own_address(endpoint))
			return endpoint->node ? put_address(endpoint->node->info->address, at, ret,
							    max) : 0;
		for (size_t i = 0; i < endpoint->info->n_addresses; i++)
			n += put_address(endpoint->info->addresses[i], at, ret + n, max - n);
		return n;
	case NAMES_SERVICE:
		return is_node ? 0 : put_address(entry->service->info->address, at, ret, max);
	case NAMES_NODE:
		return is_node ? 0 : put_address(entry->node->info->address, at, ret, max);
	case NAMES_MASTER:
	case NAMES_SERVER:
		if (is_node || max == 0)
			return 0;
		*ret = entry->fixed.address;
		if (!ret->family || (at->family && !is_loopback(at) && is_loopback(ret)))
			*ret = *at;
		return ret->family != 0;
	}
	return 0;
}

size_t names_target_addresses(const struct names_found *found, const struct names_address *at,
			      struct names_address *ret, size_t max)
{
	return entry_addresses(found->target.entry, found->target.is_node, at, ret, max);
}

int names_target_name(const struct names_zone *zone, const struct names_found *found,
		      struct dns_name *ret)
{
	const struct dns_name *domain = names_zone_domain(zone);
	const struct dns_name *name = &found->target.entry->members[0].name->text;
	struct dns_name slave, whole = { .size = 0 }, prefix;

	whole.size = name->size;
	memcpy(whole.wire, name->wire, name->size);
	if (!found->target.is_node) {
		*ret = whole;
		return 0;
	}
	prefix = whole;
	prefix.size = (uint8_t)(dns_name_split(&whole, domain) + 1);
	(void)dns_name_parse("slave", &slave);
	if (dns_name_join(&prefix, &slave, 0, &whole) < 0)
		return -ENAMETOOLONG;
	return dns_name_join(&whole, domain, 0, ret);
}

/* ---- what is found ---- */

static bool put_found(struct names_finding *finding, const struct names_found *found)
{
	if (finding->n == NAMES_MAX_FOUND)
		return false;
	finding->found[finding->n++] = *found;
	return true;
}

/* Those that serve; while none does, those that run. */
static bool is_chosen(const struct names_entry *entry, bool does_one_serve)
{
	return entry->kind != NAMES_ENDPOINT || !does_one_serve ||
	       entry->endpoint->info->state == TEPUI__ENDPOINT__STATE__SERVING;
}

static bool does_one_serve(const struct names_name *name)
{
	const struct names_member *member;

	TAILQ_FOREACH(member, &name->members, link)
		if (member->entry->kind == NAMES_ENDPOINT &&
		    member->entry->endpoint->info->state == TEPUI__ENDPOINT__STATE__SERVING)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct names_found));
}

/* Tasks on one node have one address. */
static void drop_twins(struct names_finding *finding)
{
	size_t n = 0;

	qsort(finding->found, finding->n, sizeof(finding->found[0]), compare);
	for (size_t i = 0; i < finding->n; i++)
		if (n == 0 || compare(&finding->found[i], &finding->found[n - 1]) != 0)
			finding->found[n++] = finding->found[i];
	finding->n = n;
}

static void find_addresses(const struct form *form, uint16_t type, const struct names_address *at,
			   struct names_finding *ret)
{
	bool serves = does_one_serve(form->name);
	const struct names_member *member;

	TAILQ_FOREACH(member, &form->name->members, link) {
		struct names_address addresses[DIRECTORY_MAX_ADDRESSES];
		size_t n = !is_chosen(member->entry, serves) ? 0 :
			   entry_addresses(member->entry, form->is_node, at, addresses,
					   DIRECTORY_MAX_ADDRESSES);

		for (size_t i = 0; i < n; i++) {
			struct names_found found;

			/* Compared as bytes. */
			memset(&found, 0, sizeof(found));
			found.type = addresses[i].family == AF_INET ? DNS_A : DNS_AAAA;
			found.address.family = addresses[i].family;
			if (found.type == DNS_A)
				found.address.v4 = addresses[i].v4;
			else
				found.address.v6 = addresses[i].v6;
			if (type == DNS_ANY || type == (uint16_t)found.type)
				(void)put_found(ret, &found);
		}
	}
	drop_twins(ret);
}

uint16_t names_port_number(const struct directory_endpoint *endpoint, const Tepui__EndpointPort *port,
			   bool is_node)
{
	bool is_own = !is_node && has_own_address(endpoint);

	/* Checked by the directory. */
	return (uint16_t)(is_own ? port->container_port : port->host_port);
}

static bool is_port_asked(const struct form *form, const Tepui__EndpointPort *port)
{
	char label[NAMES_LABEL_SIZE];

	if (!texts_equal(port->protocol, form->protocol))
		return false;
	if (!form->port)
		return true;
	names_label(port->name ? port->name : "", label);
	return texts_equal(label, form->port);
}

static void put_port(const struct form *form, const struct names_entry *entry, uint32_t port,
		     struct names_finding *ret)
{
	struct names_found found;

	if (port == 0)
		return;
	memset(&found, 0, sizeof(found));
	found.type = DNS_SRV;
	found.target.entry = entry;
	found.target.port = (uint16_t)port;
	found.target.is_node = form->is_node;
	(void)put_found(ret, &found);
}

static void find_ports_of(const struct form *form, const struct names_entry *entry,
			  struct names_finding *ret)
{
	const struct directory_endpoint *endpoint = entry->endpoint;

	if (entry->kind == NAMES_ENDPOINT) {
		for (size_t i = 0; i < endpoint->info->n_ports; i++)
			if (is_port_asked(form, endpoint->info->ports[i]))
				put_port(form, entry,
					 names_port_number(endpoint, endpoint->info->ports[i],
							   form->is_node), ret);
	} else if (!form->port && !form->is_node) {
		if (entry->kind == NAMES_SERVICE &&
		    texts_equal(entry->service->info->protocol, form->protocol))
			put_port(form, entry, entry->service->info->port, ret);
		else if (entry->kind == NAMES_MASTER)
			put_port(form, entry, entry->fixed.port, ret);
		else if (entry->kind == NAMES_NODE && texts_equal(form->protocol, "tcp"))
			put_port(form, entry, entry->node->info->port, ret);
	}
}

static void find_ports(const struct form *form, struct names_finding *ret)
{
	bool serves = does_one_serve(form->name);
	const struct names_member *member;

	TAILQ_FOREACH(member, &form->name->members, link)
		if (is_chosen(member->entry, serves))
			find_ports_of(form, member->entry, ret);
	drop_twins(ret);
}

/* ---- forms ---- */

/* The label at AT without its '_'; false: it has none. */
static bool take_underscored(const struct dns_name *name, size_t at, char ret[NAMES_LABEL_SIZE])
{
	size_t size = name->wire[at];

	if (size < 2 || name->wire[at + 1] != '_')
		return false;
	memcpy(ret, name->wire + at + 2, size - 1);
	ret[size - 1] = '\0';
	return !memchr(ret, '\0', size - 1);
}

static const char *protocol_of(const char *label)
{
	return texts_equal(label, "tcp") ? "tcp" : texts_equal(label, "udp") ? "udp" : NULL;
}

/* "slave" right before the domain is no part of what is found there, unless it is a node's own name. */
static void take_slave(const struct names_zone *zone, struct dns_name *name, struct form *form)
{
	static const uint8_t slave[] = "\5slave";
	const struct names_name *own = names_zone_find(zone, name);
	size_t end = (size_t)dns_name_split(name, names_zone_domain(zone)), at = 0, last = 0;

	if (own && !TAILQ_EMPTY(&own->members))
		return;
	for (; at < end; at += 1u + name->wire[at])
		last = at;
	if (last == 0 || memcmp(name->wire + last, slave, sizeof(slave) - 1) != 0)
		return;
	form->is_node = true;
	memmove(name->wire + last, name->wire + end, name->size - end);
	name->size -= (uint8_t)(end - last);
}

/*
 * Take the labels with '_' off NAME and find what is left: "_PORT._TASK._tcp.REST" is about "TASK.REST",
 * "_framework._tcp.REST" about REST.  False: that is no form.
 */
static bool take_service(const struct names_zone *zone, struct dns_name *name, struct form *form)
{
	static const struct dns_name root = { .size = 1 };
	char labels[3][NAMES_LABEL_SIZE];
	struct dns_name rest, task;
	size_t n = 0, at = 0;

	while (n < 3 && !form->protocol && take_underscored(name, at, labels[n])) {
		form->protocol = protocol_of(labels[n++]);
		at += 1u + name->wire[at];
	}
	if (n > 0 && !form->protocol)
		return false;
	(void)dns_name_join(&root, name, at, &rest);
	if (n >= 2 && !texts_equal(labels[n - 2], "framework")) {
		if (dns_name_parse(labels[n - 2], &task) < 0 ||
		    dns_name_join(&task, &rest, 0, name) < 0)
			return false;
		rest = *name;
	}
	if (n == 3) {
		memcpy(form->port_text, labels[0], sizeof(labels[0]));
		form->port = form->port_text;
	}
	form->name = names_zone_find(zone, &rest);
	if (n != 1)
		return form->name != NULL;
	/* "_tcp.REST" is there by what is below it. */
	form->is_between = true;
	return rest.size == names_zone_domain(zone)->size || (form->name && form->name->n_below > 0);
}

static enum names_verdict look_inside(const struct names_zone *zone, struct dns_name *name,
				      uint16_t type, const struct names_address *at,
				      struct names_finding *ret)
{
	struct form form = { .port = NULL };
	size_t n;

	take_slave(zone, name, &form);
	if (!take_service(zone, name, &form))
		return NAMES_NONE;
	if (form.is_between)
		return NAMES_SOME;
	if (!form.protocol) {
		find_addresses(&form, type, at, ret);
		return NAMES_SOME;
	}
	find_ports(&form, ret);
	n = ret->n;
	if (type != DNS_SRV && type != DNS_ANY)
		ret->n = 0;
	return n > 0 ? NAMES_SOME : NAMES_NONE;
}

static enum names_verdict look_back(const struct names_zone *zone, const struct dns_name *name,
				    uint16_t type, struct names_finding *ret)
{
	const struct names_name *found = names_zone_find(zone, name);
	const struct names_member *member;

	if (!found)
		return NAMES_FOREIGN;
	TAILQ_FOREACH(member, &found->members, link) {
		struct names_found record = { .type = DNS_PTR, .target = { .entry = member->entry } };

		if (type == DNS_PTR || type == DNS_ANY)
			(void)put_found(ret, &record);
	}
	return NAMES_SOME;
}

enum names_verdict names_look(const struct names_zone *zone, const struct dns_name *name,
			      uint16_t type, const struct names_address *at,
			      struct names_finding *ret)
{
	const struct dns_name *domain = names_zone_domain(zone);
	struct dns_name own = *name;
	int split = dns_name_split(name, domain);

	ret->n = 0;
	dns_name_lower(&own);
	if (split < 0)
		return look_back(zone, &own, type, ret);
	return split == 0 ? NAMES_SOME : look_inside(zone, &own, type, at, ret);
}
