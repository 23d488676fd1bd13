/* How much of each scalar resource, wherever it is and whoever may have it: what can be summed over nodes. */
#ifndef LIB_QUANTITIES_H
#define LIB_QUANTITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/resources.h"

/* In thousandths, by kind. */
struct quantities {
	int64_t of[N_RESOURCE_KINDS];
};

/* All of R, reserved or not. */
struct quantities quantities_of(const struct resources *r);
/* SIGN times PART. */
void quantities_add(struct quantities *sum, const struct quantities *part, int sign);
/* At least PART of every kind. */
bool quantities_contain(const struct quantities *all, const struct quantities *part);
bool quantities_are_zero(const struct quantities *q);
/* A - B, and nothing where that is below zero. */
struct quantities quantities_beyond(const struct quantities *a, const struct quantities *b);
/* The largest of PART/TOTAL over the kinds of which there are any: 0..1. */
double quantities_dominant_share(const struct quantities *part, const struct quantities *total);

#endif
