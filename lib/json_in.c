#include "lib/json_in.h"

#include <errno.h>
#include <stdbool.h>

#include "lib/err.h"

/* Where the first pass over the bytes stands. */
struct scan {
	size_t depth, values;
	unsigned line, column;
	bool in_string, is_escaped;
	bool in_scalar;		/* in a number or a word */
	bool after_string;	/* a string has ended: a colon now makes it a key */
};

static void scan_string_byte(struct scan *s, char c)
{
	if (s->is_escaped) {
		s->is_escaped = false;
	} else if (c == '\\') {
		s->is_escaped = true;
	} else if (c == '"') {
		s->in_string = false;
		s->after_string = true;
	}
}

static void scan_byte(struct scan *s, char c)
{
	bool was_scalar = s->in_scalar;

	s->in_scalar = false;
	switch (c) {
	case ' ': case '\t': case '\r': case '\n':
		return;
	case '"':
		s->in_string = true;
		s->values++;
		return;
	case '{': case '[':
		s->depth++;
		s->values++;
		break;
	case '}': case ']':
		if (s->depth > 0)
			s->depth--;
		break;
	case ':':
		if (s->after_string)
			s->values--;
		break;
	case ',':
		break;
	default:
		s->in_scalar = true;
		if (!was_scalar)
			s->values++;
		break;
	}
	s->after_string = false;
}

/*
 * Count without building.  On text that is not JSON the counts mean little, but jansson stops at
 * the first fault, and up to there they are exact.
 */
static int check_bounds(const char *data, size_t size, unsigned max_values, struct err *e)
{
	struct scan s = { .line = 1 };

	for (size_t i = 0; i < size; i++) {
		s.column++;
		if (data[i] == '\n') {
			s.line++;
			s.column = 0;
		}
		if (s.in_string)
			scan_string_byte(&s, data[i]);
		else
			scan_byte(&s, data[i]);
		if (s.depth > JSON_IN_MAX_DEPTH)
			return err_set(e, EINVAL, "line %u column %u: nested deeper than %d levels",
				       s.line, s.column, JSON_IN_MAX_DEPTH);
		if (s.values > max_values)
			return err_set(e, E2BIG, "line %u column %u: more than %u values", s.line,
				       s.column, max_values);
	}
	return 0;
}

int json_in_parse(const void *data, size_t size, json_t **ret, struct err *e)
{
	return json_in_parse_up_to(data, size, JSON_IN_MAX_VALUES, ret, e);
}

int json_in_parse_up_to(const void *data, size_t size, unsigned max_values, json_t **ret,
			struct err *e)
{
	json_error_t fault;
	json_t *json;
	int r;

	r = check_bounds(data, size, max_values, e);
	if (r < 0)
		return r;
	json = json_loadb(data ? data : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	if (!json && json_error_code(&fault) == json_error_out_of_memory)
		return err_set(e, ENOMEM, "read JSON");
	if (!json)
		return err_set(e, EINVAL, "line %d column %d: %s", fault.line, fault.column,
			       fault.text);
	*ret = json;
	return 0;
}
