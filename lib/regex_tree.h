/* A regular expression as a tree: what the parser of lib/regex.h gives to its compiler. */
#ifndef LIB_REGEX_TREE_H
#define LIB_REGEX_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/regex.h"

struct err;

struct regex_range {
	uint32_t first, last;
};

/* A set of characters: N of the tree's ranges from the FIRST on, or all others. */
struct regex_set {
	unsigned first, n;
	bool is_negated, ignores_case;
};

enum regex_node_type {
	REGEX_EMPTY, REGEX_SET, REGEX_CAT, REGEX_ALT, REGEX_REPEAT, REGEX_BEGIN, REGEX_END
};

enum { REGEX_NO_MAX = -1, REGEX_MAX_RANGES = 2 * REGEX_MAX_PATTERN };

struct regex_node {
	enum regex_node_type type;
	bool is_multiline;	/* of BEGIN and END */
	int left, right;	/* right only of CAT and ALT */
	int min, max;		/* of REPEAT */
	struct regex_set set;
};

struct regex_tree {
	struct regex_node *nodes;
	struct regex_range *ranges;
	int n_nodes, root;
	unsigned n_ranges;
};

/* -EINVAL with what is wrong and where; -ENOMEM.  TREE is done in any case by regex_tree_done(). */
int regex_parse(const char *pattern, struct regex_tree *tree, struct err *e);
void regex_tree_done(struct regex_tree *tree);

/* The character at AT, and where the next one is.  A byte that is no UTF-8 equals itself alone. */
const char *regex_decode(const char *at, uint32_t *ret);

#endif
