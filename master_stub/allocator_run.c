/* What is free on one node, and who gets it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/allocator_parts.h"

/* So few are compared with one another; more are met in the order of the tree. */
enum { FEW = 8 };

/* A visit of one node. */
struct visit {
	struct pass *pass;
	struct allocator_node *node;
	struct resources left;		/* of what is free; kept after the first grant only */
	bool has_granted;
	bool is_over;			/* nothing is left, or a grant failed */
};

/* ---- what is free ---- */

/* A node that came back with less than its tasks use has nothing free; that is no error. */
static int free_part(const struct allocator_node *node, struct resources *ret)
{
	struct resources part = { 0 };

	if (ranges_without(&node->total.ports, &node->used.ports, &part.ports) < 0)
		return -ENOMEM;
	if (resource_parts_copy(&node->total.parts, &part.parts) < 0) {
		resources_done(&part);
		return -ENOMEM;
	}
	resource_parts_remove_all(&part.parts, &node->used.parts);
	memcpy(part.scalar, node->available.of, sizeof(part.scalar));
	*ret = part;
	return 0;
}

/* Who was found to want nothing of more than is free now wants nothing of that, either. */
static int look(struct allocator_node *node)
{
	struct resources part;

	if (node->seen_state == SEEN_NOTHING_NEW)
		return 0;
	if (free_part(node, &part) < 0)
		return -ENOMEM;
	if (node->blocked.n > 0 && !resources_contain(&node->seen, &part))
		memset(node->blocked.words, 0, node->blocked.n * sizeof(*node->blocked.words));
	resources_done(&node->seen);
	node->seen = part;
	node->seen_state = SEEN_NOTHING_NEW;
	return 0;
}

/* ---- one client ---- */

static bool is_enough(const struct allocator_client *client, const struct resources *part)
{
	const struct allocator_options *options = &client->allocator->options;
	const struct quantities *min = client->min ? client->min : options->min;
	size_t n = client->min ? client->n_min : options->n_min;
	const struct quantities quantities = quantities_of(part);

	if (resources_is_empty(part))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (quantities_contain(&quantities, &min[i]))
			return true;
	}
	return n == 0;
}

static bool wants(struct allocator_node *node, const struct allocator_client *client,
		  const struct resources *part)
{
	return is_enough(client, part) && !is_refused(node, client, part);
}

static bool accepts(const struct allocator_node *node, const struct allocator_client *client)
{
	const struct allocator_options *options = &node->allocator->options;

	return !options->accepts || options->accepts(node->owner, client->owner);
}

/* What of FREE is CLIENT's to have by reservations; *ret_is_own: it is to be freed. */
static int part_for(const struct resources *free, const struct allocator_client *client,
		    struct resources *ret, bool *ret_is_own)
{
	const struct allocator_options *options = &client->allocator->options;
	struct resources part = { 0 };
	int r;

	*ret_is_own = free->parts.n > 0;
	if (!*ret_is_own) {
		*ret = *free;
		return 0;
	}
	r = resources_for_role(free, client->role->path, &part);
	if (r < 0 || !options->takes_refined || options->takes_refined(client->owner)) {
		*ret = part;
		return r;
	}
	r = resources_without_refined(&part, ret);
	resources_done(&part);
	return r;
}

/* PART is CLIENT's from now on, if it can take it.  IS_ALL: it is all that was seen. */
static int grant_part(struct visit *visit, struct allocator_client *client,
		      const struct resources *part, bool is_all)
{
	struct allocator_node *node = visit->node;
	int r = allocator_charge(node, client, part);

	if (r < 0)
		return r;
	if (is_all)
		node->seen_state = SEEN_GRANTED;
	share_count_grant(&client->share);
	r = visit->pass->grant(visit->pass->arg, node->owner, client->owner, part);
	if (r < 0) {
		allocator_release(node, client, part);
		/* Tried again at once, it would fail again. */
		node_unmark(node);
		return r;
	}
	visit->pass->n_grants++;
	return 0;
}

static const struct resources *left_of(const struct visit *visit)
{
	return visit->has_granted ? &visit->left : &visit->node->seen;
}

/* After a grant: what is left for others. */
static void look_again(struct visit *visit)
{
	struct resources part;

	if (free_part(visit->node, &part) < 0) {
		visit->is_over = true;
		return;
	}
	resources_done(&visit->left);
	visit->left = part;
	visit->has_granted = true;
	visit->is_over = resources_is_empty(&part);
}

/* CLIENT gets of PART what its quota allows, if that is something it wants. */
static void offer_part(struct visit *visit, struct allocator_client *client,
		       struct resources *part, bool is_all)
{
	bool is_cut = false;

	if (visit->node->allocator->n_quotas > 0 &&
	    !quota_cut(visit->node->allocator, client->role->top, visit->pass->stage, part,
		       &is_cut))
		return;
	if (is_cut && visit->pass->stage == QUOTA_FAIR_SHARE)
		node_withhold(visit->node);
	if (is_cut && !wants(visit->node, client, part))
		return;
	is_all = is_all && !is_cut;
	if (grant_part(visit, client, part, is_all) < 0 || is_all)
		visit->is_over = true;
	else
		look_again(visit);
}

static void visit_client(struct visit *visit, struct allocator_client *client)
{
	struct allocator_node *node = visit->node;
	struct resources part;
	bool is_own;

	if (part_for(left_of(visit), client, &part, &is_own) < 0)
		return;
	if (accepts(node, client) && wants(node, client, &part))
		offer_part(visit, client, &part, !is_own && !visit->has_granted);
	else if (!visit->has_granted)
		/* Without memory it is asked again the next time. */
		(void)client_set_add(&node->blocked, client->id);
	if (is_own)
		resources_done(&part);
}

/* ---- all that may want it ---- */

static void visit_members(struct visit *visit, const struct share *share)
{
	const struct client_set *wanted = &visit->pass->allocator->wanted;

	for (size_t i = 0; i < share->members.n && !visit->is_over; i++) {
		struct share *member = share->members.items[i];
		struct allocator_client *client = member->owner;

		if (!client)
			visit_members(visit, member);
		else if (client_set_has(wanted, client->id))
			visit_client(visit, client);
	}
}

static void visit_hungry(struct visit *visit)
{
	const struct share_order *hungry = &visit->pass->allocator->shares.hungry;

	for (size_t i = 0; i < hungry->n && !visit->is_over; i++)
		visit_members(visit, hungry->items[i]);
}

static void sort_few(struct allocator_client **few, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct allocator_client *client = few[i];
		unsigned j = i;

		for (; j > 0 && share_compare(&client->share, &few[j - 1]->share) < 0; j--)
			few[j] = few[j - 1];
		few[j] = client;
	}
}

static void visit_few(struct visit *visit, unsigned n)
{
	const struct allocator *allocator = visit->pass->allocator;
	struct allocator_client *few[FEW];
	unsigned n_few = 0;

	for (size_t i = 0; i < allocator->wanted.n && n_few < n; i++) {
		for (uint64_t word = allocator->wanted.words[i]; word; word &= word - 1)
			few[n_few++] = allocator->clients[i * 64 +
							  (size_t)__builtin_ctzll(word)];
	}
	sort_few(few, n_few);
	for (unsigned i = 0; i < n_few && !visit->is_over; i++) {
		if (visit->pass->stage == QUOTA_FAIR_SHARE ||
		    few[i]->role->top->share->is_hungry)
			visit_client(visit, few[i]);
	}
}

/* Into allocator->wanted: whom NODE is to be shown to; returns how many they are. */
static unsigned select_clients(struct allocator *allocator, const struct allocator_node *node)
{
	const struct client_set *from = node->run_mark == NODE_FOR_ALL ?
					&allocator->active : &allocator->fresh;
	unsigned n = 0;

	for (size_t i = 0; i < allocator->wanted.n; i++) {
		uint64_t word = i < from->n ? from->words[i] : 0;

		if (i < node->blocked.n)
			word &= ~node->blocked.words[i];
		allocator->wanted.words[i] = word;
		n += (unsigned)__builtin_popcountll(word);
	}
	return n;
}

void pass_node(struct pass *pass, struct allocator_node *node)
{
	struct visit visit = { .pass = pass, .node = node };
	unsigned n;

	if (!node->is_active || look(node) < 0 || resources_is_empty(&node->seen))
		return;
	n = select_clients(pass->allocator, node);
	if (n == 0)
		return;
	share_tree_settle(&pass->allocator->shares);
	if (n <= FEW)
		visit_few(&visit, n);
	else if (pass->stage == QUOTA_GUARANTEES)
		visit_hungry(&visit);
	else
		visit_members(&visit, &pass->allocator->shares.root);
	resources_done(&visit.left);
}
