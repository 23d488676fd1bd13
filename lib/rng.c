#include "lib/rng.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

static uint64_t rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* splitmix64: spreads one word over the state, and never gives four zeros in a row. */
static uint64_t spread(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		rng->state[i] = spread(&seed);
}

int rng_seed_from_kernel(struct rng *rng)
{
	uint64_t seed[4];
	ssize_t n;

	do
		n = getrandom(seed, sizeof(seed), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(seed))
		return n < 0 ? -errno : -EIO;
	for (int i = 0; i < 4; i++)
		rng->state[i] = seed[i];
	/* All zeros is the one state that the generator never leaves. */
	rng->state[3] |= 1;
	return 0;
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	uint64_t least, value;

	assert(bound > 0);
	/* The lowest 2^64 mod BOUND values are drawn again: else small results were likelier. */
	least = (0 - bound) % bound;
	do
		value = rng_next(rng);
	while (value < least);
	return value % bound;
}
