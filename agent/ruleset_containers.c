#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/vip_label.h"

enum { MAX_PORTS = 1024, MAX_ALLOWED = 256 };

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP } };

/* ---- reading a record ---- */

static void free_container(struct ruleset_container *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_allowed; i++)
		free(c->allowed[i]);
	free(c->allowed);
	free(c->ports);
	free(c->targets);
	free(c->id);
	free(c);
}
DEFINE_AUTO(struct ruleset_container *, free_container);

/* "172.29.0.5/16" */
static void read_address(struct ruleset_container *c, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	int length = (int)strcspn(text, "/");

	if (length >= (int)sizeof(address))
		return;
	(void)snprintf(address, sizeof(address), "%.*s", length, text);
	if (inet_pton(AF_INET, address, &c->address) != 1)
		(void)inet_pton(AF_INET6, address, &c->address6);
}

static void read_addresses(struct ruleset_container *c, const Tepui__NetworkRecord *record)
{
	for (size_t i = 0; i < record->n_attachments; i++) {
		const Tepui__NetworkRecord__Attachment *at = record->attachments[i];

		/* Only those of the bridge have one. */
		if (!at->link)
			continue;
		(void)snprintf(c->link, sizeof(c->link), "%s", at->link);
		for (size_t j = 0; j < at->n_addresses; j++)
			read_address(c, at->addresses[j]);
	}
}

/* None, or "", is tcp; "tcp,udp" is both. */
static bool says(const char *text, const char *protocol)
{
	return !text || !*text ? strcmp(protocol, "tcp") == 0 : strstr(text, protocol) != NULL;
}

static int read_ports(struct ruleset_container *c, const Tepui__NetworkRecord *record, struct err *e)
{
	if (record->n_port_mappings > MAX_PORTS)
		return err_set(e, EINVAL, "map ports to container '%s': more than %d", c->id, MAX_PORTS);
	c->ports = calloc(2 * record->n_port_mappings + 1, sizeof(*c->ports));
	if (!c->ports)
		return err_set(e, ENOMEM, "map ports to container '%s'", c->id);
	for (size_t i = 0; i < record->n_port_mappings; i++) {
		const Mesos__V1__NetworkInfo__PortMapping *mapping = record->port_mappings[i];

		if (mapping->host_port < 1 || mapping->host_port > UINT16_MAX ||
		    mapping->container_port < 1 || mapping->container_port > UINT16_MAX)
			return err_set(e, EINVAL, "map port %u to port %u of container '%s': outside "
				       "1..%d", mapping->host_port, mapping->container_port, c->id,
				       UINT16_MAX);
		for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
			if (says(mapping->protocol, protocols[p].name))
				c->ports[c->n_ports++] = (struct ruleset_port){
					protocols[p].number, htons((uint16_t)mapping->host_port),
					htons((uint16_t)mapping->container_port),
				};
		}
	}
	return 0;
}

static int read_allowed(struct ruleset_container *c, const Tepui__NetworkRecord *record, struct err *e)
{
	c->is_restricted = record->is_restricted;
	if (record->n_allowed > MAX_ALLOWED)
		return err_set(e, EINVAL, "restrict container '%s': it names more than %d services",
			       c->id, MAX_ALLOWED);
	c->allowed = calloc(record->n_allowed + 1, sizeof(*c->allowed));
	for (size_t i = 0; c->allowed && i < record->n_allowed; i++) {
		c->allowed[i] = strdup(record->allowed[i]);
		if (!c->allowed[i])
			return err_set(e, ENOMEM, "restrict container '%s'", c->id);
		c->n_allowed++;
	}
	return c->allowed ? 0 : err_set(e, ENOMEM, "restrict container '%s'", c->id);
}

static bool has_port(const struct ruleset_container *c, const struct ruleset_port *port)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i].host == port->host && c->ports[i].protocol == port->protocol)
			return true;
	}
	return false;
}

/* One element of a key: two of them would make the whole transaction fail. */
static int check_ports(const struct ruleset *ruleset, const struct ruleset_container *c, struct err *e)
{
	for (const struct ruleset_container *other = ruleset->containers; other; other = other->hh.next) {
		if (other->is_removed || strcmp(other->id, c->id) == 0)
			continue;
		for (size_t i = 0; i < c->n_ports; i++) {
			if (has_port(other, &c->ports[i]))
				return err_set(e, EADDRINUSE, "map port %u to container '%s': "
					       "container '%s' has it", ntohs(c->ports[i].host), c->id,
					       other->id);
		}
	}
	for (size_t i = 1; i < c->n_ports; i++) {
		for (size_t j = 0; j < i; j++) {
			if (c->ports[i].host == c->ports[j].host &&
			    c->ports[i].protocol == c->ports[j].protocol)
				return err_set(e, EINVAL, "map port %u to container '%s': twice",
					       ntohs(c->ports[i].host), c->id);
		}
	}
	return 0;
}

static int read_record(const struct ruleset *ruleset, const Tepui__NetworkRecord *record,
		       struct ruleset_container **ret, struct err *e)
{
	AUTO(free_containerp) struct ruleset_container *c = calloc(1, sizeof(*c));
	int r;

	if (c)
		c->id = strdup(record->container_id);
	if (!c || !c->id)
		return err_set(e, ENOMEM, "map ports to container '%s'", record->container_id);
	read_addresses(c, record);
	r = read_ports(c, record, e);
	if (r >= 0)
		r = read_allowed(c, record, e);
	if (r >= 0)
		r = check_ports(ruleset, c, e);
	if (r >= 0)
		*ret = TAKE_PTR(c);
	return r;
}

/* ---- what is known ---- */

static struct ruleset_container *find(const struct ruleset *ruleset, const char *id)
{
	struct ruleset_container *c;

	HASH_FIND_STR(ruleset->containers, id, c);
	return c;
}

static void mark(struct ruleset *ruleset, struct ruleset_container *c)
{
	c->is_dirty = true;
	ruleset->has_dirty_containers = true;
}

static void remove_container(struct ruleset *ruleset, struct ruleset_container *c)
{
	HASH_DEL(ruleset->containers, c);
	free_container(c);
}

/* Its elements go first, so that the one that comes may be told apart from what was. */
int ruleset_set_container(struct ruleset *ruleset, const Tepui__NetworkRecord *record, struct err *e)
{
	struct ruleset_container *c = NULL, *before = find(ruleset, record->container_id);
	int r;

	/* What a container has of networks does not change: it is told again after a restart. */
	if (before && !before->is_removed)
		return 0;
	r = read_record(ruleset, record, &c, e);
	if (r < 0)
		return r;
	if (!ruleset->agent->flags.nftables && (c->n_ports > 0 || c->is_restricted)) {
		free_container(c);
		return err_set(e, ENOTSUP, "map ports to a container, or restrict it: this agent has "
			       "--no-nftables");
	}
	if (before)
		return err_set(e, EBUSY, "map ports to container '%s': it is being removed", c->id);
	HASH_ADD_KEYPTR(hh, ruleset->containers, c->id, strlen(c->id), c);
	if (!c->hh.tbl) {
		free_container(c);
		return err_set(e, ENOMEM, "map ports to container '%s'", record->container_id);
	}
	/* Datagrams that found nobody until now, and go on, are to find it. */
	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i].protocol == IPPROTO_UDP)
			ruleset_note_flow(ruleset, INADDR_ANY, c->ports[i].host, IPPROTO_UDP);
	}
	mark(ruleset, c);
	ruleset_wake(ruleset);
	return 0;
}

int ruleset_await_container(const struct ruleset *ruleset, const char *container_id, struct err *e)
{
	const struct ruleset_container *c = find(ruleset, container_id);

	if (!c || !c->is_restricted)
		return 1;
	if (c->is_in_force && !c->is_dirty && !ruleset->is_busy && !ruleset->is_whole)
		return 1;
	/* One failure may be of a worker that was killed. */
	if (ruleset->n_failures < 2)
		return 0;
	*e = ruleset->counts.failure;
	return err_wrap(e, "restrict container '%s'", container_id);
}

void ruleset_drop_container(struct ruleset *ruleset, const char *container_id)
{
	struct ruleset_container *c = find(ruleset, container_id);

	if (!c || c->is_removed)
		return;
	if (!ruleset->is_made) {
		remove_container(ruleset, c);
		return;
	}
	if (c->address)
		ruleset_note_flow(ruleset, c->address, 0, 0);
	c->is_removed = true;
	mark(ruleset, c);
	ruleset_wake(ruleset);
}

void ruleset_mark_restricted(struct ruleset *ruleset)
{
	for (struct ruleset_container *c = ruleset->containers; c; c = c->hh.next) {
		if (c->is_restricted && !c->is_removed)
			mark(ruleset, c);
	}
}

/* ---- what it may call ---- */

static int add_target(struct ruleset_container *c, const struct ruleset_target *target)
{
	struct ruleset_target *grown;

	for (size_t i = 0; i < c->n_targets; i++) {
		if (c->targets[i].address == target->address && c->targets[i].port == target->port &&
		    c->targets[i].protocol == target->protocol)
			return 0;
	}
	grown = realloc(c->targets, (c->n_targets + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->targets = grown;
	c->targets[c->n_targets++] = *target;
	return 0;
}

/* The address of the service NAME:PORT, if there is one. */
static bool find_named(const struct ruleset *ruleset, const struct vip_label *vip,
		       const char *protocol, in_addr_t *ret)
{
	char key[VIP_HOST_SIZE + sizeof(":65535/tcp")];
	const struct directory_service *service;

	(void)snprintf(key, sizeof(key), "%s:%u/%s", vip->host, vip->port, protocol);
	service = directory_service_find(ruleset->agent->directory, key);
	return service && service->info->address &&
	       inet_pton(AF_INET, service->info->address, ret) == 1;
}

/* Of a service by name, or of anything that has an address.  What means nothing (yet) is not allowed. */
static int resolve_one(const struct ruleset *ruleset, struct ruleset_container *c, const char *text)
{
	struct err ignored = { 0 };
	struct vip_label vip;
	int r = 0;

	if (vip_read(text, &vip, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(protocols) && r >= 0; i++) {
		struct ruleset_target target = {
			.address = vip.address, .port = htons(vip.port),
			.protocol = protocols[i].number,
		};

		if (vip.address || find_named(ruleset, &vip, protocols[i].name, &target.address))
			r = add_target(c, &target);
	}
	return r;
}

static int resolve(const struct ruleset *ruleset, struct ruleset_container *c, struct err *e)
{
	int r = 0;

	c->n_targets = 0;
	for (size_t i = 0; i < c->n_allowed && r >= 0; i++)
		r = resolve_one(ruleset, c, c->allowed[i]);
	return r < 0 ? err_set(e, ENOMEM, "restrict container '%s'", c->id) : 0;
}

/* ---- elements ---- */

static void put_text(struct ruleset_elements *elements, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put_text(struct ruleset_elements *elements, const char *fmt, ...)
{
	va_list ap;

	ruleset_next_element(elements);
	va_start(ap, fmt);
	(void)vfprintf(elements->out, fmt, ap);
	va_end(ap);
}

static void put_ports(struct ruleset_elements *elements, const struct ruleset_container *c,
		      const char *address)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		put_text(elements, "%s . %u", ruleset_protocol_name(c->ports[i].protocol),
			 ntohs(c->ports[i].host));
		if (*elements->verb == 'a')
			fprintf(elements->out, " : %s . %u", address, ntohs(c->ports[i].container));
	}
}

static void put_hairpin(struct ruleset_elements *elements, const struct ruleset_container *c,
			const char *address)
{
	(void)c;
	put_text(elements, "%s . %s", address, address);
}

static void put_restricted(struct ruleset_elements *elements, const struct ruleset_container *c,
			   const char *address)
{
	if (c->is_restricted)
		put_text(elements, "%s", address);
}

static void put_allowed(struct ruleset_elements *elements, const struct ruleset_container *c,
			const char *address)
{
	char target[INET_ADDRSTRLEN];

	for (size_t i = 0; i < c->n_targets; i++)
		put_text(elements, "%s . %s . %s . %u", address,
			 inet_ntop(AF_INET, &c->targets[i].address, target, sizeof(target)),
			 ruleset_protocol_name(c->targets[i].protocol), ntohs(c->targets[i].port));
}

static const struct {
	const char *table, *set;
	int family;
	void (*put)(struct ruleset_elements *elements, const struct ruleset_container *c,
		    const char *address);
} statements[] = {
	{ "ip", "ports", AF_INET, put_ports },
	{ "ip", "hairpin", AF_INET, put_hairpin },
	{ "ip", "restricted", AF_INET, put_restricted },
	{ "ip", "allowed", AF_INET, put_allowed },
	{ "ip6", "ports", AF_INET6, put_ports },
	{ "ip6", "hairpin", AF_INET6, put_hairpin },
	{ "ip6", "restricted", AF_INET6, put_restricted },
	{ "bridge", "restricted", AF_PACKET, put_restricted },
};

/* To the bridge it is known by its link.  False: it has none of FAMILY, or there is no table of it. */
static bool format_address(const struct ruleset *ruleset, const struct ruleset_container *c,
			   int family, char ret[INET6_ADDRSTRLEN])
{
	if (family == AF_PACKET)
		return *c->link && snprintf(ret, INET6_ADDRSTRLEN, "\"%s\"", c->link) > 0;
	if (family == AF_INET)
		return c->address && inet_ntop(AF_INET, &c->address, ret, INET6_ADDRSTRLEN);
	return ruleset->bridge.address6.family && !IN6_IS_ADDR_UNSPECIFIED(&c->address6) &&
	       inet_ntop(AF_INET6, &c->address6, ret, INET6_ADDRSTRLEN);
}

static void write_statements(const struct ruleset *ruleset, const char *verb, FILE *out)
{
	bool is_addition = *verb == 'a';

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		struct ruleset_elements elements = { out, verb, statements[i].table,
						     statements[i].set, false };

		for (const struct ruleset_container *c = ruleset->containers; c; c = c->hh.next) {
			char address[INET6_ADDRSTRLEN];

			if (c->is_dirty && (is_addition ? !c->is_removed : c->is_in_force) &&
			    format_address(ruleset, c, statements[i].family, address))
				statements[i].put(&elements, c, address);
		}
		ruleset_end_elements(&elements);
	}
}

int ruleset_write_containers(struct ruleset *ruleset, bool is_whole, FILE *out, struct err *e)
{
	struct ruleset_container *c, *next;
	int r = 0;

	/* Their sets are of the tables that the bridge brings. */
	if (!*ruleset->bridge.name)
		return 0;
	for (c = ruleset->containers; c && is_whole; c = c->hh.next) {
		c->is_dirty = true;
		c->is_in_force = false;
	}
	write_statements(ruleset, "delete", out);
	for (c = ruleset->containers; c && r >= 0; c = c->hh.next)
		r = c->is_dirty ? resolve(ruleset, c, e) : 0;
	write_statements(ruleset, "add", out);
	HASH_ITER(hh, ruleset->containers, c, next) {
		c->is_in_force |= c->is_dirty;
		c->is_dirty = false;
		if (c->is_removed)
			remove_container(ruleset, c);
	}
	ruleset->has_dirty_containers = false;
	return r;
}

void ruleset_free_containers(struct ruleset *ruleset)
{
	struct ruleset_container *c, *next;

	HASH_ITER(hh, ruleset->containers, c, next)
		remove_container(ruleset, c);
}
