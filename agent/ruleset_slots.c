#include "agent/ruleset_slots.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

/* ---- by turn ---- */

/* The TURN-th of BACKEND's SHARE slots, which would best be in the middle of its part of the round. */
struct turn {
	uint32_t backend, turn, share;
};

/* By (2 * turn + 1) / (2 * share), the part of the round that has gone by. */
static int compare_turns(const void *a, const void *b)
{
	const struct turn *left = a, *right = b;
	uint64_t l = (2ULL * left->turn + 1) * right->share;
	uint64_t r = (2ULL * right->turn + 1) * left->share;

	if (l != r)
		return l < r ? -1 : 1;
	return left->backend < right->backend ? -1 : left->backend > right->backend;
}

static unsigned gcd(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * Those of WEIGHTS that are not 0, in lowest terms, or rounded so that they are RULESET_MAX_SLOTS
 * together: each has one slot, and of the others its part, the largest remainders being rounded up by
 * the order of backends.
 */
static size_t reduce(const unsigned *weights, size_t n, uint32_t *ret_shares)
{
	size_t sum = 0, total = 0, n_weighed = 0;
	unsigned divisor = 0;

	for (size_t i = 0; i < n; i++) {
		divisor = gcd(divisor, weights[i]);
		total += weights[i];
		n_weighed += weights[i] > 0;
	}
	for (size_t i = 0; i < n; i++) {
		ret_shares[i] = weights[i] ? weights[i] / divisor : 0;
		sum += ret_shares[i];
	}
	if (sum <= RULESET_MAX_SLOTS)
		return sum;
	for (size_t i = 0, before = 0; i < n; i++) {
		size_t left = RULESET_MAX_SLOTS - n_weighed;
		size_t after = before + weights[i];

		/* What is rounded is where each one's part ends: no error adds up. */
		ret_shares[i] = (uint32_t)((weights[i] > 0) + after * left / total - before * left / total);
		before = after;
	}
	return RULESET_MAX_SLOTS;
}

size_t ruleset_slots_by_turn(const unsigned *weights, size_t n,
			     uint16_t ret_slots[RULESET_MAX_SLOTS])
{
	uint32_t shares[RULESET_MAX_SLOTS];
	struct turn turns[RULESET_MAX_SLOTS];
	size_t n_slots = reduce(weights, n, shares), at = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t turn = 0; turn < shares[i]; turn++)
			turns[at++] = (struct turn){ i, turn, shares[i] };
	}
	qsort(turns, n_slots, sizeof(*turns), compare_turns);
	for (size_t i = 0; i < n_slots; i++)
		ret_slots[i] = (uint16_t)turns[i].backend;
	return n_slots;
}

/* ---- by source ---- */

/* In (0, 1), by nothing but the two. */
static double draw(uint64_t identity, uint64_t slot)
{
	static const uint64_t key[2] = { 0x7465707569, 0x736c6f7473 };	/* any will do, for ever */
	const uint64_t what[2] = { identity, slot };

	return ((double)(hash_keyed(key, what, sizeof(what)) >> 12) + 0.5) / (double)(1ULL << 52);
}

static size_t winner(const unsigned *weights, const uint64_t *identities, size_t n, size_t slot)
{
	double best = -1;
	size_t ret = 0;

	for (size_t i = 0; i < n; i++) {
		double score = weights[i] ? weights[i] / -log(draw(identities[i], slot)) : -1;

		if (score > best) {
			best = score;
			ret = i;
		}
	}
	return ret;
}

size_t ruleset_slots_by_source(const unsigned *weights, const uint64_t *identities, size_t n,
			       uint16_t ret_slots[RULESET_MAX_SLOTS])
{
	bool is_any = false;

	for (size_t i = 0; i < n; i++)
		is_any |= weights[i] > 0;
	for (size_t slot = 0; is_any && slot < RULESET_SOURCE_SLOTS; slot++)
		ret_slots[slot] = (uint16_t)winner(weights, identities, n, slot);
	return is_any ? RULESET_SOURCE_SLOTS : 0;
}
