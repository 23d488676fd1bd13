#include "master_stub/marathon/deployment/id_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/definition/app_id.h"

int id_index_init(struct id_index *index, size_t most)
{
	*index = (struct id_index){ .entries = calloc(most + 1, sizeof(*index->entries)) };
	return index->entries ? 0 : -ENOMEM;
}

void id_index_done(struct id_index *index)
{
	free(index->entries);
	*index = (struct id_index){ 0 };
}

void id_index_add(struct id_index *index, const char *id, void *item)
{
	index->entries[index->n++] = (struct id_index_entry){ .id = id, .item = item };
}

/* A slash is before all else, so that nothing, like "/a-b", comes between "/a" and "/a/b". */
static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : 2 + (unsigned char)c;
}

static int compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank(*a) - rank(*b);
}

static int compare_entries(const void *a, const void *b)
{
	const struct id_index_entry *x = a, *y = b;

	return compare(x->id, y->id);
}

void id_index_sort(struct id_index *index)
{
	qsort(index->entries, index->n, sizeof(*index->entries), compare_entries);
}

/* The first from FROM on that is not before ID, or, with IS_BEHIND, does not lie in it either. */
static size_t lower_bound(const struct id_index *index, size_t from, const char *id, bool is_behind)
{
	size_t end = index->n;

	while (from < end) {
		size_t middle = from + (end - from) / 2;
		const char *other = index->entries[middle].id;

		if (compare(other, id) < 0 || (is_behind && app_id_is_within(other, id)))
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

const struct id_index_entry *id_index_find(const struct id_index *index, const char *id)
{
	size_t at = lower_bound(index, 0, id, false);

	return at < index->n && strcmp(index->entries[at].id, id) == 0 ? &index->entries[at] : NULL;
}

const struct id_index_entry *id_index_find_above(const struct id_index *index, const char *id)
{
	const struct id_index_entry *found = NULL;
	char group[APP_ID_SIZE], *slash;

	(void)snprintf(group, sizeof(group), "%s", id);
	while (!found && (slash = strrchr(group, '/')) && slash > group) {
		*slash = '\0';
		found = id_index_find(index, group);
	}
	return found;
}

size_t id_index_within(const struct id_index *index, const char *group, size_t *ret_first)
{
	size_t first = lower_bound(index, 0, group, false);

	*ret_first = first;
	return lower_bound(index, first, group, true) - first;
}
