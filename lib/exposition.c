#include "lib/exposition.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

enum { MAX_NUMBER = 64, MAX_ERROR_NAME = 128 };

/* What callers add up of many pages, or multiply, stays finite. */
#define MAX_SUM 1e100

#define DIGITS	"0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* One line, and where in it we are. */
struct line {
	const char *at, *end;
};

static void skip_blanks(struct line *line)
{
	while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
		line->at++;
}

static bool is_next(const struct line *line, char c)
{
	return line->at < line->end && *line->at == c;
}

static bool take(struct line *line, char c)
{
	if (!is_next(line, c))
		return false;
	line->at++;
	return true;
}

/* Characters of SET, of which the first is none of NOT_FIRST; 0: there is no such word. */
static size_t take_word(struct line *line, const char *set, const char *not_first)
{
	const char *start = line->at;

	while (line->at < line->end && *line->at && strchr(set, *line->at) &&
	       !(line->at == start && strchr(not_first, *line->at)))
		line->at++;
	return (size_t)(line->at - start);
}

static bool is_same(const char *data, size_t size, const char *text)
{
	return strlen(text) == size && memcmp(data, text, size) == 0;
}

/* What stands between quotes is compared with EXPECTED (NULL: nothing is) as it is read. */
static bool take_value(struct line *line, const char *expected, bool *ret_is_same)
{
	bool is_equal = expected != NULL;

	if (!take(line, '"'))
		return false;
	while (line->at < line->end && *line->at != '"') {
		char c = *line->at++;

		if (c == '\\') {
			if (line->at == line->end || !strchr("\\\"n", *line->at) || !*line->at)
				return false;
			c = *line->at++;
			c = c == 'n' ? '\n' : c;
		}
		is_equal = is_equal && *expected == c && c;
		if (is_equal)
			expected++;
	}
	*ret_is_same = is_equal && !*expected;
	return take(line, '"');
}

static const struct exposition_label *find_label(const struct exposition_query *query,
						 const char *name, size_t size)
{
	for (size_t i = 0; i < query->n_labels; i++) {
		if (is_same(name, size, query->labels[i].name))
			return &query->labels[i];
	}
	return NULL;
}

/* "{a="1",b="2"}": are all labels of QUERY there?  False: malformed. */
static bool take_labels(struct line *line, const struct exposition_query *query,
			bool *ret_matches)
{
	bool has[EXPOSITION_MAX_LABELS] = { 0 };

	skip_blanks(line);
	if (take(line, '{')) {
		for (skip_blanks(line); !is_next(line, '}'); skip_blanks(line)) {
			const char *name = line->at;
			size_t size = take_word(line, LETTERS DIGITS, DIGITS);
			const struct exposition_label *label = find_label(query, name, size);
			bool is_equal = false;

			skip_blanks(line);
			if (size == 0 || !take(line, '='))
				return false;
			skip_blanks(line);
			if (!take_value(line, label ? label->value : NULL, &is_equal))
				return false;
			if (label && !is_equal)
				*ret_matches = false;
			if (label)
				has[label - query->labels] = true;
			skip_blanks(line);
			if (!take(line, ',') && !is_next(line, '}'))
				return false;
		}
		line->at++;
	}
	for (size_t i = 0; i < query->n_labels; i++)
		*ret_matches = *ret_matches && (has[i] || !*query->labels[i].value);
	return true;
}

static bool take_number(struct line *line, double *ret)
{
	static const char *const words[] = { "NaN", "Inf", "+Inf", "-Inf" };
	const char *start = line->at;
	char text[MAX_NUMBER], *end;
	size_t size = take_word(line, LETTERS DIGITS "+-.", "");

	if (size == 0 || size >= sizeof(text))
		return false;
	memcpy(text, start, size);
	text[size] = '\0';
	*ret = NAN;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i], text) == 0)
			return true;
	}
	if (strspn(text, DIGITS "+-.eE") != size)
		return false;
	*ret = strtod(text, &end);
	return !*end;
}

/* One sample: true with *RET_MATCHES and *RET_VALUE, or malformed. */
static bool read_sample(struct line line, const struct exposition_query *query, bool *ret_matches,
			double *ret_value)
{
	const char *name = line.at;
	size_t size = take_word(&line, LETTERS DIGITS ":", DIGITS);
	double timestamp;

	*ret_matches = is_same(name, size, query->name);
	if (size == 0 || !take_labels(&line, query, ret_matches))
		return false;
	skip_blanks(&line);
	if (!take_number(&line, ret_value))
		return false;
	skip_blanks(&line);
	/* An example of OpenMetrics is a comment to us. */
	if (line.at == line.end || *line.at == '#')
		return true;
	if (!take_number(&line, &timestamp))
		return false;
	skip_blanks(&line);
	return line.at == line.end || *line.at == '#';
}

int exposition_read(const char *text, size_t size, const struct exposition_query *query,
		    struct exposition_sum *ret, struct err *e)
{
	struct exposition_sum found = { 0 };
	const char *next = text, *end = text + size;

	for (unsigned number = 1; next < end; number++) {
		const char *newline = memchr(next, '\n', (size_t)(end - next));
		struct line line = { next, newline ? newline : end };
		bool matches;
		double value;

		next = newline ? newline + 1 : end;
		if (line.at < line.end && line.end[-1] == '\r')
			line.end--;
		skip_blanks(&line);
		if (line.at == line.end || *line.at == '#')
			continue;
		if (!read_sample(line, query, &matches, &value))
			return err_set_code(e, EBADMSG, true,
					    "line %u is not of Prometheus's text format", number);
		if (!matches)
			continue;
		if (!isfinite(value))
			return err_set(e, ERANGE, "'%.*s' is not a number", MAX_ERROR_NAME,
				       query->name);
		found.sum += value;
		found.n++;
	}
	if (fabs(found.sum) > MAX_SUM)
		return err_set(e, ERANGE, "'%.*s' is too large: %g", MAX_ERROR_NAME, query->name,
			       found.sum);
	if (found.n == 0)
		return err_set_code(e, ENOENT, true, "there is no '%.*s' with these labels",
				    MAX_ERROR_NAME, query->name);
	*ret = found;
	return 0;
}
