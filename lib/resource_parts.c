#include "lib/resource_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/texts.h"

static void part_done(struct resource_part *part)
{
	free(part->role);
	free(part->volume);
	free(part->container_path);
	free(part->principal);
	reservations_unref(part->reservations);
	ranges_done(&part->ports);
}

void resource_parts_done(struct resource_parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		part_done(&parts->items[i]);
	free(parts->items);
	*parts = (struct resource_parts){ 0 };
}

static int compare(const struct resource_part *a, const struct resource_part *b)
{
	int order = a->kind - b->kind;

	if (order == 0)
		order = strcmp(a->role, b->role);
	if (order == 0)
		order = reservations_compare(a->reservations, b->reservations);
	return order ? order : texts_compare(a->volume, b->volume);
}

/* The place of LIKE, or where it would be. */
static size_t search(const struct resource_parts *parts, const struct resource_part *like,
		     bool *ret_is_found)
{
	size_t low = 0, high = parts->n;

	*ret_is_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(&parts->items[middle], like);

		if (order == 0) {
			*ret_is_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int part_copy(const struct resource_part *src, struct resource_part *ret)
{
	struct resource_part copy = {
		.kind = src->kind, .value = src->value,
		.reservations = reservations_ref(src->reservations),
	};

	if (ranges_copy(&src->ports, &copy.ports) < 0 ||
	    copy_text(src->role, &copy.role) < 0 || copy_text(src->volume, &copy.volume) < 0 ||
	    copy_text(src->container_path, &copy.container_path) < 0 ||
	    copy_text(src->principal, &copy.principal) < 0) {
		part_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static int insert(struct resource_parts *parts, size_t i, const struct resource_part *part)
{
	struct resource_part copy, *grown;

	if (part_copy(part, &copy) < 0)
		return -ENOMEM;
	grown = reallocarray(parts->items, parts->n + 1, sizeof(*grown));
	if (!grown) {
		part_done(&copy);
		return -ENOMEM;
	}
	parts->items = grown;
	memmove(&grown[i + 1], &grown[i], (parts->n - i) * sizeof(*grown));
	grown[i] = copy;
	parts->n++;
	return 0;
}

int resource_parts_add(struct resource_parts *parts, const struct resource_part *part)
{
	bool is_found;
	size_t i = search(parts, part, &is_found);

	if (!is_found)
		return insert(parts, i, part);
	if (ranges_add_all(&parts->items[i].ports, &part->ports) < 0)
		return -ENOMEM;
	parts->items[i].value += part->value;
	return 0;
}

int resource_parts_add_all(struct resource_parts *parts, const struct resource_parts *other)
{
	for (size_t i = 0; i < other->n; i++) {
		int r = resource_parts_add(parts, &other->items[i]);

		if (r == 0)
			continue;
		while (i > 0)
			resource_parts_remove(parts, &other->items[--i]);
		return r;
	}
	return 0;
}

int resource_parts_copy(const struct resource_parts *src, struct resource_parts *ret)
{
	struct resource_parts copy = { 0 };
	int r = resource_parts_add_all(&copy, src);

	if (r < 0)
		resource_parts_done(&copy);
	else
		*ret = copy;
	return r;
}

void resource_parts_remove(struct resource_parts *parts, const struct resource_part *part)
{
	bool is_found;
	size_t i = search(parts, part, &is_found);

	if (!is_found)
		return;
	(void)ranges_remove_all(&parts->items[i].ports, &part->ports);
	parts->items[i].value -= part->value;
	if (parts->items[i].value > 0 || parts->items[i].ports.n > 0)
		return;
	part_done(&parts->items[i]);
	parts->n--;
	memmove(&parts->items[i], &parts->items[i + 1], (parts->n - i) * sizeof(*parts->items));
	if (parts->n == 0) {
		free(parts->items);
		parts->items = NULL;
	}
}

void resource_parts_remove_all(struct resource_parts *parts, const struct resource_parts *other)
{
	for (size_t i = 0; i < other->n; i++)
		resource_parts_remove(parts, &other->items[i]);
}

const struct resource_part *resource_parts_find(const struct resource_parts *parts,
						const struct resource_part *like)
{
	bool is_found;
	size_t i = search(parts, like, &is_found);

	return is_found ? &parts->items[i] : NULL;
}

bool resource_parts_contain(const struct resource_parts *parts,
			    const struct resource_parts *subset)
{
	for (size_t i = 0; i < subset->n; i++) {
		const struct resource_part *wanted = &subset->items[i];
		const struct resource_part *found = resource_parts_find(parts, wanted);

		if (!found || !ranges_contains_all(&found->ports, &wanted->ports) ||
		    (wanted->volume ? found->value != wanted->value :
				      found->value < wanted->value))
			return false;
	}
	return true;
}

bool resource_parts_equal(const struct resource_parts *a, const struct resource_parts *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++) {
		if (compare(&a->items[i], &b->items[i]) != 0 ||
		    a->items[i].value != b->items[i].value ||
		    !ranges_equal(&a->items[i].ports, &b->items[i].ports))
			return false;
	}
	return a->n == b->n;
}

bool resource_part_is_for(const struct resource_part *part, const char *role)
{
	size_t n = strlen(part->role);

	return strncmp(part->role, role, n) == 0 && (role[n] == '\0' || role[n] == '/');
}
