/*
 * What top-level roles are guaranteed and limited to.  A role has consumed what is reserved for it,
 * used or not, and what it uses of the rest; what its guarantee lacks beyond that is required of
 * what is free, and held back from everybody for as long as there is no more free than required.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/allocator_parts.h"

const struct allocator_quota allocator_no_quota = {
	.limit = { { [0 ... N_RESOURCE_KINDS - 1] = INT64_MAX } },
};

/* ---- the top-level roles ---- */

static struct top_role *find(const struct allocator *allocator, const char *role)
{
	struct top_role *top = NULL;

	HASH_FIND(hh, allocator->tops, role, strcspn(role, "/"), top);
	return top;
}

int top_role_get(struct allocator *allocator, const char *role, struct top_role **ret)
{
	struct top_role *top = find(allocator, role);

	if (!top) {
		top = calloc(1, sizeof(*top));
		if (!top)
			return -ENOMEM;
		top->quota = allocator_no_quota;
		top->name = strndup(role, strcspn(role, "/"));
		if (top->name)
			HASH_ADD_KEYPTR(hh, allocator->tops, top->name, strlen(top->name), top);
		if (!top->hh.tbl) {
			free(top->name);
			free(top);
			return -ENOMEM;
		}
	}
	top->n_users++;
	*ret = top;
	return 0;
}

void top_role_put(struct allocator *allocator, struct top_role *top)
{
	if (--top->n_users > 0)
		return;
	HASH_DEL(allocator->tops, top);
	free(top->name);
	free(top);
}

static struct quantities consumed(const struct top_role *top)
{
	struct quantities sum = top->reserved;

	quantities_add(&sum, &top->used, 1);
	return sum;
}

static struct quantities lacking(const struct top_role *top)
{
	const struct quantities has = consumed(top);

	return quantities_beyond(&top->quota.guarantee, &has);
}

/* Of the changes of TOP between these two, the allocator's sums are told. */
static struct quantities before_change(const struct top_role *top)
{
	return lacking(top);
}

static void after_change(struct allocator *allocator, struct top_role *top,
			 const struct quantities *before)
{
	const struct quantities after = lacking(top);

	quantities_add(&allocator->required, before, -1);
	quantities_add(&allocator->required, &after, 1);
	if (top->share)
		share_set_hungry(top->share, !quantities_are_zero(&after));
}

void top_role_set_share(struct top_role *top, struct share *share)
{
	const struct quantities lack = lacking(top);

	top->share = share;
	if (share)
		share_set_hungry(share, !quantities_are_zero(&lack));
}

static struct quantities unreserved(const struct resources *r)
{
	struct quantities q;

	memcpy(q.of, r->scalar, sizeof(q.of));
	return q;
}

void top_role_charge(struct allocator *allocator, struct top_role *top,
		     const struct resources *part, int sign)
{
	const struct quantities q = unreserved(part), before = before_change(top);

	quantities_add(&top->used, &q, sign);
	if (top->has_quota)
		after_change(allocator, top, &before);
}

/* ---- nodes ---- */

static void count_reserved(struct allocator *allocator, const struct resources *total, int sign,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct resource_part *part = &total->parts.items[i];
		struct top_role *top = find(allocator, part->role);
		const struct quantities before = before_change(top);

		/* Of ports there is no quota. */
		if (part->kind < N_RESOURCE_KINDS)
			top->reserved.of[part->kind] += sign * part->value;
		after_change(allocator, top, &before);
		if (sign < 0)
			top_role_put(allocator, top);
	}
}

int quota_add_node(struct allocator *allocator, const struct resources *total)
{
	for (size_t i = 0; i < total->parts.n; i++) {
		struct top_role *top;

		if (top_role_get(allocator, total->parts.items[i].role, &top) == 0)
			continue;
		while (i > 0)
			top_role_put(allocator, find(allocator, total->parts.items[--i].role));
		return -ENOMEM;
	}
	count_reserved(allocator, total, 1, total->parts.n);
	return 0;
}

void quota_remove_node(struct allocator *allocator, const struct resources *total)
{
	count_reserved(allocator, total, -1, total->parts.n);
}

void quota_update_available(struct allocator_node *node)
{
	const struct quantities total = unreserved(&node->total), used = unreserved(&node->used);
	struct quantities now = { { 0 } };

	if (node->is_active)
		now = quantities_beyond(&total, &used);
	quantities_add(&node->allocator->available, &node->available, -1);
	quantities_add(&node->allocator->available, &now, 1);
	node->available = now;
}

/* ---- quotas ---- */

static bool is_no_quota(const struct allocator_quota *quota)
{
	return memcmp(quota, &allocator_no_quota, sizeof(*quota)) == 0;
}

int allocator_set_quota(struct allocator *allocator, const char *role,
			const struct allocator_quota *quota)
{
	struct quantities before;
	struct top_role *top;

	if (top_role_get(allocator, role, &top) < 0)
		return -ENOMEM;
	before = before_change(top);
	top->quota = *quota;
	after_change(allocator, top, &before);
	/* The one that was got is the quota's own. */
	if (top->has_quota)
		top_role_put(allocator, top);
	else
		allocator->n_quotas++;
	top->has_quota = true;
	if (is_no_quota(quota)) {
		top->has_quota = false;
		allocator->n_quotas--;
		top_role_put(allocator, top);
	}
	nodes_mark_all(allocator);
	return 0;
}

struct quantities allocator_consumed(const struct allocator *allocator, const char *role)
{
	const struct top_role *top = find(allocator, role);

	return top ? consumed(top) : (struct quantities){ { 0 } };
}

struct quantities allocator_lack(const struct allocator *allocator)
{
	return quantities_beyond(&allocator->required, &allocator->available);
}

/* ---- what may be granted ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Parts of a gpu are of no use. */
static int64_t granularity(int kind)
{
	return kind == RESOURCE_GPUS ? 1000 : 1;
}

bool quota_cut(const struct allocator *allocator, const struct top_role *top,
	       enum quota_stage stage, struct resources *part, bool *ret_is_cut)
{
	const struct quantities has = consumed(top);
	const struct quantities room = quantities_beyond(&top->quota.limit, &has);
	const struct quantities lack = stage == QUOTA_GUARANTEES ?
				       lacking(top) : (struct quantities){ { 0 } };
	const struct quantities surplus =
		quantities_beyond(&allocator->available, &allocator->required);
	const bool is_held_back = !quantities_are_zero(&allocator->required);
	bool helps = stage == QUOTA_FAIR_SHARE;

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		int64_t all = part->scalar[i], owed = least(all, lack.of[i]), more = all - owed;

		if (top->quota.limit.of[i] < INT64_MAX)
			more = least(more, room.of[i] > owed ? room.of[i] - owed : 0);
		if (is_held_back)
			more = least(more, surplus.of[i]);
		part->scalar[i] = (owed + more) / granularity(i) * granularity(i);
		helps |= owed > 0;
		*ret_is_cut |= part->scalar[i] < all;
	}
	return helps;
}
