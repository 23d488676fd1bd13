#include "master_stub/marathon/definition/label_selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { MAX_TERMS = 64 };

struct term {
	SLIST_ENTRY(term) all;
	char *key;
	json_t *values;		/* NULL: the key shall exist */
	bool is_negative;
};

struct label_selector {
	SLIST_HEAD(, term) terms;
};

/* Where the reading stands. */
struct cursor {
	const char *p;
	int error;
};

static void skip_blanks(struct cursor *c)
{
	while (*c->p == ' ' || *c->p == '\t')
		c->p++;
}

static bool take(struct cursor *c, const char *token)
{
	size_t size = strlen(token);

	skip_blanks(c);
	if (strncmp(c->p, token, size) != 0)
		return false;
	c->p += size;
	return true;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* A word of plain characters and escaped others; NULL with the error set. */
static char *read_word(struct cursor *c)
{
	size_t used = 0;
	char *word;

	skip_blanks(c);
	word = malloc(strlen(c->p) + 1);
	if (!word) {
		c->error = -ENOMEM;
		return NULL;
	}
	while (is_plain(*c->p) || (c->p[0] == '\\' && c->p[1])) {
		c->p += *c->p == '\\';
		word[used++] = *c->p++;
	}
	word[used] = '\0';
	if (used > 0)
		return word;
	free(word);
	c->error = -EINVAL;
	return NULL;
}

static void read_value(struct cursor *c, json_t *values)
{
	char *word = read_word(c);

	/* A cut character leaves bytes that are not text: no label has them. */
	if (word && json_array_append_new(values, json_string(word)) < 0)
		c->error = -EINVAL;
	free(word);
}

static void read_set(struct cursor *c, json_t *values)
{
	if (!take(c, "(")) {
		c->error = -EINVAL;
		return;
	}
	do
		read_value(c, values);
	while (c->error == 0 && take(c, ","));
	if (c->error == 0 && !take(c, ")"))
		c->error = -EINVAL;
}

/* An operator that is a word is one only when the word ends there. */
static bool take_word(struct cursor *c, const char *word)
{
	struct cursor before = *c;

	if (take(c, word) && !is_plain(*c->p))
		return true;
	*c = before;
	return false;
}

/* No operator: the key alone is asked for. */
static void read_operator(struct cursor *c, struct term *term)
{
	bool is_set = take_word(c, "in");

	if (!is_set && take_word(c, "notin"))
		is_set = term->is_negative = true;
	if (!is_set && take(c, "!="))
		term->is_negative = true;
	else if (!is_set && !take(c, "=="))
		return;
	term->values = json_array();
	if (is_set)
		read_set(c, term->values);
	else
		read_value(c, term->values);
}

static void term_free(struct term *term)
{
	free(term->key);
	json_decref(term->values);
	free(term);
}

static struct term *read_term(struct cursor *c)
{
	struct term *term = calloc(1, sizeof(*term));

	if (!term) {
		c->error = -ENOMEM;
		return NULL;
	}
	term->key = read_word(c);
	if (term->key)
		read_operator(c, term);
	if (c->error == 0)
		return term;
	term_free(term);
	return NULL;
}

int label_selector_parse(const char *text, struct label_selector **ret)
{
	struct label_selector *selector = calloc(1, sizeof(*selector));
	struct cursor c = { .p = text };
	unsigned n = 0;

	if (!selector)
		return -ENOMEM;
	do {
		struct term *term = read_term(&c);

		if (term)
			SLIST_INSERT_HEAD(&selector->terms, term, all);
		if (++n > MAX_TERMS)
			c.error = -EINVAL;
	} while (c.error == 0 && take(&c, ","));
	skip_blanks(&c);
	if (c.error == 0 && *c.p)
		c.error = -EINVAL;
	if (c.error < 0) {
		label_selector_free(selector);
		return c.error;
	}
	*ret = selector;
	return 0;
}

void label_selector_free(struct label_selector *selector)
{
	struct term *term;

	if (!selector)
		return;
	while ((term = SLIST_FIRST(&selector->terms))) {
		SLIST_REMOVE_HEAD(&selector->terms, all);
		term_free(term);
	}
	free(selector);
}

static bool term_matches(const struct term *term, const json_t *labels)
{
	const json_t *value = json_object_get(labels, term->key);
	bool is_one = false;

	if (!value || !term->values)
		return value != NULL;
	for (size_t i = 0; i < json_array_size(term->values); i++)
		is_one |= json_equal(value, json_array_get(term->values, i));
	return is_one != term->is_negative;
}

bool label_selector_matches(const struct label_selector *selector, const json_t *labels)
{
	const struct term *term;

	SLIST_FOREACH(term, &selector->terms, all) {
		if (!term_matches(term, labels))
			return false;
	}
	return true;
}
