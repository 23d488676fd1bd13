#include "agent/names_zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/directory.h"
#include "agent/names_label.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* What names a thing may have: its own, and those of its addresses. */
enum { MAX_MEMBERS = 2 + DIRECTORY_MAX_ADDRESSES };

struct names_zone {
	struct dns_name domain;
	struct names_name *names;	/* by text */
	struct names_entry *entries;	/* by key */
};

/* To be an entry's. */
struct name_list {
	struct dns_name names[MAX_MEMBERS];
	size_t n;
};

int names_address_parse(const char *text, struct names_address *ret)
{
	struct names_address address = { .family = AF_INET };

	if (text && inet_pton(AF_INET, text, &address.v4) != 1) {
		address.family = AF_INET6;
		if (inet_pton(AF_INET6, text, &address.v6) != 1)
			return -EINVAL;
	}
	if (text)
		*ret = address;
	return text ? 0 : -EINVAL;
}

/* ---- names ---- */

const struct names_name *names_zone_find(const struct names_zone *zone, const struct dns_name *name)
{
	struct names_name *found;

	HASH_FIND(hh, zone->names, name->wire, name->size, found);
	return found;
}

static void release_name(struct names_zone *zone, struct names_name *name)
{
	while (name && name->n_below == 0 && TAILQ_EMPTY(&name->members)) {
		struct names_name *parent = name->parent;

		HASH_DEL(zone->names, name);
		free(name);
		if (parent)
			parent->n_below--;
		name = parent;
	}
}

static struct names_name *add_name(struct names_zone *zone, const struct dns_name *text)
{
	size_t size = offsetof(struct names_name, text.wire) + text->size;
	struct names_name *name = calloc(1, size > sizeof(*name) ? size : sizeof(*name));

	if (!name)
		return NULL;
	TAILQ_INIT(&name->members);
	name->text.size = text->size;
	memcpy(name->text.wire, text->wire, text->size);
	HASH_ADD_KEYPTR(hh, zone->names, name->text.wire, name->text.size, name);
	if (!name->hh.tbl) {
		free(name);
		return NULL;
	}
	return name;
}

/* Is there a name between TEXT, which is in the domain, and the domain? */
static bool has_parent(const struct names_zone *zone, const struct dns_name *text)
{
	return dns_name_split(text, &zone->domain) > 0 &&
	       text->size - text->wire[0] - 1 > zone->domain.size;
}

/* TEXT, and the names between it and the domain, which exist by that. */
static struct names_name *get_name(struct names_zone *zone, const struct dns_name *text)
{
	static const struct dns_name root = { .size = 1 };
	struct names_name *name;
	struct dns_name rest;

	HASH_FIND(hh, zone->names, text->wire, text->size, name);
	if (name)
		return name;
	name = add_name(zone, text);
	if (!name || !has_parent(zone, text))
		return name;
	(void)dns_name_join(&root, text, text->wire[0] + 1u, &rest);
	name->parent = get_name(zone, &rest);
	if (!name->parent) {
		release_name(zone, name);
		return NULL;
	}
	name->parent->n_below++;
	return name;
}

/* ---- entries ---- */

static void entry_free(struct names_zone *zone, struct names_entry *entry)
{
	for (size_t i = 0; i < entry->n_members; i++) {
		struct names_member *member = &entry->members[i];

		TAILQ_REMOVE(&member->name->members, member, link);
		release_name(zone, member->name);
	}
	if (entry->hh.tbl)
		HASH_DEL(zone->entries, entry);
	free(entry->key);
	free(entry);
}

static struct names_entry *find_entry(const struct names_zone *zone, enum names_kind kind,
				      const char *key, char **ret_key)
{
	struct names_entry *entry = NULL;

	if (asprintf(ret_key, "%c%s", 'a' + kind, key) < 0)
		*ret_key = NULL;
	else
		HASH_FIND_STR(zone->entries, *ret_key, entry);
	return entry;
}

void names_zone_drop(struct names_zone *zone, enum names_kind kind, const char *key)
{
	AUTO_FREE char *own_key = NULL;
	struct names_entry *entry = find_entry(zone, kind, key, &own_key);

	if (entry)
		entry_free(zone, entry);
}

static int add_entry(struct names_zone *zone, enum names_kind kind, const char *key,
		     const struct name_list *list, struct names_entry **ret)
{
	AUTO_FREE char *own_key = NULL;
	struct names_entry *entry = find_entry(zone, kind, key, &own_key);

	if (entry)
		entry_free(zone, entry);
	entry = calloc(1, sizeof(*entry) + list->n * sizeof(entry->members[0]));
	if (!entry || !own_key) {
		free(entry);
		return -ENOMEM;
	}
	entry->kind = kind;
	entry->key = TAKE_PTR(own_key);
	HASH_ADD_KEYPTR(hh, zone->entries, entry->key, strlen(entry->key), entry);
	for (size_t i = 0; i < list->n && entry->hh.tbl; i++) {
		struct names_name *name = get_name(zone, &list->names[i]);

		if (!name)
			break;
		entry->members[i] = (struct names_member){ .entry = entry, .name = name };
		TAILQ_INSERT_TAIL(&name->members, &entry->members[i], link);
		entry->n_members++;
	}
	if (entry->n_members < list->n) {
		entry_free(zone, entry);
		return -ENOMEM;
	}
	*ret = entry;
	return 0;
}

/* ---- what has which names ---- */

/* "LABEL.BELOW.DOMAIN" without the empty ones.  False: it would be too long. */
static bool put_name(const struct names_zone *zone, struct name_list *list, const char *label,
		     const struct dns_name *below)
{
	struct dns_name *name = &list->names[list->n], first, rest;

	if (list->n == MAX_MEMBERS || dns_name_parse(label, &first) < 0 ||
	    dns_name_join(below, &zone->domain, 0, &rest) < 0 ||
	    dns_name_join(&first, &rest, 0, name) < 0)
		return false;
	list->n++;
	return true;
}

static void put_reverse(struct name_list *list, const char *text)
{
	struct names_address address;

	if (list->n < MAX_MEMBERS && names_address_parse(text, &address) >= 0)
		dns_name_reverse(address.family, &address.v4, &list->names[list->n++]);
}

/* Whose process there may be. */
static bool runs(const Tepui__Endpoint *info)
{
	return info->state == TEPUI__ENDPOINT__STATE__SERVING ||
	       info->state == TEPUI__ENDPOINT__STATE__STARTING ||
	       info->state == TEPUI__ENDPOINT__STATE__UNHEALTHY ||
	       info->state == TEPUI__ENDPOINT__STATE__DRAINING;
}

int names_zone_set_endpoint(struct names_zone *zone, const struct directory_endpoint *endpoint,
			    struct err *e)
{
	const Tepui__Endpoint *info = endpoint->info;
	char task[NAMES_LABEL_SIZE], instance[NAMES_LABEL_SIZE];
	struct name_list list = { .n = 0 };
	struct dns_name framework;
	struct names_entry *entry;

	names_zone_drop(zone, NAMES_ENDPOINT, info->key);
	if (!runs(info) || !info->name || !info->task_id || !info->agent_id || !info->framework ||
	    names_labels(info->framework, &framework) < 0)
		return 0;
	names_label(info->name, task);
	names_label_instance(task, info->task_id, info->agent_id, instance);
	if (!*task || !put_name(zone, &list, instance, &framework) ||
	    !put_name(zone, &list, task, &framework))
		return 0;
	for (size_t i = 0; i < info->n_addresses; i++)
		put_reverse(&list, info->addresses[i]);
	if (add_entry(zone, NAMES_ENDPOINT, info->key, &list, &entry) < 0)
		return err_set(e, ENOMEM, "name endpoint '%s'", info->key);
	entry->endpoint = endpoint;
	return 0;
}

/* "NAME.FRAMEWORK.l4lb.DOMAIN", as DC/OS has it, and "NAME.l4lb.DOMAIN". */
static void put_service_names(const struct names_zone *zone, struct name_list *list,
			      const Tepui__Service *info)
{
	struct dns_name name, framework, balanced, below;
	char text[DNS_NAME_TEXT_SIZE];

	if (!info->name || names_labels(info->name, &name) < 0)
		return;
	dns_name_format(&name, text);
	(void)dns_name_parse("l4lb", &balanced);
	if (info->framework && names_labels(info->framework, &framework) >= 0 &&
	    dns_name_join(&framework, &balanced, 0, &below) >= 0)
		(void)put_name(zone, list, text, &below);
	(void)put_name(zone, list, text, &balanced);
}

int names_zone_set_service(struct names_zone *zone, const struct directory_service *service,
			   struct err *e)
{
	const Tepui__Service *info = service->info;
	struct name_list list = { .n = 0 };
	struct names_entry *entry;

	names_zone_drop(zone, NAMES_SERVICE, info->key);
	put_service_names(zone, &list, info);
	if (list.n == 0)
		return 0;
	put_reverse(&list, info->address);
	if (add_entry(zone, NAMES_SERVICE, info->key, &list, &entry) < 0)
		return err_set(e, ENOMEM, "name service '%s'", info->key);
	entry->service = service;
	return 0;
}

int names_zone_set_node(struct names_zone *zone, const struct directory_node *node, struct err *e)
{
	const Tepui__DirectoryNode *info = node->info;
	static const struct dns_name root = { .size = 1 };
	const char *tail = strrchr(info->agent_id, '-');
	struct name_list list = { .n = 0 };
	char label[NAMES_LABEL_SIZE];
	struct names_entry *entry;
	struct dns_name slave;

	names_zone_drop(zone, NAMES_NODE, info->agent_id);
	names_label(tail ? tail : info->agent_id, label);
	(void)dns_name_parse("slave", &slave);
	if (*label)
		(void)put_name(zone, &list, label, &slave);
	(void)put_name(zone, &list, "slave", &root);
	put_reverse(&list, info->address);
	if (add_entry(zone, NAMES_NODE, info->agent_id, &list, &entry) < 0)
		return err_set(e, ENOMEM, "name node '%s'", info->agent_id);
	entry->node = node;
	return 0;
}

static int set_fixed(struct names_zone *zone, enum names_kind kind, const char *const *labels,
		     size_t n, struct names_entry **ret, struct err *e)
{
	static const struct dns_name root = { .size = 1 };
	struct name_list list = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		(void)put_name(zone, &list, labels[i], &root);
	return add_entry(zone, kind, "", &list, ret) < 0 ?
		       err_set(e, ENOMEM, "name '%s'", labels[0]) : 0;
}

int names_zone_set_master(struct names_zone *zone, const struct names_address *address, uint16_t port,
			  struct err *e)
{
	static const char *const labels[] = { "leader", "master", "master0", "marathon" };
	struct names_entry *entry;
	int r = set_fixed(zone, NAMES_MASTER, labels, ARRAY_SIZE(labels), &entry, e);

	if (r < 0)
		return r;
	entry->fixed.address = *address;
	entry->fixed.port = port;
	return 0;
}

/* ---- the zone ---- */

const struct dns_name *names_zone_domain(const struct names_zone *zone)
{
	return &zone->domain;
}

const struct names_entry *names_zone_next(const struct names_zone *zone,
					  const struct names_entry *previous)
{
	return previous ? previous->hh.next : zone->entries;
}

int names_zone_new(const char *domain, struct names_zone **ret, struct err *e)
{
	static const char *const labels[] = { "ns1" };
	struct names_zone *zone = calloc(1, sizeof(*zone));
	struct names_entry *entry;
	int r;

	if (!zone)
		return err_set(e, ENOMEM, "name what there is");
	r = dns_name_parse(domain, &zone->domain);
	if (r < 0 || zone->domain.size == 1)
		r = err_set(e, EINVAL, "use domain '%s': it is no name", domain);
	dns_name_lower(&zone->domain);
	if (r >= 0)
		r = set_fixed(zone, NAMES_SERVER, labels, ARRAY_SIZE(labels), &entry, e);
	if (r < 0) {
		free(zone);
		return r;
	}
	*ret = zone;
	return 0;
}

void names_zone_free(struct names_zone *zone)
{
	struct names_entry *entry, *next;

	if (!zone)
		return;
	HASH_ITER(hh, zone->entries, entry, next)
		entry_free(zone, entry);
	free(zone);
}
