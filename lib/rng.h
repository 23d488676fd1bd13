/* Seeded pseudo-random numbers: whoever needs chance is given a generator, so that runs replay. */
#ifndef LIB_RNG_H
#define LIB_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state[4];	/* xoshiro256** */
};

void rng_seed(struct rng *rng, uint64_t seed);
int rng_seed_from_kernel(struct rng *rng);	/* getrandom(2); -errno */
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound);	/* uniform in [0, BOUND), BOUND > 0 */

#endif
