#include "lib/regex.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/utf8.h"

/*
 * A pattern is parsed into a tree of nodes, the tree is compiled to a program of steps, and the
 * program is run on all its threads at once: each step is in the set of those that wait for the next
 * character or it is not (Thompson's construction).
 */
enum { MAX_DEPTH = 100, MAX_REPEAT = 1000, NO_MAX = -1, NO_NODE = -1, MAX_RANGES = 2 * REGEX_MAX_PATTERN };

struct range {
	uint32_t first, last;
};

/* A set of characters: ranges of the regex, or all others. */
struct set {
	unsigned first, n;
	bool is_negated, ignores_case;
};

enum node_type { NODE_EMPTY, NODE_SET, NODE_CAT, NODE_ALT, NODE_REPEAT, NODE_BEGIN, NODE_END };

struct node {
	enum node_type type;
	bool is_multiline;	/* of BEGIN and END */
	int left, right;	/* right only of CAT and ALT */
	int min, max;
	struct set set;
};

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };

struct step {
	enum op op;
	bool is_multiline;
	unsigned x, y;		/* where to go on; y of SPLIT only */
	struct set set;
};

struct regex {
	struct range *ranges;
	unsigned n_ranges, n_steps;
	struct step steps[REGEX_MAX_PROGRAM];
};

struct parser {
	const char *pattern, *at;
	struct regex *regex;
	struct node *nodes;
	int n_nodes, depth;
	unsigned cost;		/* of the program: what a character can cost it */
	bool ignores_case, is_dot_all, is_multiline;
	struct err *e;
};

static int parse_alternatives(struct parser *p, int *ret);

static int fail(struct parser *p, const char *what)
{
	return err_set(p->e, EINVAL, "regex '%.120s' has %s at byte %zu", p->pattern, what,
		       (size_t)(p->at - p->pattern));
}

/* ---- characters ---- */

static const char *decode(const char *at, uint32_t *ret)
{
	size_t size = utf8_length(at, strnlen(at, 4));

	if (size == 0) {
		/* Beyond Unicode, so that it equals itself alone. */
		*ret = 0x110000 + (unsigned char)*at;
		return at + 1;
	}
	/* The lead byte of N has N ones before its part of the character. */
	*ret = (unsigned char)*at & (size == 1 ? 0x7f : 0x7f >> size);
	for (size_t i = 1; i < size; i++)
		*ret = *ret << 6 | ((unsigned char)at[i] & 0x3f);
	return at + size;
}

static bool has(const struct regex *regex, const struct set *set, uint32_t c)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct range *range = &regex->ranges[set->first + i];

		if (c >= range->first && c <= range->last)
			return true;
	}
	return false;
}

static bool set_has(const struct regex *regex, const struct set *set, uint32_t c)
{
	bool is_in = has(regex, set, c);

	if (!is_in && set->ignores_case && c < 128 && isalpha((int)c))
		is_in = has(regex, set, c ^ 0x20);
	return is_in != set->is_negated;
}

static int add_range(struct parser *p, struct set *set, uint32_t first, uint32_t last)
{
	struct regex *regex = p->regex;

	if (regex->n_ranges >= MAX_RANGES)
		return fail(p, "too many characters in classes");
	regex->ranges[regex->n_ranges++] = (struct range){ first, last };
	set->n++;
	return 0;
}

/* Ranges of ASCII by name: of [[:name:]], and of what stands after a backslash. */
static const struct {
	const char *name;
	char escape;
	const char *ranges;	/* pairs of first and last */
} classes[] = {
	{ "digit", 'd', "09" }, { "word", 'w', "09AZaz__" }, { "space", 0, "\t\r  " },
	/* Perl's, which does not have the vertical tab. */
	{ "", 's', "\t\n\f\r  " },
	{ "alpha", 0, "AZaz" }, { "alnum", 0, "09AZaz" }, { "upper", 0, "AZ" }, { "lower", 0, "az" },
	{ "blank", 0, "\t\t  " }, { "punct", 0, "!/:@[`{~" }, { "xdigit", 0, "09AFaf" },
	{ "ascii", 0, "\1\177" }, { "cntrl", 0, "\1\37\177\177" }, { "graph", 0, "!~" },
	{ "print", 0, " ~" },
};

/* Or, as a list of ranges, all but them. */
static int add_class(struct parser *p, struct set *set, const char *ranges, bool is_negated)
{
	uint32_t next = 0;
	int r = 0;

	for (const char *at = ranges; *at && r == 0; at += 2) {
		uint32_t first = (unsigned char)at[0], last = (unsigned char)at[1];

		if (!is_negated)
			r = add_range(p, set, first, last);
		else if (first > next)
			r = add_range(p, set, next, first - 1);
		next = last + 1;
	}
	return r == 0 && is_negated ? add_range(p, set, next, UINT32_MAX) : r;
}

/* 1: it was a class; 0: it was none. */
static int parse_class_escape(struct parser *p, struct set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		int r;

		if (!classes[i].escape || tolower((unsigned char)p->at[1]) != classes[i].escape)
			continue;
		r = add_class(p, set, classes[i].ranges, isupper((unsigned char)p->at[1]));
		p->at += 2;
		return r < 0 ? r : 1;
	}
	return 0;
}

static int parse_hex(struct parser *p, uint32_t *ret)
{
	bool is_braced = *p->at == '{';
	char digits[9] = "", *end;
	size_t n = is_braced ? strcspn(p->at + 1, "}") : 2;

	if (n < 1 || n >= sizeof(digits) || (is_braced && !p->at[n + 1]) ||
	    strnlen(p->at, n) < n)
		return fail(p, "an invalid hexadecimal character");
	memcpy(digits, p->at + is_braced, n);
	*ret = (uint32_t)strtoul(digits, &end, 16);
	if (end != digits + n || !isxdigit((unsigned char)*digits) || *ret > 0x10ffff)
		return fail(p, "an invalid hexadecimal character");
	p->at += n + (is_braced ? 2 : 0);
	return 0;
}

/* One character after a backslash, which is passed. */
static int parse_escape(struct parser *p, uint32_t *ret)
{
	static const char names[] = "tnrfva", values[] = "\t\n\r\f\v\a";
	const char *name = *p->at ? strchr(names, *p->at) : NULL;

	if (name) {
		*ret = (unsigned char)values[name - names];
	} else if (*p->at == 'x') {
		p->at++;
		return parse_hex(p, ret);
	} else if (*p->at && ispunct((unsigned char)*p->at)) {
		*ret = (unsigned char)*p->at;
	} else {
		return fail(p, "an unknown escape");
	}
	p->at++;
	return 0;
}

static int parse_character(struct parser *p, uint32_t *ret)
{
	if (*p->at == '\\') {
		p->at++;
		return parse_escape(p, ret);
	}
	p->at = decode(p->at, ret);
	return 0;
}

/* [:name:] or [:^name:], at its '['; 0: it is none. */
static int parse_named_class(struct parser *p, struct set *set)
{
	bool is_negated = p->at[1] == ':' && p->at[2] == '^';
	const char *name = p->at + 2 + is_negated, *end;

	if (p->at[1] != ':' || !(end = strstr(name, ":]")))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		size_t size = strlen(classes[i].name);

		if (size == 0 || (size_t)(end - name) != size ||
		    memcmp(name, classes[i].name, size) != 0)
			continue;
		p->at = end + 2;
		return add_class(p, set, classes[i].ranges, is_negated) < 0 ? -EINVAL : 1;
	}
	return fail(p, "a class of unknown name");
}

static int parse_member(struct parser *p, struct set *set)
{
	uint32_t first, last;
	int r = *p->at == '[' ? parse_named_class(p, set) :
		*p->at == '\\' ? parse_class_escape(p, set) : 0;

	if (r != 0)
		return r;
	r = parse_character(p, &first);
	last = first;
	if (r == 0 && p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
		p->at++;
		r = parse_character(p, &last);
	}
	if (r < 0)
		return r;
	return last < first ? fail(p, "a range that ends before it begins") :
			      add_range(p, set, first, last);
}

static int parse_bracket(struct parser *p, struct set *set)
{
	const char *first;

	p->at++;
	set->is_negated = *p->at == '^';
	p->at += set->is_negated;
	/* A bracket that comes first is one of the characters. */
	for (first = p->at; *p->at && (*p->at != ']' || p->at == first);) {
		int r = parse_member(p, set);

		if (r < 0)
			return r;
	}
	if (*p->at != ']')
		return fail(p, "a class without end");
	p->at++;
	return 0;
}

/* ---- the tree ---- */

static int node_new(struct parser *p, enum node_type type, int left, int right)
{
	struct node *node = &p->nodes[p->n_nodes];

	/* Every node takes a byte of the pattern at least, but for those that hold two. */
	*node = (struct node){ .type = type, .left = left, .right = right };
	return p->n_nodes++;
}

static int set_new(struct parser *p, struct set **ret)
{
	int node = node_new(p, NODE_SET, NO_NODE, NO_NODE);

	*ret = &p->nodes[node].set;
	(*ret)->first = p->regex->n_ranges;
	(*ret)->ignores_case = p->ignores_case;
	return node;
}

static int position_new(struct parser *p, enum node_type type, bool is_multiline)
{
	int node = node_new(p, type, NO_NODE, NO_NODE);

	p->nodes[node].is_multiline = is_multiline;
	p->at++;
	return node;
}

/* "(?flags)" and the head of "(?flags:"; at the first flag. */
static int parse_flags(struct parser *p)
{
	bool value = true;

	for (; *p->at && *p->at != ')' && *p->at != ':'; p->at++) {
		if (*p->at == '-' && value)
			value = false;
		else if (*p->at == 'i')
			p->ignores_case = value;
		else if (*p->at == 's')
			p->is_dot_all = value;
		else if (*p->at == 'm')
			p->is_multiline = value;
		else
			return fail(p, "an unknown flag");
	}
	return 0;
}

static int skip_group_name(struct parser *p)
{
	size_t size;

	p->at += *p->at == 'P' ? 2 : 1;
	size = strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	p->at += size;
	if (size == 0 || *p->at != '>')
		return fail(p, "an invalid name of a group");
	p->at++;
	return 0;
}

/* What stands before the alternatives of a group; *ret_is_over: it was flags alone. */
static int parse_group_head(struct parser *p, bool *ret_is_over)
{
	int r;

	*ret_is_over = false;
	if (*p->at != '?')
		return 0;
	p->at++;
	if (strncmp(p->at, "P<", 2) == 0)
		return skip_group_name(p);
	r = parse_flags(p);
	if (r < 0)
		return r;
	*ret_is_over = *p->at == ')';
	if (!*p->at)
		return fail(p, "a group without end");
	p->at++;
	return 0;
}

static int parse_group(struct parser *p, int *ret)
{
	struct parser before = *p;
	bool is_over;
	int r;

	if (++p->depth > MAX_DEPTH)
		return fail(p, "groups that are nested too deep");
	p->at++;
	r = parse_group_head(p, &is_over);
	if (r == 0 && is_over) {
		/* Its flags hold until the end of what is around it. */
		*ret = node_new(p, NODE_EMPTY, NO_NODE, NO_NODE);
		p->depth--;
		return 0;
	}
	if (r == 0)
		r = parse_alternatives(p, ret);
	if (r == 0 && *p->at != ')')
		r = fail(p, "a group without end");
	if (r < 0)
		return r;
	p->at++;
	p->depth--;
	p->ignores_case = before.ignores_case;
	p->is_dot_all = before.is_dot_all;
	p->is_multiline = before.is_multiline;
	return 0;
}

static int parse_literal(struct parser *p, int *ret)
{
	struct set *set;
	uint32_t c;
	int r;

	*ret = set_new(p, &set);
	r = *p->at == '\\' ? parse_class_escape(p, set) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = parse_character(p, &c);
	return r < 0 ? r : add_range(p, set, c, c);
}

static int parse_dot(struct parser *p, int *ret)
{
	struct set *set;

	*ret = set_new(p, &set);
	p->at++;
	set->is_negated = true;
	return p->is_dot_all ? 0 : add_range(p, set, '\n', '\n');
}

static int parse_atom(struct parser *p, int *ret)
{
	struct set *set;

	switch (*p->at) {
	case '(':
		return parse_group(p, ret);
	case '[':
		*ret = set_new(p, &set);
		return parse_bracket(p, set);
	case '.':
		return parse_dot(p, ret);
	case '^':
		*ret = position_new(p, NODE_BEGIN, p->is_multiline);
		return 0;
	case '$':
		*ret = position_new(p, NODE_END, p->is_multiline);
		return 0;
	case '*': case '+': case '?':
		return fail(p, "nothing to repeat");
	case '\\':
		if (p->at[1] == 'A' || p->at[1] == 'z') {
			p->at++;
			*ret = position_new(p, *p->at == 'A' ? NODE_BEGIN : NODE_END, false);
			return 0;
		}
		return parse_literal(p, ret);
	default:
		return parse_literal(p, ret);
	}
}

/* "{n}", "{n,}" or "{n,m}"; 0: it is none, and a brace stands for itself. */
static int parse_counts(struct parser *p, int *ret_min, int *ret_max)
{
	const char *at = p->at + 1;
	unsigned long min, max;
	char *end;

	if (!isdigit((unsigned char)*at))
		return 0;
	min = max = strtoul(at, &end, 10);
	if (*end == ',' && end[1] == '}')
		max = MAX_REPEAT + 1, end++;
	else if (*end == ',' && isdigit((unsigned char)end[1]))
		max = strtoul(end + 1, &end, 10);
	if (*end != '}')
		return 0;
	if (min > MAX_REPEAT || max > MAX_REPEAT + 1 || max < min)
		return fail(p, "an invalid number of repetitions");
	*ret_min = (int)min;
	*ret_max = end[-1] == ',' ? NO_MAX : (int)max;
	p->at = end + 1;
	return 1;
}

/* 1: there was a sign of repetition; it is passed, with the sign of laziness. */
static int parse_repeat(struct parser *p, int *ret_min, int *ret_max)
{
	int r = 1;

	*ret_min = *p->at == '+';
	*ret_max = *p->at == '?' ? 1 : NO_MAX;
	if (*p->at == '{')
		r = parse_counts(p, ret_min, ret_max);
	else if (*p->at && strchr("*+?", *p->at))
		p->at++;
	else
		return 0;
	/* Whether it is lazy changes what is found first, not whether the whole matches. */
	if (r == 1 && *p->at == '?')
		p->at++;
	return r;
}

static int parse_repeated(struct parser *p, int *ret)
{
	int min, max, r = parse_atom(p, ret);

	if (r < 0)
		return r;
	r = parse_repeat(p, &min, &max);
	if (r <= 0)
		return r;
	*ret = node_new(p, NODE_REPEAT, *ret, NO_NODE);
	p->nodes[*ret].min = min;
	p->nodes[*ret].max = max;
	if (*p->at && strchr("*+?", *p->at))
		return fail(p, "a repetition of a repetition");
	return 0;
}

static int parse_sequence(struct parser *p, int *ret)
{
	int r = 0, node;

	*ret = node_new(p, NODE_EMPTY, NO_NODE, NO_NODE);
	while (r == 0 && *p->at && *p->at != '|' && *p->at != ')') {
		r = parse_repeated(p, &node);
		if (r == 0)
			*ret = node_new(p, NODE_CAT, *ret, node);
	}
	return r;
}

static int parse_alternatives(struct parser *p, int *ret)
{
	int r = parse_sequence(p, ret), node;

	while (r == 0 && *p->at == '|') {
		p->at++;
		r = parse_sequence(p, &node);
		if (r == 0)
			*ret = node_new(p, NODE_ALT, *ret, node);
	}
	return r;
}

/* ---- the program ---- */

static int compile(struct parser *p, int node);

static int charge(struct parser *p, unsigned cost)
{
	p->cost += cost;
	if (p->cost > REGEX_MAX_PROGRAM)
		return err_set(p->e, EINVAL, "regex '%.120s' is too complex: its program is larger"
			       " than the %d steps allowed", p->pattern, REGEX_MAX_PROGRAM);
	return 0;
}

/* The step's index, or -EINVAL. */
static int emit(struct parser *p, enum op op, unsigned cost)
{
	struct regex *regex = p->regex;

	if (charge(p, cost) < 0)
		return -EINVAL;
	regex->steps[regex->n_steps] = (struct step){ .op = op, .x = regex->n_steps + 1 };
	return (int)regex->n_steps++;
}

static int compile_alternatives(struct parser *p, const struct node *node)
{
	struct step *steps = p->regex->steps;
	int split = emit(p, OP_SPLIT, 1), jump, r;

	if (split < 0)
		return split;
	r = compile(p, node->left);
	jump = r < 0 ? r : emit(p, OP_JUMP, 1);
	if (jump < 0)
		return jump;
	steps[split].y = p->regex->n_steps;
	r = compile(p, node->right);
	steps[jump].x = p->regex->n_steps;
	return r;
}

/* After the MIN times: without end, or each of the others skips the rest. */
static int compile_optional(struct parser *p, const struct node *node)
{
	struct step *steps = p->regex->steps;
	unsigned first = p->regex->n_steps;
	int times = node->max == NO_MAX ? 1 : node->max - node->min, r = 0, jump;

	for (int i = 0; i < times && r >= 0; i++) {
		r = emit(p, OP_SPLIT, 1);
		if (r >= 0)
			r = compile(p, node->left);
	}
	if (r >= 0 && node->max == NO_MAX) {
		jump = emit(p, OP_JUMP, 1);
		if (jump < 0)
			return jump;
		steps[jump].x = first;
	}
	if (r < 0)
		return r;
	/* Those of this repetition do not know yet where they go: inner ones do. */
	for (unsigned i = first; i < p->regex->n_steps; i++) {
		if (steps[i].op == OP_SPLIT && steps[i].y == 0)
			steps[i].y = p->regex->n_steps;
	}
	return 0;
}

static int compile_repeat(struct parser *p, const struct node *node)
{
	int r = 0;

	/* Nothing, too, is not repeated without end. */
	for (int i = 0; i < node->min && r >= 0; i++) {
		r = charge(p, 1);
		if (r >= 0)
			r = compile(p, node->left);
	}
	return r < 0 ? r : compile_optional(p, node);
}

static int compile_position(struct parser *p, const struct node *node)
{
	int step = emit(p, node->type == NODE_BEGIN ? OP_BEGIN : OP_END, 1);

	if (step >= 0)
		p->regex->steps[step].is_multiline = node->is_multiline;
	return step;
}

static int compile(struct parser *p, int index)
{
	const struct node *node = &p->nodes[index];
	int r;

	switch (node->type) {
	case NODE_CAT:
		r = compile(p, node->left);
		return r < 0 ? r : compile(p, node->right);
	case NODE_ALT:
		return compile_alternatives(p, node);
	case NODE_REPEAT:
		return compile_repeat(p, node);
	case NODE_SET:
		r = emit(p, OP_SET, 1 + node->set.n);
		if (r >= 0)
			p->regex->steps[r].set = node->set;
		return r;
	case NODE_BEGIN:
	case NODE_END:
		return compile_position(p, node);
	case NODE_EMPTY:
	default:
		return 0;
	}
}

static int build(struct parser *p)
{
	int root, r = parse_alternatives(p, &root);

	if (r == 0 && *p->at)
		r = fail(p, "a parenthesis that closes nothing");
	if (r == 0)
		r = compile(p, root);
	if (r >= 0)
		r = emit(p, OP_MATCH, 1);
	return r < 0 ? r : 0;
}

int regex_new(const char *pattern, struct regex **ret, struct err *e)
{
	size_t size = strlen(pattern);
	AUTO_FREE struct node *nodes = NULL;
	struct parser p = { .pattern = pattern, .at = pattern, .e = e };
	int r;

	if (size > REGEX_MAX_PATTERN)
		return err_set(e, EINVAL, "regex has %zu bytes, more than the %d allowed", size,
			       REGEX_MAX_PATTERN);
	p.nodes = nodes = calloc(4 * size + 4, sizeof(*nodes));
	p.regex = calloc(1, sizeof(*p.regex));
	if (p.regex)
		p.regex->ranges = calloc(MAX_RANGES, sizeof(*p.regex->ranges));
	r = nodes && p.regex && p.regex->ranges ? build(&p) : err_set(e, ENOMEM, "compile regex");
	if (r < 0)
		regex_free(p.regex);
	else
		*ret = p.regex;
	return r;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	free(regex->ranges);
	free(regex);
}

/* ---- running it ---- */

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
		(void)decode(text, &place.after);
	follow(regex, now, 0, &place);
	while (*text && now->n > 0) {
		struct threads *done = now;
		uint32_t c;

		text = decode(text, &c);
		place = (struct place){ .is_last = !*text, .before = c };
		if (*text)
			(void)decode(text, &place.after);
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
