/* Ids of apps or groups, in the order of the tree: what lies in a group is one piece of it. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_ID_INDEX_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_ID_INDEX_H

#include <stddef.h>

/* ID and ITEM are borrowed. */
struct id_index_entry {
	const char *id;
	void *item;
};

/* Zero-initialised is empty. */
struct id_index {
	struct id_index_entry *entries;
	size_t n;
};

/* Room for MOST; -ENOMEM. */
int id_index_init(struct id_index *index, size_t most);
void id_index_done(struct id_index *index);
/* One more of those there is room for; before the sorting that the rest asks for. */
void id_index_add(struct id_index *index, const char *id, void *item);
void id_index_sort(struct id_index *index);

/* NULL: there is none.  Above: with the id of a group that ID lies in, the root apart. */
const struct id_index_entry *id_index_find(const struct id_index *index, const char *id);
const struct id_index_entry *id_index_find_above(const struct id_index *index, const char *id);
/* The entries from *RET_FIRST on that are GROUP or lie in it: how many.  "/" has all. */
size_t id_index_within(const struct id_index *index, const char *group, size_t *ret_first);

#endif
