/* The tree of roles, and the clients in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/allocator_parts.h"

enum { BITS = 64, MIN_CLIENTS = 16 };

/* ---- sets ---- */

int client_set_add(struct client_set *set, uint32_t id)
{
	size_t n = id / BITS + 1;

	if (n > set->n) {
		uint64_t *grown = reallocarray(set->words, n, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + set->n, 0, (n - set->n) * sizeof(*grown));
		set->words = grown;
		set->n = n;
	}
	set->words[id / BITS] |= UINT64_C(1) << id % BITS;
	return 0;
}

void client_set_remove(struct client_set *set, uint32_t id)
{
	if (id / BITS < set->n)
		set->words[id / BITS] &= ~(UINT64_C(1) << id % BITS);
}

/* ---- roles ---- */

static double weight_of(const struct allocator *allocator, const char *path)
{
	struct role_weight *weight = NULL;

	HASH_FIND_STR(allocator->weights, path, weight);
	return weight ? weight->weight : 1;
}

static void role_put(struct allocator *allocator, struct role *role)
{
	while (role && --role->n_users == 0) {
		struct role *parent = role->parent;

		if (!parent)
			top_role_set_share(role->top, NULL);
		HASH_DEL(allocator->roles, role);
		share_done(&role->own);
		share_done(&role->share);
		top_role_put(allocator, role->top);
		free(role->path);
		free(role);
		role = parent;
	}
}

static int role_init(struct allocator *allocator, struct role *role, struct role *parent,
		     const char *path)
{
	const char *slash = strrchr(path, '/');
	struct share *above = parent ? &parent->share : &allocator->shares.root;

	if (top_role_get(allocator, path, &role->top) < 0)
		return -ENOMEM;
	role->path = strdup(path);
	if (!role->path || share_init(&role->share, above, slash ? slash + 1 : path, NULL) < 0) {
		top_role_put(allocator, role->top);
		free(role->path);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, allocator->roles, role->path, strlen(role->path), role);
	/* No role has this name (reference/mesos.md 1.9). */
	if (!role->hh.tbl || share_init(&role->own, &role->share, ".", NULL) < 0) {
		if (role->hh.tbl)
			HASH_DEL(allocator->roles, role);
		share_done(&role->share);
		top_role_put(allocator, role->top);
		free(role->path);
		return -ENOMEM;
	}
	return 0;
}

/* With those above it, and one user more. */
static int role_get(struct allocator *allocator, const char *path, struct role **ret)
{
	struct role *role = NULL, *parent = NULL;
	size_t n = 0;
	AUTO_FREE char *prefix = strdup(path);

	if (!prefix)
		return -ENOMEM;
	for (;;) {
		n += strcspn(path + n, "/");
		prefix[n] = '\0';
		HASH_FIND_STR(allocator->roles, prefix, role);
		if (!role) {
			role = calloc(1, sizeof(*role));
			if (!role || role_init(allocator, role, parent, prefix) < 0) {
				free(role);
				role_put(allocator, parent);
				return -ENOMEM;
			}
			/* The user that PARENT was got for. */
			role->parent = parent;
			share_set_weight(&role->share, weight_of(allocator, prefix));
			if (!parent)
				top_role_set_share(role->top, &role->share);
		} else {
			role_put(allocator, parent);
		}
		role->n_users++;
		if (!path[n])
			break;
		prefix[n] = path[n];
		parent = role;
		n++;
	}
	*ret = role;
	return 0;
}

int allocator_set_weight(struct allocator *allocator, const char *path, double value)
{
	struct role_weight *weight = NULL;
	struct role *role = NULL;

	HASH_FIND_STR(allocator->weights, path, weight);
	if (!weight && value != 1) {
		weight = calloc(1, sizeof(*weight));
		if (!weight)
			return -ENOMEM;
		weight->path = strdup(path);
		if (weight->path)
			HASH_ADD_KEYPTR(hh, allocator->weights, weight->path,
					strlen(weight->path), weight);
		if (!weight->hh.tbl) {
			free(weight->path);
			free(weight);
			return -ENOMEM;
		}
	}
	HASH_FIND_STR(allocator->roles, path, role);
	if (role)
		share_set_weight(&role->share, value);
	if (weight && value == 1) {
		HASH_DEL(allocator->weights, weight);
		free(weight->path);
		free(weight);
	} else if (weight) {
		weight->weight = value;
	}
	return 0;
}

/* ---- clients ---- */

static int take_id(struct allocator *allocator, struct allocator_client *client)
{
	size_t cap = allocator->cap_client_ids ? allocator->cap_client_ids * 2 : MIN_CLIENTS;
	size_t id = allocator->least_free_id;

	while (id < allocator->n_client_ids && allocator->clients[id])
		id++;
	if (id == allocator->cap_client_ids) {
		struct allocator_client **grown = reallocarray(allocator->clients, cap,
							       sizeof(struct allocator_client *));

		if (!grown)
			return -ENOMEM;
		allocator->clients = grown;
		allocator->cap_client_ids = cap;
	}
	if (client_set_add(&allocator->wanted, (uint32_t)id) < 0)
		return -ENOMEM;
	if (id == allocator->n_client_ids)
		allocator->n_client_ids++;
	allocator->least_free_id = id + 1;
	allocator->clients[id] = client;
	client->id = (uint32_t)id;
	return 0;
}

int allocator_client_new(struct allocator *allocator, void *owner, const char *name,
			 const char *role, struct allocator_client **ret)
{
	AUTO_FREE struct allocator_client *client = calloc(1, sizeof(*client));

	if (!client || role_get(allocator, role, &client->role) < 0)
		return -ENOMEM;
	if (share_init(&client->share, &client->role->own, name, client) < 0 ||
	    take_id(allocator, client) < 0) {
		free(client->share.name);
		role_put(allocator, client->role);
		return -ENOMEM;
	}
	client->allocator = allocator;
	client->owner = owner;
	*ret = TAKE_PTR(client);
	return 0;
}

/* Whatever it did not want, it is asked again. */
static void unblock(struct allocator_client *client)
{
	struct allocator_node *node;

	TAILQ_FOREACH(node, &client->allocator->nodes, all)
		client_set_remove(&node->blocked, client->id);
}

static void forget_fresh(struct allocator_client *client)
{
	struct allocator *allocator = client->allocator;

	if (!client_set_has(&allocator->fresh, client->id))
		return;
	client_set_remove(&allocator->fresh, client->id);
	allocator->n_fresh--;
}

void allocator_client_free(struct allocator_client *client)
{
	struct allocator *allocator;

	if (!client)
		return;
	allocator = client->allocator;
	client_drop_filters(client);
	unblock(client);
	(void)allocator_client_set_active(client, false);
	allocator->clients[client->id] = NULL;
	if (client->id < allocator->least_free_id)
		allocator->least_free_id = client->id;
	share_done(&client->share);
	role_put(allocator, client->role);
	free(client->min);
	free(client);
}

int allocator_client_set_min(struct allocator_client *client, const struct quantities *min,
			     size_t n)
{
	struct quantities *copy = NULL;

	if (n == client->n_min && (n == 0 || memcmp(min, client->min, n * sizeof(*min)) == 0))
		return 0;
	if (n > 0) {
		copy = calloc(n, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, min, n * sizeof(*copy));
	}
	free(client->min);
	client->min = copy;
	client->n_min = n;
	allocator_client_touch(client);
	return 0;
}

static void mark_fresh(struct allocator_client *client)
{
	struct allocator *allocator = client->allocator;

	if (!client->is_active || client_set_has(&allocator->fresh, client->id))
		return;
	/* Without memory to remember it by, all are asked. */
	if (client_set_add(&allocator->fresh, client->id) < 0)
		nodes_mark_all(allocator);
	else
		allocator->n_fresh++;
}

int allocator_client_set_active(struct allocator_client *client, bool is_active)
{
	struct allocator *allocator = client->allocator;

	if (client->is_active == is_active)
		return 0;
	if (!is_active) {
		client->is_active = false;
		client_set_remove(&allocator->active, client->id);
		share_unlist(&client->share);
		forget_fresh(client);
		return 0;
	}
	if (client_set_add(&allocator->active, client->id) < 0)
		return -ENOMEM;
	if (share_list(&client->share) < 0) {
		client_set_remove(&allocator->active, client->id);
		return -ENOMEM;
	}
	client->is_active = true;
	mark_fresh(client);
	return 0;
}

void allocator_client_revive(struct allocator_client *client)
{
	client_drop_filters(client);
	mark_fresh(client);
}

void allocator_client_touch(struct allocator_client *client)
{
	unblock(client);
	mark_fresh(client);
}

void clients_forget_fresh(struct allocator *allocator)
{
	if (allocator->n_fresh == 0)
		return;
	memset(allocator->fresh.words, 0, allocator->fresh.n * sizeof(*allocator->fresh.words));
	allocator->n_fresh = 0;
}

double allocator_client_share(const struct allocator_client *client)
{
	return quantities_dominant_share(&client->share.used, &client->allocator->shares.total);
}

void allocator_each_role(const struct allocator *allocator,
			 void (*fn)(void *arg, const struct allocator_role *role), void *arg)
{
	const struct role *role;

	for (role = allocator->roles; role; role = role->hh.next) {
		struct allocator_role told = {
			.path = role->path, .n_filters = role->n_filters,
			.share = quantities_dominant_share(&role->share.used,
							   &allocator->shares.total) /
				 role->share.weight,
			.has_quota = role->top->has_quota && !role->parent,
			.quota = role->top->quota,
			.consumed = allocator_consumed(allocator, role->path),
		};

		fn(arg, &told);
	}
}
