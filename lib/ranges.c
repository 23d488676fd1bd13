#include "lib/ranges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ranges_done(struct ranges *set)
{
	free(set->items);
	*set = (struct ranges){ 0 };
}

static int reserve(struct ranges *set, size_t n)
{
	size_t cap = set->cap ? set->cap : 4;
	struct range *items;

	if (n <= set->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	items = reallocarray(set->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	set->items = items;
	set->cap = cap;
	return 0;
}

int ranges_copy(const struct ranges *src, struct ranges *ret)
{
	struct ranges copy = { 0 };

	if (src->n > 0) {
		if (reserve(&copy, src->n) < 0)
			return -ENOMEM;
		memcpy(copy.items, src->items, src->n * sizeof(*src->items));
		copy.n = src->n;
	}
	*ret = copy;
	return 0;
}

/* The index of the first range that ends at VALUE or after it; n when there is none. */
static size_t first_ending_at(const struct ranges *set, uint64_t value)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->items[middle].last < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Put N_NEW ranges (at most two) in the place of those from LOW to before HIGH. */
static int replace(struct ranges *set, size_t low, size_t high, const struct range *new,
		   size_t n_new)
{
	size_t n = set->n - (high - low) + n_new;
	int r = reserve(set, n);

	if (r < 0)
		return r;
	if (set->n > high)
		memmove(set->items + low + n_new, set->items + high,
			(set->n - high) * sizeof(*set->items));
	for (size_t i = 0; i < n_new; i++)
		set->items[low + i] = new[i];
	set->n = n;
	return 0;
}

int ranges_add(struct ranges *set, uint32_t first, uint32_t last)
{
	/* One before FIRST also counts: neighbours are merged. */
	size_t low = first_ending_at(set, first > 0 ? (uint64_t)first - 1 : 0), high = low;
	struct range merged = { first, last };

	if (first > last)
		return -EINVAL;
	while (high < set->n && set->items[high].first <= (uint64_t)last + 1)
		high++;
	if (high > low) {
		if (set->items[low].first < first)
			merged.first = set->items[low].first;
		if (set->items[high - 1].last > last)
			merged.last = set->items[high - 1].last;
	}
	return replace(set, low, high, &merged, 1);
}

int ranges_remove(struct ranges *set, uint32_t first, uint32_t last)
{
	size_t low = first_ending_at(set, first), high = low, n_rest = 0;
	struct range rest[2];

	if (first > last)
		return -EINVAL;
	while (high < set->n && set->items[high].first <= last)
		high++;
	if (high == low)
		return 0;
	if (set->items[low].first < first)
		rest[n_rest++] = (struct range){ set->items[low].first, first - 1 };
	if (set->items[high - 1].last > last)
		rest[n_rest++] = (struct range){ last + 1, set->items[high - 1].last };
	return replace(set, low, high, rest, n_rest);
}

/* RANGE starts after all of SET start, and there is room for it. */
static void append(struct ranges *set, struct range range)
{
	struct range *end = set->n > 0 ? &set->items[set->n - 1] : NULL;

	if (!end || range.first > (uint64_t)end->last + 1)
		set->items[set->n++] = range;
	else if (range.last > end->last)
		end->last = range.last;
}

static void take_over(struct ranges *set, struct ranges *result)
{
	free(set->items);
	*set = *result;
}

int ranges_add_all(struct ranges *set, const struct ranges *other)
{
	struct ranges sum = { 0 };
	size_t i = 0, j = 0;

	if (other->n == 0)
		return 0;
	if (reserve(&sum, set->n + other->n) < 0)
		return -ENOMEM;
	while (i < set->n || j < other->n) {
		if (j == other->n ||
		    (i < set->n && set->items[i].first <= other->items[j].first))
			append(&sum, set->items[i++]);
		else
			append(&sum, other->items[j++]);
	}
	take_over(set, &sum);
	return 0;
}

/* What of RANGE is in none of OTHER from *J on, which is moved to the first that ends after it. */
static void append_rest(struct ranges *set, struct range range, const struct ranges *other,
			size_t *j)
{
	uint64_t first = range.first;

	while (*j < other->n && other->items[*j].last < range.first)
		(*j)++;
	for (; *j < other->n && other->items[*j].first <= range.last; (*j)++) {
		const struct range *gap = &other->items[*j];

		if (gap->first > first)
			append(set, (struct range){ (uint32_t)first, gap->first - 1 });
		first = (uint64_t)gap->last + 1;
		if (gap->last >= range.last)
			return;
	}
	if (first <= range.last)
		append(set, (struct range){ (uint32_t)first, range.last });
}

int ranges_without(const struct ranges *set, const struct ranges *other, struct ranges *ret)
{
	struct ranges rest = { 0 };
	size_t j = 0;

	if (set->n > 0 && reserve(&rest, set->n + other->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++)
		append_rest(&rest, set->items[i], other, &j);
	*ret = rest;
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

int ranges_add_many(struct ranges *set, struct range *items, size_t n)
{
	struct ranges sorted = { 0 };
	int r = reserve(&sorted, n);

	for (size_t i = 0; i < n && r == 0; i++)
		r = items[i].first > items[i].last ? -EINVAL : 0;
	if (r == 0 && n > 0) {
		qsort(items, n, sizeof(*items), by_first);
		for (size_t i = 0; i < n; i++)
			append(&sorted, items[i]);
		r = ranges_add_all(set, &sorted);
	}
	ranges_done(&sorted);
	return r;
}

int ranges_remove_all(struct ranges *set, const struct ranges *other)
{
	struct ranges rest;

	if (set->n == 0 || other->n == 0)
		return 0;
	if (ranges_without(set, other, &rest) < 0)
		return -ENOMEM;
	take_over(set, &rest);
	return 0;
}

bool ranges_contains(const struct ranges *set, uint32_t first, uint32_t last)
{
	size_t i = first_ending_at(set, last);

	return first <= last && i < set->n && set->items[i].first <= first;
}

bool ranges_contains_all(const struct ranges *set, const struct ranges *subset)
{
	size_t i = subset->n > 0 ? first_ending_at(set, subset->items[0].last) : 0;

	for (size_t j = 0; j < subset->n; j++) {
		while (i < set->n && set->items[i].last < subset->items[j].last)
			i++;
		if (i == set->n || set->items[i].first > subset->items[j].first)
			return false;
	}
	return true;
}

uint64_t ranges_count(const struct ranges *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->items[i].last - set->items[i].first + 1;
	return count;
}

uint32_t ranges_at(const struct ranges *set, uint64_t index)
{
	for (size_t i = 0; i < set->n; i++) {
		uint64_t size = (uint64_t)set->items[i].last - set->items[i].first + 1;

		if (index < size)
			return set->items[i].first + (uint32_t)index;
		index -= size;
	}
	return 0;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (a->items[i].first != b->items[i].first || a->items[i].last != b->items[i].last)
			return false;
	}
	return true;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n'))
		p++;
	return p;
}

/* One number at *P; *P is moved behind it and the blanks that follow. */
static int parse_number(const char **p, const char *end, uint32_t *ret)
{
	uint64_t value = 0;
	const char *start = *p;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		value = value * 10 + (uint64_t)(**p - '0');
		if (value > UINT32_MAX)
			return -EINVAL;
	}
	if (*p == start)
		return -EINVAL;
	*p = skip_blanks(*p, end);
	*ret = (uint32_t)value;
	return 0;
}

static int parse_range(const char **p, const char *end, struct range *ret)
{
	int r = parse_number(p, end, &ret->first);

	ret->last = ret->first;
	if (r < 0 || *p == end || **p != '-')
		return r;
	*p = skip_blanks(*p + 1, end);
	r = parse_number(p, end, &ret->last);
	if (r < 0)
		return r;
	return ret->first <= ret->last ? 0 : -EINVAL;
}

static int parse_list(const char *p, const char *end, struct ranges *set)
{
	struct range range = { 0 };
	int r;

	while (p < end) {
		r = parse_range(&p, end, &range);
		if (r < 0)
			return r;
		r = ranges_add(set, range.first, range.last);
		if (r < 0)
			return r;
		if (p == end)
			return 0;
		if (*p != ',')
			return -EINVAL;
		p = skip_blanks(p + 1, end);
		if (p == end)
			return -EINVAL;
	}
	return 0;
}

int ranges_parse(const char *text, struct ranges *ret)
{
	const char *end = text + strlen(text);
	struct ranges set = { 0 };
	int r;

	text = skip_blanks(text, end);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
		end--;
	if (end > text && *text == '[') {
		if (end - text < 2 || end[-1] != ']')
			return -EINVAL;
		text = skip_blanks(text + 1, --end);
	}
	r = parse_list(text, end, &set);
	if (r < 0) {
		ranges_done(&set);
		return r;
	}
	*ret = set;
	return 0;
}

char *ranges_format(const struct ranges *set)
{
	enum { ITEM_MAX = sizeof("4294967295-4294967295,") };
	char *text = malloc(set->n * ITEM_MAX + 1), *out = text;

	if (!text)
		return NULL;
	*out = '\0';
	for (size_t i = 0; i < set->n; i++) {
		const struct range *item = &set->items[i];

		out += sprintf(out, i > 0 ? ",%" PRIu32 : "%" PRIu32, item->first);
		if (item->last > item->first)
			out += sprintf(out, "-%" PRIu32, item->last);
	}
	return text;
}
