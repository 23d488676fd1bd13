#include "lib/regex_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/regex.h"
#include "lib/utf8.h"

enum { MAX_DEPTH = 100, MAX_REPEAT = 1000, NO_NODE = -1 };

struct parser {
	const char *pattern, *at;
	struct regex_tree *tree;
	int depth;
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

const char *regex_decode(const char *at, uint32_t *ret)
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

static int add_range(struct parser *p, struct regex_set *set, uint32_t first, uint32_t last)
{
	struct regex_tree *tree = p->tree;

	if (tree->n_ranges >= REGEX_MAX_RANGES)
		return fail(p, "too many characters in classes");
	tree->ranges[tree->n_ranges++] = (struct regex_range){ first, last };
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
static int add_class(struct parser *p, struct regex_set *set, const char *ranges, bool is_negated)
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
static int parse_class_escape(struct parser *p, struct regex_set *set)
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
	p->at = regex_decode(p->at, ret);
	return 0;
}

/* [:name:] or [:^name:], at its '['; 0: it is none. */
static int parse_named_class(struct parser *p, struct regex_set *set)
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

static int parse_member(struct parser *p, struct regex_set *set)
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

static int parse_bracket(struct parser *p, struct regex_set *set)
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

static int node_new(struct parser *p, enum regex_node_type type, int left, int right)
{
	struct regex_node *node = &p->tree->nodes[p->tree->n_nodes];

	/* Every node takes a byte of the pattern at least, but for those that hold two. */
	*node = (struct regex_node){ .type = type, .left = left, .right = right };
	return p->tree->n_nodes++;
}

static int set_new(struct parser *p, struct regex_set **ret)
{
	int node = node_new(p, REGEX_SET, NO_NODE, NO_NODE);

	*ret = &p->tree->nodes[node].set;
	(*ret)->first = p->tree->n_ranges;
	(*ret)->ignores_case = p->ignores_case;
	return node;
}

static int position_new(struct parser *p, enum regex_node_type type, bool is_multiline)
{
	int node = node_new(p, type, NO_NODE, NO_NODE);

	p->tree->nodes[node].is_multiline = is_multiline;
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
		*ret = node_new(p, REGEX_EMPTY, NO_NODE, NO_NODE);
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
	struct regex_set *set;
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
	struct regex_set *set;

	*ret = set_new(p, &set);
	p->at++;
	set->is_negated = true;
	return p->is_dot_all ? 0 : add_range(p, set, '\n', '\n');
}

static int parse_atom(struct parser *p, int *ret)
{
	struct regex_set *set;

	switch (*p->at) {
	case '(':
		return parse_group(p, ret);
	case '[':
		*ret = set_new(p, &set);
		return parse_bracket(p, set);
	case '.':
		return parse_dot(p, ret);
	case '^':
		*ret = position_new(p, REGEX_BEGIN, p->is_multiline);
		return 0;
	case '$':
		*ret = position_new(p, REGEX_END, p->is_multiline);
		return 0;
	case '*': case '+': case '?':
		return fail(p, "nothing to repeat");
	case '\\':
		if (p->at[1] == 'A' || p->at[1] == 'z') {
			p->at++;
			*ret = position_new(p, *p->at == 'A' ? REGEX_BEGIN : REGEX_END, false);
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
	*ret_max = end[-1] == ',' ? REGEX_NO_MAX : (int)max;
	p->at = end + 1;
	return 1;
}

/* 1: there was a sign of repetition; it is passed, with the sign of laziness. */
static int parse_repeat(struct parser *p, int *ret_min, int *ret_max)
{
	int r = 1;

	*ret_min = *p->at == '+';
	*ret_max = *p->at == '?' ? 1 : REGEX_NO_MAX;
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
	*ret = node_new(p, REGEX_REPEAT, *ret, NO_NODE);
	p->tree->nodes[*ret].min = min;
	p->tree->nodes[*ret].max = max;
	if (*p->at && strchr("*+?", *p->at))
		return fail(p, "a repetition of a repetition");
	return 0;
}

static int parse_sequence(struct parser *p, int *ret)
{
	int r = 0, node;

	*ret = node_new(p, REGEX_EMPTY, NO_NODE, NO_NODE);
	while (r == 0 && *p->at && *p->at != '|' && *p->at != ')') {
		r = parse_repeated(p, &node);
		if (r == 0)
			*ret = node_new(p, REGEX_CAT, *ret, node);
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
			*ret = node_new(p, REGEX_ALT, *ret, node);
	}
	return r;
}

int regex_parse(const char *pattern, struct regex_tree *tree, struct err *e)
{
	struct parser p = { .pattern = pattern, .at = pattern, .tree = tree, .e = e };
	int r;

	tree->nodes = calloc(4 * strlen(pattern) + 4, sizeof(*tree->nodes));
	tree->ranges = calloc(REGEX_MAX_RANGES, sizeof(*tree->ranges));
	if (!tree->nodes || !tree->ranges)
		return err_set(e, ENOMEM, "compile regex");
	r = parse_alternatives(&p, &tree->root);
	return r == 0 && *p.at ? fail(&p, "a parenthesis that closes nothing") : r;
}

void regex_tree_done(struct regex_tree *tree)
{
	free(tree->nodes);
	free(tree->ranges);
	*tree = (struct regex_tree){ 0 };
}
