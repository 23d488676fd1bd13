#include "isolators/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_text.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { FIRST_CAP = 16 };

/* ---- the list ---- */

void limits_done(struct limits *limits)
{
	for (size_t i = 0; i < limits->n; i++)
		free(limits->items[i].text);
	free(limits->items);
	*limits = (struct limits){ 0 };
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct limit *find_place(const struct limits *limits, const struct limit *limit)
{
	for (size_t i = 0; i < limits->n; i++) {
		struct limit *known = &limits->items[i];

		if (strcmp(known->file, limit->file) == 0 &&
		    is_same_text(known->key, limit->key) && is_same_text(known->name, limit->name))
			return known;
	}
	return NULL;
}

static const char *copy_text(char **at, const char *text)
{
	const char *copy = *at;

	if (!text)
		return NULL;
	*at = stpcpy(*at, text) + 1;
	return copy;
}

static int copy_limit(const struct limit *limit, struct limit *ret)
{
	const char *const texts[] = { limit->file, limit->key, limit->name, limit->value };
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		size += texts[i] ? strlen(texts[i]) + 1 : 0;
	at = malloc(size);
	if (!at)
		return -ENOMEM;
	*ret = *limit;
	ret->text = at;
	ret->file = copy_text(&at, limit->file);
	ret->key = copy_text(&at, limit->key);
	ret->name = copy_text(&at, limit->name);
	ret->value = copy_text(&at, limit->value);
	return 0;
}

static int grow(struct limits *limits)
{
	size_t cap = limits->cap ? 2 * limits->cap : FIRST_CAP;
	struct limit *items;

	if (limits->n < limits->cap)
		return 0;
	items = realloc(limits->items, cap * sizeof(*items));
	if (!items)
		return -ENOMEM;
	limits->items = items;
	limits->cap = cap;
	return 0;
}

int limits_add(struct limits *limits, const struct limit *limit, struct err *e)
{
	struct limit *place = find_place(limits, limit);
	struct limit copy;

	if ((!place && grow(limits) < 0) || copy_limit(limit, &copy) < 0)
		return err_set(e, ENOMEM, "%s: list limits", limit->path);
	if (place)
		free(place->text);
	else
		place = &limits->items[limits->n++];
	*place = copy;
	return 0;
}

int limits_add_number(struct limits *limits, const char *path, const char *file, int64_t number,
		      struct err *e)
{
	struct limit limit = { .path = path, .file = file, .value = "max" };
	char text[32];

	if (number >= 0) {
		(void)snprintf(text, sizeof(text), "%" PRId64, number);
		limit.value = text;
	}
	return limits_add(limits, &limit, e);
}

/* ---- one limit and its file ---- */

static const char *find_line(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line++) {
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return line + length + 1;
		line += strcspn(line, "\n");
		if (!*line)
			break;
	}
	return NULL;
}

static const char *find_name(const char *line, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = line; *p && *p != '\n'; p += strspn(p, " ")) {
		if (strncmp(p, name, length) == 0 && p[length] == '=')
			return p + length + 1;
		p += strcspn(p, " \n");
	}
	return NULL;
}

char *limit_find(const struct limit *limit, const char *text)
{
	const char *at = limit->key ? find_line(text, limit->key) : text;

	if (at && limit->name)
		at = find_name(at, limit->name);
	/* What a keyed file does not list has no limit of its own. */
	if (!at)
		return strdup(limit->name ? "max" : "default");
	return strndup(at, strcspn(at, limit->name ? " \n" : "\n"));
}

static bool is_equal(const char *a, const char *b)
{
	uint64_t number_a, number_b;

	if (cgroup_text_u64(a, &number_a) == 0 && cgroup_text_u64(b, &number_b) == 0)
		return number_a == number_b;
	return strcmp(a, b) == 0;
}

/* The first number of "20000 100000"; 0 for what is none. */
static uint64_t first_number(const char *value)
{
	char word[32];
	uint64_t number;

	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(value, " "), value);
	return cgroup_text_u64(word, &number) == 0 ? number : 0;
}

static int write_value(const struct limit *limit, const struct cgroup *cg, const char *value,
		       struct err *e)
{
	AUTO_FREE char *line = NULL;
	int r = 0;

	if (limit->name)
		r = asprintf(&line, "%s %s=%s", limit->key, limit->name, value);
	else if (limit->key)
		r = asprintf(&line, "%s %s", limit->key, value);
	if (r < 0) {
		line = NULL;
		return err_set(e, ENOMEM, "%s: write cgroup file '%s'", limit->path, limit->file);
	}
	r = cgroup_write(cg, limit->file, line ? line : value, e);
	if (r == -ENOTSUP && limit->is_optional) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? err_wrap(e, "%s", limit->path) : 0;
}

/*
 * 1 and *RET (owned), or 0 when the value cannot be known: an optional file that is missing
 * (*RET_IS_MISSING), or one that is there to be written only.
 */
static int read_value(const struct limit *limit, const struct cgroup *cg, char **ret,
		      bool *ret_is_missing, struct err *e)
{
	char text[CGROUP_TEXT_SIZE];
	int r = cgroup_read(cg, limit->file, text, sizeof(text), e);

	*ret_is_missing = r == -ENOTSUP && limit->is_optional;
	if (*ret_is_missing || r == -EACCES || r == -EINVAL) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return err_wrap(e, "%s", limit->path);
	*ret = limit_find(limit, text);
	return *ret ? 1 : err_set(e, ENOMEM, "%s: read cgroup file '%s'", limit->path, limit->file);
}

int limits_write(const struct limits *limits, const struct cgroup *cg, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < limits->n && r == 0; i++)
		r = write_value(&limits->items[i], cg, limits->items[i].value, e);
	return r;
}

/* ---- changing ---- */

struct limit_change {
	struct limit limit;	/* its text is owned here */
	char *old;		/* NULL: not known */
	bool is_reduction, is_done;
};

void limits_changes_done(struct limits_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		free(changes->items[i].limit.text);
		free(changes->items[i].old);
	}
	free(changes->items);
	*changes = (struct limits_changes){ 0 };
}

static int check_floor(const struct limit *limit, const struct cgroup *cg, struct err *e)
{
	uint64_t wanted = first_number(limit->value), used;
	int r = cgroup_read_u64(cg, limit->floor, &used, e);

	if (r < 0)
		return err_wrap(e, "%s", limit->path);
	if (wanted >= used)
		return 0;
	return err_set(e, EBUSY, "%s: %s is below the %" PRIu64 " in use", limit->path,
		       limit->value, used);
}

static int plan_one(const struct limit *limit, const struct cgroup *cg,
		    struct limits_changes *changes, struct err *e)
{
	struct limit_change *change = &changes->items[changes->n];
	AUTO_FREE char *old = NULL;
	bool is_missing;
	int r = read_value(limit, cg, &old, &is_missing, e);

	if (r < 0 || is_missing || (old && is_equal(old, limit->value)))
		return r < 0 ? r : 0;
	*change = (struct limit_change){
		.is_reduction = old && !limit->is_switch &&
			first_number(limit->value) < first_number(old),
	};
	if (change->is_reduction && limit->floor) {
		r = check_floor(limit, cg, e);
		if (r < 0)
			return r;
	}
	if (copy_limit(limit, &change->limit) < 0)
		return err_set(e, ENOMEM, "%s: list changes", limit->path);
	change->old = TAKE_PTR(old);
	changes->n++;
	return 0;
}

static int plan(const struct limits *limits, const struct cgroup *cg,
		struct limits_changes *changes, struct err *e)
{
	int r = 0;

	changes->items = calloc(limits->n ? limits->n : 1, sizeof(*changes->items));
	if (!changes->items)
		return err_set(e, ENOMEM, "list changes of limits");
	for (size_t i = 0; i < limits->n && r == 0; i++)
		r = plan_one(&limits->items[i], cg, changes, e);
	return r;
}

/* In order with IS_REDUCTION false, in reverse with true. */
static int write_changes(struct limits_changes *changes, const struct cgroup *cg,
			 bool is_reduction, struct err *e)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct limit_change *c = &changes->items[is_reduction ? changes->n - 1 - i : i];
		int r;

		if (c->is_reduction != is_reduction)
			continue;
		r = write_value(&c->limit, cg, c->limit.value, e);
		if (r < 0)
			return r;
		c->is_done = true;
	}
	return 0;
}

/*
 * The way back is again raises before reductions: what was reduced last is raised first, what was
 * raised last is reduced first.
 */
void limits_take_back(struct limits_changes *changes, const struct cgroup *cg)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < changes->n; i++) {
			struct limit_change *c =
				&changes->items[pass == 0 ? i : changes->n - 1 - i];
			struct err lost = { 0 };

			if (!c->is_done || !c->old || c->is_reduction != (pass == 0))
				continue;
			(void)write_value(&c->limit, cg, c->old, &lost);
			c->is_done = false;
		}
	}
}

int limits_change(const struct limits *limits, const struct cgroup *cg, struct limits_changes *ret,
		  struct err *e)
{
	struct limits_changes changes = { 0 };
	int r = plan(limits, cg, &changes, e);

	if (r == 0)
		r = write_changes(&changes, cg, false, e);
	if (r == 0)
		r = write_changes(&changes, cg, true, e);
	if (r < 0) {
		limits_take_back(&changes, cg);
		limits_changes_done(&changes);
		return r;
	}
	*ret = changes;
	return 0;
}

/* ---- checking ---- */

static int restore_one(const struct limit *limit, const struct cgroup *cg,
		       limits_report_fn *report, void *arg, struct err *e)
{
	AUTO_FREE char *found = NULL, *after = NULL;
	bool is_missing;
	int r = read_value(limit, cg, &found, &is_missing, e);

	if (r <= 0 || is_equal(found, limit->value))
		return r < 0 ? r : 0;
	r = write_value(limit, cg, limit->value, e);
	if (r < 0)
		return r;
	r = read_value(limit, cg, &after, &is_missing, e);
	if (r > 0 && strcmp(found, after) != 0)
		report(arg, limit->file, found, limit->value);
	return r < 0 ? r : 0;
}

int limits_restore(const struct limits *limits, const struct cgroup *cg, limits_report_fn *report,
		   void *arg, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < limits->n && r == 0; i++)
		r = restore_one(&limits->items[i], cg, report, arg, e);
	return r;
}
