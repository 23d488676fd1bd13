/* Any text: what is read is sorted and disjoint, and comes back the same from its own text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ranges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ranges *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct range *item = &set->items[i];

		if (item->first > item->last)
			abort();
		if (i > 0 && item->first <= (uint64_t)set->items[i - 1].last + 1)
			abort();
		count += (uint64_t)item->last - item->first + 1;
	}
	if (count != ranges_count(set))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ranges set = { 0 }, again = { 0 }, rest = { 0 };
	char *text = malloc(size + 1), *printed;

	memcpy(text, data, size);
	text[size] = '\0';
	if (ranges_parse(text, &set) < 0) {
		free(text);
		return 0;
	}
	check(&set);
	printed = ranges_format(&set);
	if (ranges_parse(printed, &again) < 0 || !ranges_equal(&set, &again))
		abort();
	/* Taking a part out of the middle and putting it back changes nothing. */
	if (set.n > 0) {
		uint32_t at = ranges_at(&set, ranges_count(&set) / 2);

		if (!ranges_contains(&set, at, at) || ranges_remove(&again, at, at) < 0 ||
		    ranges_contains(&again, at, at) || !ranges_contains_all(&set, &again))
			abort();
		check(&again);
		if (ranges_add(&again, at, at) < 0 || !ranges_equal(&set, &again))
			abort();
	}
	if (ranges_copy(&set, &rest) < 0 || ranges_remove_all(&rest, &again) < 0 || rest.n != 0)
		abort();
	ranges_done(&set);
	ranges_done(&again);
	ranges_done(&rest);
	free(printed);
	free(text);
	return 0;
}
