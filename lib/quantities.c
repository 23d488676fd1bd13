#include "lib/quantities.h"

struct quantities quantities_of(const struct resources *r)
{
	struct quantities q;

	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		q.of[i] = resources_quantity(r, (enum resource_kind)i);
	return q;
}

void quantities_add(struct quantities *sum, const struct quantities *part, int sign)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		sum->of[i] += sign * part->of[i];
}

bool quantities_contain(const struct quantities *all, const struct quantities *part)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (all->of[i] < part->of[i])
			return false;
	}
	return true;
}

bool quantities_are_zero(const struct quantities *q)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (q->of[i] != 0)
			return false;
	}
	return true;
}

struct quantities quantities_beyond(const struct quantities *a, const struct quantities *b)
{
	struct quantities rest;

	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		rest.of[i] = a->of[i] > b->of[i] ? a->of[i] - b->of[i] : 0;
	return rest;
}

double quantities_dominant_share(const struct quantities *part, const struct quantities *total)
{
	double largest = 0;

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		double share = total->of[i] > 0 ?
			       (double)part->of[i] / (double)total->of[i] : 0;

		largest = share > largest ? share : largest;
	}
	return largest;
}
