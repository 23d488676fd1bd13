#include "master_stub/marathon/definition/constraints.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/regex.h"
#include "master_stub/marathon/definition/refusal.h"

enum { VALUE_SIZE = CONSTRAINT_VALUE_SIZE };

enum operator {
	OP_UNIQUE,
	OP_CLUSTER,
	OP_GROUP_BY,
	OP_LIKE,
	OP_UNLIKE,
	OP_MAX_PER,
	OP_IS,
	N_OPERATORS,
};

static const char *const operator_names[N_OPERATORS] = {
	[OP_UNIQUE] = "UNIQUE", [OP_CLUSTER] = "CLUSTER", [OP_GROUP_BY] = "GROUP_BY",
	[OP_LIKE] = "LIKE",	[OP_UNLIKE] = "UNLIKE",	  [OP_MAX_PER] = "MAX_PER",
	[OP_IS] = "IS",
};

struct constraint {
	enum operator op;
	char *field;
	char *value;	/* NULL: none given */
	unsigned number;
	struct regex *regex;	/* of LIKE and UNLIKE */
};

/* ---- Checking and compiling ---- */

static enum operator find_operator(const char *name)
{
	enum operator op = OP_UNIQUE;

	while (op < N_OPERATORS && strcmp(operator_names[op], name) != 0)
		op++;
	return op;
}

static bool parse_count(const char *text, unsigned *ret)
{
	char *end;
	unsigned long number;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number > 1000000)
		return false;
	*ret = (unsigned)number;
	return true;
}

/*
 * The users' dialect is Java's.  What both know means the same; Java's intersections and unions of
 * classes would silently mean something else, and are refused with what nobody here knows.
 */
static bool has_only_plain_classes(const char *text)
{
	bool is_inside = false;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (*text == '[' && is_inside)
			return false;
		else if (is_inside && text[0] == '&' && text[1] == '&')
			return false;
		else if (*text == '[' || *text == ']')
			is_inside = *text == '[';
	}
	return true;
}

/* -EINVAL: it is no expression, or one that is not known or too large. */
static int compile_regex(const char *text, struct regex **ret)
{
	struct err e = { 0 };

	return has_only_plain_classes(text) ? regex_new(text, ret, &e) : -EINVAL;
}

static void validate_value(enum operator op, const char *value, const char *path,
			   struct problems *problems)
{
	struct regex *regex;
	unsigned number;

	switch (op) {
	case OP_UNIQUE:
		if (value)
			problems_add(problems, path, "UNIQUE does not accept a value");
		break;
	case OP_GROUP_BY:
		if (value && !parse_count(value, &number))
			problems_add(problems, path,
				     "GROUP_BY requires an integer value or no value");
		break;
	case OP_MAX_PER:
		if (!parse_count(value, &number))
			problems_add(problems, path, "MAX_PER requires an integer value");
		break;
	case OP_LIKE:
	case OP_UNLIKE:
		if (value && *value && compile_regex(value, &regex) == 0)
			regex_free(regex);
		else
			problems_add(problems, path, "LIKE and UNLIKE require a non-empty, "
						     "regular expression value");
		break;
	case OP_IS:
		if (!value || !*value)
			problems_add(problems, path, "IS requires a value");
		break;
	case OP_CLUSTER:
	case N_OPERATORS:
		break;
	}
}

void constraint_validate(const json_t *constraint, const char *path, struct problems *problems)
{
	size_t n = json_array_size(constraint);
	const char *field = json_string_value(json_array_get(constraint, 0));
	const char *name = json_string_value(json_array_get(constraint, 1));
	enum operator op = name ? find_operator(name) : N_OPERATORS;

	if (n < 2 || n > 3) {
		problems_add(problems, path, "Each constraint must have either 2 or 3 fields");
		return;
	}
	if (!field || !*field)
		problems_add(problems, path, "field must not be empty");
	if (op == N_OPERATORS)
		problems_add(problems, path, "operator must be one of the following UNIQUE, "
					     "CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS");
	else
		validate_value(op, json_string_value(json_array_get(constraint, 2)), path,
			       problems);
}

static int compile_one(const json_t *item, struct constraint *ret)
{
	const char *field = json_string_value(json_array_get(item, 0));
	const char *name = json_string_value(json_array_get(item, 1));
	const char *value = json_string_value(json_array_get(item, 2));

	if (!field || !name)
		return -EINVAL;
	ret->op = find_operator(name);
	ret->field = strdup(field);
	ret->value = value ? strdup(value) : NULL;
	if (!ret->field || (value && !ret->value))
		return -ENOMEM;
	(void)parse_count(value, &ret->number);
	if (ret->op == OP_LIKE || ret->op == OP_UNLIKE)
		return value ? compile_regex(value, &ret->regex) : -EINVAL;
	return ret->op == N_OPERATORS ? -EINVAL : 0;
}

int constraints_compile(const json_t *list, struct constraint **ret, unsigned *ret_n)
{
	unsigned n = (unsigned)json_array_size(list);
	struct constraint *constraints;
	int r = 0;

	*ret = NULL;
	*ret_n = 0;
	if (n == 0)
		return 0;
	constraints = calloc(n, sizeof(*constraints));
	if (!constraints)
		return -ENOMEM;
	for (unsigned i = 0; i < n && r == 0; i++)
		r = compile_one(json_array_get(list, i), &constraints[i]);
	if (r < 0) {
		constraints_free(constraints, n);
		return r;
	}
	*ret = constraints;
	*ret_n = n;
	return 0;
}

void constraints_free(struct constraint *constraints, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(constraints[i].field);
		free(constraints[i].value);
		regex_free(constraints[i].regex);
	}
	free(constraints);
}

/* ---- The value that a place has for a field, as text ---- */

/* Three decimals at most, without idle zeros: the form in which people write the constraint. */
static void format_scalar(double value, char ret[VALUE_SIZE])
{
	size_t size;

	(void)snprintf(ret, VALUE_SIZE, "%.3f", value);
	size = strlen(ret);
	while (size > 0 && ret[size - 1] == '0')
		ret[--size] = '\0';
	if (size > 0 && ret[size - 1] == '.')
		ret[--size] = '\0';
}

static int compare_ranges(const void *a, const void *b)
{
	const Mesos__V1__Value__Range *x = *(Mesos__V1__Value__Range *const *)a;
	const Mesos__V1__Value__Range *y = *(Mesos__V1__Value__Range *const *)b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

static void format_ranges(const Mesos__V1__Value__Ranges *ranges, char ret[VALUE_SIZE])
{
	AUTO_FREE Mesos__V1__Value__Range **sorted = calloc(ranges->n_range + 1, sizeof(*sorted));
	size_t used = 0;

	ret[0] = '\0';
	if (!sorted)
		return;
	memcpy(sorted, ranges->range, ranges->n_range * sizeof(*sorted));
	qsort(sorted, ranges->n_range, sizeof(*sorted), compare_ranges);
	for (size_t i = 0; i < ranges->n_range && used < VALUE_SIZE; i++)
		used += (size_t)snprintf(ret + used, VALUE_SIZE - used, "%s%llu-%llu",
					 i == 0 ? "[" : ",", (unsigned long long)sorted[i]->begin,
					 (unsigned long long)sorted[i]->end);
	if (used < VALUE_SIZE)
		(void)snprintf(ret + used, VALUE_SIZE - used, "%s", used > 0 ? "]" : "[]");
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void format_set(const Mesos__V1__Value__Set *set, char ret[VALUE_SIZE])
{
	AUTO_FREE char **items = calloc(set->n_item + 1, sizeof(*items));
	size_t used = 0;

	ret[0] = '\0';
	if (!items)
		return;
	memcpy(items, set->item, set->n_item * sizeof(*items));
	qsort(items, set->n_item, sizeof(*items), compare_text);
	for (size_t i = 0; i <= set->n_item && used < VALUE_SIZE; i++) {
		const char *before = i == 0 ? "{" : i < set->n_item ? "," : "";

		used += (size_t)snprintf(ret + used, VALUE_SIZE - used, "%s%s", before,
					 i < set->n_item ? items[i] : "}");
	}
}

static bool format_attribute(const Mesos__V1__Attribute *a, char ret[VALUE_SIZE])
{
	if (a->type == MESOS__V1__VALUE__TYPE__TEXT && a->text)
		(void)snprintf(ret, VALUE_SIZE, "%s", a->text->value);
	else if (a->type == MESOS__V1__VALUE__TYPE__SCALAR && a->scalar)
		format_scalar(a->scalar->value, ret);
	else if (a->type == MESOS__V1__VALUE__TYPE__RANGES && a->ranges)
		format_ranges(a->ranges, ret);
	else if (a->type == MESOS__V1__VALUE__TYPE__SET && a->set)
		format_set(a->set, ret);
	else
		return false;
	return true;
}

/* False: the agent does not have the field. */
static bool value_of(const struct place *place, const char *field, char ret[VALUE_SIZE])
{
	const Mesos__V1__DomainInfo__FaultDomain *fault =
		place->domain ? place->domain->fault_domain : NULL;
	const char *text = NULL;

	if (strcmp(field, "hostname") == 0 || strcmp(field, "@hostname") == 0)
		text = place->hostname;
	else if (strcmp(field, "@region") == 0)
		text = fault && fault->region ? fault->region->name : NULL;
	else if (strcmp(field, "@zone") == 0)
		text = fault && fault->zone ? fault->zone->name : NULL;
	if (text)
		return snprintf(ret, VALUE_SIZE, "%s", text) >= 0;
	for (size_t i = 0; i < place->n_attributes; i++) {
		if (strcmp(place->attributes[i]->name, field) == 0)
			return format_attribute(place->attributes[i], ret);
	}
	return false;
}

bool place_zone(const struct place *place, char ret_name[CONSTRAINT_VALUE_SIZE])
{
	static const char *const fields[] = { "@zone", "rack", "zone" };
	char region[VALUE_SIZE] = "", name[VALUE_SIZE];

	/* Zones of different regions may be called the same. */
	(void)value_of(place, "@region", region);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (value_of(place, fields[i], name))
			return snprintf(ret_name, VALUE_SIZE, "%.100s/%.150s", region, name) > 0;
	}
	return false;
}

/* ---- Counting ---- */

/* A value of a field, and the instances that have it. */
struct value {
	UT_hash_handle hh;
	unsigned n;
	char text[];
};

/* Of one constraint's field; without values where the operator counts none. */
struct tally {
	struct value *values;
	unsigned n_total;	/* instances that have the field at all */
	unsigned n_groups;	/* different values among them */
	unsigned fewest;	/* of any value that is known */
	unsigned n_larger;	/* GROUP_BY n: values with more than their part */
};

struct survey {
	unsigned instances, n;
	struct tally tallies[];
};

static bool is_counted(const struct constraint *c)
{
	return c->op == OP_UNIQUE || c->op == OP_MAX_PER || c->op == OP_GROUP_BY ||
	       (c->op == OP_CLUSTER && !(c->value && *c->value));
}

static int add_value(struct tally *tally, const char *text, unsigned n)
{
	size_t size = strlen(text);
	struct value *value;

	HASH_FIND(hh, tally->values, text, size, value);
	if (!value) {
		value = calloc(1, sizeof(*value) + size + 1);
		if (!value)
			return -ENOMEM;
		memcpy(value->text, text, size + 1);
		HASH_ADD_KEYPTR(hh, tally->values, value->text, size, value);
	}
	value->n += n;
	tally->n_total += n;
	return 0;
}

static unsigned part_of(const struct constraint *c, unsigned instances)
{
	return c->number > 0 ? instances / c->number : 0;
}

static int take_tally(const struct constraint *c, const struct occupied *nodes, size_t n_nodes,
		      unsigned instances, struct tally *tally)
{
	const struct value *value, *next;
	char text[VALUE_SIZE];

	for (size_t i = 0; i < n_nodes; i++) {
		if (value_of(&nodes[i].place, c->field, text) &&
		    add_value(tally, text, nodes[i].n_instances) < 0)
			return -ENOMEM;
	}
	tally->fewest = UINT_MAX;
	HASH_ITER(hh, tally->values, value, next) {
		tally->n_groups += value->n > 0;
		tally->fewest = value->n < tally->fewest ? value->n : tally->fewest;
		tally->n_larger += value->n > part_of(c, instances);
	}
	return 0;
}

int survey_new(const struct constraint *constraints, unsigned n, const struct occupied *nodes,
	       size_t n_nodes, unsigned instances, struct survey **ret)
{
	struct survey *survey;
	int r = 0;

	*ret = NULL;
	if (n == 0)
		return 0;
	survey = calloc(1, sizeof(*survey) + n * sizeof(survey->tallies[0]));
	if (!survey)
		return -ENOMEM;
	survey->instances = instances;
	survey->n = n;
	for (unsigned i = 0; i < n && r == 0; i++) {
		if (is_counted(&constraints[i]))
			r = take_tally(&constraints[i], nodes, n_nodes, instances,
				       &survey->tallies[i]);
	}
	if (r < 0)
		survey_free(survey);
	else
		*ret = survey;
	return r;
}

void survey_free(struct survey *survey)
{
	for (unsigned i = 0; survey && i < survey->n; i++) {
		struct value *value, *next;

		HASH_ITER(hh, survey->tallies[i].values, value, next) {
			HASH_DEL(survey->tallies[i].values, value);
			free(value);
		}
	}
	free(survey);
}

static unsigned count_value(const struct tally *tally, const char *text)
{
	const struct value *value;

	HASH_FIND(hh, tally->values, text, strlen(text), value);
	return value ? value->n : 0;
}

/* ---- Matching ---- */

/*
 * With N groups wanted, each takes its part of the instances and some one of the remainder.  Without a
 * number none gets one more while another that is known has fewer.
 */
static bool allows_group(const struct constraint *c, const struct tally *t, unsigned same,
			 unsigned instances)
{
	unsigned part = part_of(c, instances);

	if (c->number == 0)
		return same <= t->fewest;
	if (same == 0)
		return t->n_groups < c->number;
	return same < part || (same == part && t->n_larger < instances % c->number);
}

/* Scalars are compared as the resources are: in thousandths. */
static bool is_equal(const char *have, const char *want)
{
	char *end_have, *end_want;
	double a = strtod(have, &end_have), b = strtod(want, &end_want);

	if (strcmp(have, want) == 0)
		return true;
	return end_have != have && end_want != want && !*end_have && !*end_want &&
	       nearbyint(a * 1000) == nearbyint(b * 1000);
}

static bool allows_value(const struct constraint *c, const char *value, const struct tally *t,
			 unsigned instances)
{
	unsigned same = count_value(t, value);

	switch (c->op) {
	case OP_UNIQUE:
		return same == 0;
	case OP_MAX_PER:
		return same < c->number;
	case OP_LIKE:
		return regex_matches(c->regex, value);
	case OP_UNLIKE:
		return !regex_matches(c->regex, value);
	case OP_IS:
		return c->value && is_equal(value, c->value);
	case OP_CLUSTER:
		return c->value && *c->value ? strcmp(value, c->value) == 0
					     : t->n_total == 0 || same > 0;
	case OP_GROUP_BY:
		return allows_group(c, t, same, instances);
	case N_OPERATORS:
		break;
	}
	return false;
}

unsigned constraints_refusing(const struct constraint *constraints, unsigned n,
			      const struct place *candidate, const struct survey *survey)
{
	char value[VALUE_SIZE];

	for (unsigned i = 0; i < n; i++) {
		bool has_value = value_of(candidate, constraints[i].field, value);

		if (has_value ? !allows_value(&constraints[i], value, &survey->tallies[i],
					      survey->instances)
			      : constraints[i].op != OP_UNLIKE)
			return i;
	}
	return n;
}

bool constraints_allow(const struct constraint *constraints, unsigned n,
		       const struct place *candidate, const struct survey *survey)
{
	return constraints_refusing(constraints, n, candidate, survey) == n;
}

bool constraints_value(const struct constraint *constraints, unsigned index,
		       const struct place *place, char ret_value[CONSTRAINT_VALUE_SIZE])
{
	return value_of(place, constraints[index].field, ret_value);
}

void constraints_format(const struct constraint *constraints, unsigned index, char *ret,
			size_t size)
{
	const struct constraint *c = &constraints[index];

	(void)snprintf(ret, size, "%s %s%s%s", c->field, operator_names[c->op], c->value ? " " : "",
		       c->value ? c->value : "");
}

static const struct constraint *find_group_by(const struct constraint *constraints, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (constraints[i].op == OP_GROUP_BY)
			return &constraints[i];
	}
	return NULL;
}

bool constraints_have_groups(const struct constraint *constraints, unsigned n)
{
	return find_group_by(constraints, n) != NULL;
}

void constraints_group(const struct constraint *constraints, unsigned n, const struct place *place,
		       char ret_value[CONSTRAINT_VALUE_SIZE])
{
	const struct constraint *c = find_group_by(constraints, n);

	if (!c || !value_of(place, c->field, ret_value))
		ret_value[0] = '\0';
}
