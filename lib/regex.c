#include "lib/regex.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/regex_tree.h"

/*
 * The tree is compiled to a program of steps, and the program is run on all its threads at once: each
 * step is in the set of those that wait for the next character or it is not (Thompson's construction).
 */
enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };

struct step {
	enum op op;
	bool is_multiline;
	unsigned x, y;		/* where to go on; y of SPLIT only */
	struct regex_set set;
};

/* In one piece, as large as the program is. */
struct regex {
	const struct regex_range *ranges;	/* behind the steps */
	unsigned n_steps;
	struct step steps[];
};

_Static_assert(sizeof(struct regex) + REGEX_MAX_PROGRAM * sizeof(struct step) +
	       REGEX_MAX_RANGES * sizeof(struct regex_range) <= REGEX_MAX_BYTES, "as promised");

struct compiler {
	const char *pattern;
	const struct regex_tree *tree;
	unsigned n_steps;
	struct step steps[REGEX_MAX_PROGRAM];
	unsigned cost;		/* of the program: what a character can cost it */
	struct err *e;
};

/* ---- the program ---- */

static int compile(struct compiler *c, int node);

static int charge(struct compiler *c, unsigned cost)
{
	c->cost += cost;
	if (c->cost > REGEX_MAX_PROGRAM)
		return err_set(c->e, EINVAL, "regex '%.120s' is too complex: its program is larger"
			       " than the %d steps allowed", c->pattern, REGEX_MAX_PROGRAM);
	return 0;
}

/* The step's index, or -EINVAL. */
static int emit(struct compiler *c, enum op op, unsigned cost)
{
	if (charge(c, cost) < 0)
		return -EINVAL;
	c->steps[c->n_steps] = (struct step){ .op = op, .x = c->n_steps + 1 };
	return (int)c->n_steps++;
}

static int compile_alternatives(struct compiler *c, const struct regex_node *node)
{
	struct step *steps = c->steps;
	int split = emit(c, OP_SPLIT, 1), jump, r;

	if (split < 0)
		return split;
	r = compile(c, node->left);
	jump = r < 0 ? r : emit(c, OP_JUMP, 1);
	if (jump < 0)
		return jump;
	steps[split].y = c->n_steps;
	r = compile(c, node->right);
	steps[jump].x = c->n_steps;
	return r;
}

/* After the MIN times: without end, or each of the others skips the rest. */
static int compile_optional(struct compiler *c, const struct regex_node *node)
{
	struct step *steps = c->steps;
	unsigned first = c->n_steps;
	int times = node->max == REGEX_NO_MAX ? 1 : node->max - node->min, r = 0, jump;

	for (int i = 0; i < times && r >= 0; i++) {
		r = emit(c, OP_SPLIT, 1);
		if (r >= 0)
			r = compile(c, node->left);
	}
	if (r >= 0 && node->max == REGEX_NO_MAX) {
		jump = emit(c, OP_JUMP, 1);
		if (jump < 0)
			return jump;
		steps[jump].x = first;
	}
	if (r < 0)
		return r;
	/* Those of this repetition do not know yet where they go: inner ones do. */
	for (unsigned i = first; i < c->n_steps; i++) {
		if (steps[i].op == OP_SPLIT && steps[i].y == 0)
			steps[i].y = c->n_steps;
	}
	return 0;
}

static int compile_repeat(struct compiler *c, const struct regex_node *node)
{
	int r = 0;

	/* Nothing, too, is not repeated without end. */
	for (int i = 0; i < node->min && r >= 0; i++) {
		r = charge(c, 1);
		if (r >= 0)
			r = compile(c, node->left);
	}
	return r < 0 ? r : compile_optional(c, node);
}

static int compile_position(struct compiler *c, const struct regex_node *node)
{
	int step = emit(c, node->type == REGEX_BEGIN ? OP_BEGIN : OP_END, 1);

	if (step >= 0)
		c->steps[step].is_multiline = node->is_multiline;
	return step;
}

static int compile(struct compiler *c, int index)
{
	const struct regex_node *node = &c->tree->nodes[index];
	int r;

	switch (node->type) {
	case REGEX_CAT:
		r = compile(c, node->left);
		return r < 0 ? r : compile(c, node->right);
	case REGEX_ALT:
		return compile_alternatives(c, node);
	case REGEX_REPEAT:
		return compile_repeat(c, node);
	case REGEX_SET:
		r = emit(c, OP_SET, 1 + node->set.n);
		if (r >= 0)
			c->steps[r].set = node->set;
		return r;
	case REGEX_BEGIN:
	case REGEX_END:
		return compile_position(c, node);
	case REGEX_EMPTY:
	default:
		return 0;
	}
}

static int pack(const struct compiler *c, struct regex **ret)
{
	size_t steps = c->n_steps * sizeof(*c->steps);
	size_t ranges = c->tree->n_ranges * sizeof(*c->tree->ranges);
	struct regex *regex = malloc(sizeof(*regex) + steps + ranges);

	if (!regex)
		return err_set(c->e, ENOMEM, "compile regex");
	regex->n_steps = c->n_steps;
	memcpy(regex->steps, c->steps, steps);
	regex->ranges = memcpy(&regex->steps[c->n_steps], c->tree->ranges, ranges);
	*ret = regex;
	return 0;
}

int regex_new(const char *pattern, struct regex **ret, struct err *e)
{
	struct regex_tree tree = { 0 };
	struct compiler c = { .pattern = pattern, .tree = &tree, .e = e };
	int r;

	if (strlen(pattern) > REGEX_MAX_PATTERN)
		return err_set(e, EINVAL, "regex has %zu bytes, more than the %d allowed",
			       strlen(pattern), REGEX_MAX_PATTERN);
	r = regex_parse(pattern, &tree, e);
	if (r >= 0)
		r = compile(&c, tree.root);
	if (r >= 0)
		r = emit(&c, OP_MATCH, 1);
	if (r >= 0)
		r = pack(&c, ret);
	regex_tree_done(&tree);
	return r;
}

void regex_free(struct regex *regex)
{
	free(regex);
}

/* ---- running it ---- */

static bool has(const struct regex *regex, const struct regex_set *set, uint32_t c)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct regex_range *range = &regex->ranges[set->first + i];

		if (c >= range->first && c <= range->last)
			return true;
	}
	return false;
}

static bool set_has(const struct regex *regex, const struct regex_set *set, uint32_t c)
{
	bool is_in = has(regex, set, c);

	if (!is_in && set->ignores_case && c < 128 && isalpha((int)c))
		is_in = has(regex, set, c ^ 0x20);
	return is_in != set->is_negated;
}

/* Steps that wait for a character, and those already looked at. */
struct threads {
	unsigned steps[REGEX_MAX_PROGRAM], n;
	bool is_seen[REGEX_MAX_PROGRAM];
	bool has_matched;
};

struct place {
	bool is_first, is_last;
	uint32_t before, after;
};

static bool is_at(const struct step *step, const struct place *place)
{
	if (step->op == OP_BEGIN)
		return place->is_first || (step->is_multiline && place->before == '\n');
	return place->is_last || (step->is_multiline && place->after == '\n');
}

/* STEP, and all that can be reached from it without a character. */
static void follow(const struct regex *regex, struct threads *threads, unsigned first,
		   const struct place *place)
{
	unsigned stack[REGEX_MAX_PROGRAM + 1], n = 0;

	stack[n++] = first;
	while (n > 0) {
		unsigned index = stack[--n];
		const struct step *step = &regex->steps[index];

		if (threads->is_seen[index])
			continue;
		threads->is_seen[index] = true;
		if (step->op == OP_SET)
			threads->steps[threads->n++] = index;
		else if (step->op == OP_MATCH)
			threads->has_matched = true;
		else if ((step->op != OP_BEGIN && step->op != OP_END) || is_at(step, place))
			stack[n++] = step->x;
		if (step->op == OP_SPLIT)
			stack[n++] = step->y;
	}
}

bool regex_matches(const struct regex *regex, const char *text)
{
	struct threads sets[2] = { 0 }, *now = &sets[0], *next = &sets[1];
	struct place place = { .is_first = true, .is_last = !*text };

	if (*text)
		(void)regex_decode(text, &place.after);
	follow(regex, now, 0, &place);
	while (*text && now->n > 0) {
		struct threads *done = now;
		uint32_t c;

		text = regex_decode(text, &c);
		place = (struct place){ .is_last = !*text, .before = c };
		if (*text)
			(void)regex_decode(text, &place.after);
		*next = (struct threads){ 0 };
		for (unsigned i = 0; i < now->n; i++) {
			const struct step *step = &regex->steps[now->steps[i]];

			if (set_has(regex, &step->set, c))
				follow(regex, next, step->x, &place);
		}
		now = next;
		next = done;
	}
	return !*text && now->has_matched;
}
