#include "lib/flags.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { FLAG_NAME_MAX = 64 };

static const char *const kind_takes[] = {
	[FLAG_STR] = "a text",
	[FLAG_U64] = "a whole number",
	[FLAG_BOOL] = "true or false",
	[FLAG_MILLIS] = "a duration such as 500ms, 15secs, 1mins or 2hrs",
	[FLAG_LIST] = "a text",
};

/* Largest first: a duration is printed in the first unit that it is a multiple of. */
static const struct unit {
	const char *name, *short_name;
	uint64_t millis;
} units[] = {
	{ "weeks", "w", 604800000 },
	{ "days", "d", 86400000 },
	{ "hrs", "h", 3600000 },
	{ "mins", "m", 60000 },
	{ "secs", "s", 1000 },
	{ "ms", "ms", 1 },
};

/* Digits at the start of TEXT; *RET_REST is what follows them. */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*ret = value;
	*ret_rest = p;
	return 0;
}

int flags_parse_millis(const char *text, uint64_t *ret)
{
	const char *rest;
	uint64_t n;
	int r = parse_digits(text, &n, &rest);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(rest, units[i].name) != 0 && strcmp(rest, units[i].short_name) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].millis, ret) || *ret > INT64_MAX)
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}

static int set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int add_string(char ***field, const char *value)
{
	size_t n = 0;
	char **more;

	while (*field && (*field)[n])
		n++;
	if (n == FLAG_LIST_MAX)
		return -ERANGE;
	more = realloc(*field, (n + 2) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*field = more;
	more[n] = strdup(value);
	more[n + 1] = NULL;
	return more[n] ? 0 : -ENOMEM;
}

static int set_bool(bool *field, const char *value)
{
	static const struct {
		const char *text;
		bool is_true;
	} words[] = { { "true", true }, { "false", false }, { "1", true }, { "0", false } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i].text) == 0) {
			*field = words[i].is_true;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_number(const struct flag *flag, void *field, const char *value)
{
	const char *rest = "";
	uint64_t n = 0;
	int r = flag->kind == FLAG_U64 ? parse_digits(value, &n, &rest) : flags_parse_millis(value, &n);

	if (r < 0)
		return r;
	if (*rest != '\0')
		return -EINVAL;
	if (flag->max > 0 && n > flag->max)
		return -ERANGE;
	if (flag->kind == FLAG_U64)
		*(uint64_t *)field = n;
	else
		*(int64_t *)field = (int64_t)n;
	return 0;
}

static int set_flag(const struct flag *flag, void *options, const char *value, struct err *e)
{
	void *field = (char *)options + flag->off;
	int r = -EINVAL;

	switch (flag->kind) {
	case FLAG_STR:
		r = set_string(field, value);
		break;
	case FLAG_BOOL:
		r = set_bool(field, value);
		break;
	case FLAG_U64:
	case FLAG_MILLIS:
		r = set_number(flag, field, value);
		break;
	case FLAG_LIST:
		r = add_string(field, value);
		break;
	}
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "read flag '--%s'", flag->name);
	if (r == -ERANGE && flag->kind == FLAG_LIST)
		return err_set(e, EINVAL, "read flag '--%s': it is there more than %d times",
			       flag->name, FLAG_LIST_MAX);
	if (r == -ERANGE && flag->max > 0)
		return err_set(e, EINVAL, "read flag '--%s': '%s' is more than %" PRIu64 "%s",
			       flag->name, value, flag->max, flag->kind == FLAG_MILLIS ? "ms" : "");
	if (r < 0)
		return err_set(e, EINVAL, "read flag '--%s': '%s' is not %s", flag->name, value,
			       kind_takes[flag->kind]);
	return 0;
}

/* Compare N bytes of TEXT with NAME; '_' and '-' are the same. */
static bool is_name(const char *name, const char *text, size_t n)
{
	if (strlen(name) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char a = name[i] == '_' ? '-' : name[i];
		char b = text[i] == '_' ? '-' : text[i];

		if (a != b)
			return false;
	}
	return true;
}

static const struct flag *find(const struct flag *flags, size_t n, const char *text, size_t length)
{
	for (size_t i = 0; i < n; i++) {
		if (is_name(flags[i].name, text, length))
			return &flags[i];
	}
	return NULL;
}

/* PREFIX_NAME in capitals. */
static void environment_name(const char *prefix, const char *name, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s_%s", prefix, name);
	for (char *p = buf; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int set_from_environment(const struct flag *flags, size_t n, const char *prefix,
				void *options, struct err *e)
{
	char name[2 * FLAG_NAME_MAX];

	for (size_t i = 0; i < n; i++) {
		const char *value;
		int r;

		environment_name(prefix, flags[i].name, name, sizeof(name));
		value = getenv(name);
		if (!value)
			continue;
		r = set_flag(&flags[i], options, value, e);
		if (r < 0)
			return err_wrap(e, "environment '%s'", name);
	}
	return 0;
}

static int set_fallbacks(const struct flag *flags, size_t n, void *options, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = flags[i].fallback ? set_flag(&flags[i], options, flags[i].fallback, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* One argument that starts with "--"; returns how many of ARGV it took. */
static int set_from_argument(const struct flag *flags, size_t n, char *const *argv, int n_left,
			     void *options, struct err *e)
{
	const char *text = argv[0] + 2, *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	const struct flag *flag = find(flags, n, text, length);
	int r;

	if (!flag && !equals && strncmp(text, "no", 2) == 0 && (text[2] == '-' || text[2] == '_')) {
		flag = find(flags, n, text + 3, length - 3);
		if (flag && flag->kind == FLAG_BOOL) {
			r = set_flag(flag, options, "false", e);
			return r < 0 ? r : 1;
		}
		flag = NULL;
	}
	if (!flag)
		return err_set(e, EINVAL, "read flag '%.*s': no such flag, see --help",
			       (int)(length < 200 ? length : 200) + 2, argv[0]);
	if (equals)
		r = set_flag(flag, options, equals + 1, e);
	else if (flag->kind == FLAG_BOOL)
		r = set_flag(flag, options, "true", e);
	else if (n_left > 1)
		r = set_flag(flag, options, argv[1], e);
	else
		r = err_set(e, EINVAL, "read flag '--%s': it takes %s", flag->name,
			    kind_takes[flag->kind]);
	if (r < 0)
		return r;
	return equals || flag->kind == FLAG_BOOL ? 1 : 2;
}

static const struct flag *find_letter(const struct flag *flags, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++) {
		if (flags[i].letter == letter)
			return &flags[i];
	}
	return NULL;
}

/*
 * "-it", or one with a value, which is the rest of it or the next argument: "-bTEXT", "-b TEXT".
 * Returns how many of ARGV it took.
 */
static int set_from_letters(const struct flag *flags, size_t n, char *const *argv, int n_left,
			    void *options, struct err *e)
{
	for (const char *letter = argv[0] + 1; *letter; letter++) {
		const struct flag *flag = find_letter(flags, n, *letter);
		const char *value = letter[1] ? letter + 1 : n_left > 1 ? argv[1] : NULL;
		int r;

		if (!flag)
			return err_set(e, EINVAL, "read flag '%.200s': flags start with '--'",
				       argv[0]);
		if (flag->kind != FLAG_BOOL && !value)
			return err_set(e, EINVAL, "read flag '-%c': it takes %s", *letter,
				       kind_takes[flag->kind]);
		r = set_flag(flag, options, flag->kind == FLAG_BOOL ? "true" : value, e);
		if (r < 0)
			return r;
		if (flag->kind != FLAG_BOOL)
			return letter[1] ? 1 : 2;
	}
	return 1;
}

static int set_from_arguments(const struct flag *flags, size_t n, int argc, char *const *argv,
			      void *options, int *ret_index, struct err *e)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		int r;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		r = argv[i][1] == '-' ?
			    set_from_argument(flags, n, argv + i, argc - i, options, e) :
			    set_from_letters(flags, n, argv + i, argc - i, options, e);
		if (r < 0)
			return r;
		i += r;
	}
	*ret_index = i < argc ? i : argc;
	return 0;
}

int flags_parse(const struct flag *flags, size_t n, const char *prefix, int argc, char *const *argv,
		void *options, int *ret_index, struct err *e)
{
	int r = set_fallbacks(flags, n, options, e);

	if (r == 0 && prefix)
		r = set_from_environment(flags, n, prefix, options, e);
	if (r == 0)
		r = set_from_arguments(flags, n, argc, argv, options, ret_index, e);
	if (r < 0)
		flags_done(flags, n, options);
	return r;
}

int flags_span(const struct flag *flags, size_t n, const char *arg)
{
	size_t length = strcspn(arg, "=");
	const struct flag *flag;

	if (arg[0] == '-' && isalpha((unsigned char)arg[1])) {
		/* The first with a value takes what is left, or else what comes next. */
		for (const char *letter = arg + 1; *letter; letter++) {
			flag = find_letter(flags, n, *letter);
			if (!flag || flag->kind != FLAG_BOOL)
				return flag && !letter[1] ? 2 : 1;
		}
		return 1;
	}
	if (strncmp(arg, "--", 2) != 0)
		return 0;
	flag = find(flags, n, arg + 2, length - 2);
	return flag && flag->kind != FLAG_BOOL && arg[length] == '\0' ? 2 : 1;
}

int flags_move_first(const struct flag *flags, size_t n, int argc, char **argv, struct err *e)
{
	int n_options = 0, span;

	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i += span > 0 ? span : 1) {
		char *option[2];

		span = flags_span(flags, n, argv[i]);
		if (span > argc - i)
			return err_set(e, EINVAL, "read flag '%s': its value is missing", argv[i]);
		memcpy(option, argv + i, (size_t)span * sizeof(*argv));
		memmove(argv + n_options + span, argv + n_options,
			(size_t)(i - n_options) * sizeof(*argv));
		memcpy(argv + n_options, option, (size_t)span * sizeof(*argv));
		n_options += span;
	}
	return 0;
}

/* The left column of --help is as wide as its longest entry. */
static int help_width(const struct flag *flags, size_t n, const char *const *value_forms)
{
	size_t width = 32;

	for (size_t i = 0; i < n; i++) {
		size_t size = strlen("--") + strlen(flags[i].name) +
			      strlen(value_forms[flags[i].kind]);

		width = size > width ? size : width;
	}
	return (int)width;
}

void flags_print_help(const struct flag *flags, size_t n, const char *prefix)
{
	static const char *const value_forms[] = {
		[FLAG_STR] = "=TEXT",
		[FLAG_U64] = "=NUMBER",
		[FLAG_BOOL] = "",
		[FLAG_MILLIS] = "=TIME",
		[FLAG_LIST] = "=TEXT",
	};
	char left[FLAG_NAME_MAX + 16], name[2 * FLAG_NAME_MAX];
	int width = help_width(flags, n, value_forms);

	for (size_t i = 0; i < n; i++) {
		const struct flag *f = &flags[i];

		(void)snprintf(left, sizeof(left), "--%s%s%s", f->name, value_forms[f->kind],
			       f->letter ? (char[]){ ',', ' ', '-', f->letter, '\0' } : "");
		printf("  %-*s %s", width, left, f->help);
		if (f->fallback && *f->fallback)
			printf(" (default: %s)", f->fallback);
		putchar('\n');
	}
	if (prefix && n > 0) {
		environment_name(prefix, flags[0].name, name, sizeof(name));
		printf("Every flag can also be given in the environment, as in %s.\n", name);
	}
}

void flags_format_millis(int64_t millis, char ret[FLAG_MILLIS_SIZE])
{
	uint64_t value = millis > 0 ? (uint64_t)millis : 0;
	size_t i = value == 0 ? ARRAY_SIZE(units) - 1 : 0;

	while (value % units[i].millis != 0)
		i++;
	(void)snprintf(ret, FLAG_MILLIS_SIZE, "%" PRIu64 "%s", value / units[i].millis,
		       units[i].name);
}

static json_t *list_to_json(char *const *list)
{
	json_t *array = json_array();

	for (; array && list && *list; list++) {
		if (json_array_append_new(array, json_string(*list)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *flag_to_json(const struct flag *flag, const void *options)
{
	const void *field = (const char *)options + flag->off;
	char millis[FLAG_MILLIS_SIZE];
	const char *text;

	switch (flag->kind) {
	case FLAG_STR:
		text = *(char *const *)field;
		return json_string(text ? text : "");
	case FLAG_U64:
		return json_sprintf("%" PRIu64, *(const uint64_t *)field);
	case FLAG_BOOL:
		return json_string(*(const bool *)field ? "true" : "false");
	case FLAG_MILLIS:
		flags_format_millis(*(const int64_t *)field, millis);
		return json_string(millis);
	case FLAG_LIST:
		return list_to_json(*(char *const *const *)field);
	}
	return NULL;
}

json_t *flags_to_json(const struct flag *flags, size_t n, const void *options)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < n; i++) {
		json_t *value = flags[i].is_secret ? json_string("") :
						     flag_to_json(&flags[i], options);

		if (json_object_set_new(object, flags[i].name, value) < 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

void flags_done(const struct flag *flags, size_t n, void *options)
{
	for (size_t i = 0; i < n; i++) {
		void *field = (char *)options + flags[i].off;

		if (flags[i].kind != FLAG_STR && flags[i].kind != FLAG_LIST)
			continue;
		for (char **text = flags[i].kind == FLAG_LIST ? *(char ***)field : NULL;
		     text && *text; text++)
			free(*text);
		free(*(void **)field);
		*(void **)field = NULL;
	}
}
