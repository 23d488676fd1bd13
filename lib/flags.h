/* Command-line flags as a table: parsing, --help, environment and /flags come from the rows. */
#ifndef LIB_FLAGS_H
#define LIB_FLAGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum flag_kind {
	FLAG_STR,	/* char *, owned */
	FLAG_U64,	/* uint64_t */
	FLAG_BOOL,	/* bool; --name, --name=true, --no-name */
	FLAG_MILLIS,	/* int64_t; "500ms", "15secs", "1mins", "2hrs", or "15s", "1m", "2h" */
	FLAG_LIST,	/* char **, owned, NULL-terminated: one string each time it is given */
};

enum { FLAG_LIST_MAX = 1024, FLAG_MILLIS_SIZE = 32 };

struct flag {
	const char *name;	/* without dashes; '_' and '-' are the same */
	enum flag_kind kind;
	size_t off;		/* into the options struct */
	const char *fallback;	/* the default, as text; NULL leaves the field zero */
	const char *help;	/* one line */
	uint64_t max;		/* of a number; 0 = no bound */
	bool is_secret;		/* not shown by flags_to_json() */
	char letter;		/* of the short form, "-b TEXT" or "-it"; 0 = none */
};

/*
 * Defaults, then the environment (PREFIX_NAME, e.g. TEPUI_AGENT_MASTER; PREFIX NULL = none), then
 * argv; later wins.  Positional arguments end parsing: *ret_index is the first one.
 * -EINVAL names the flag and what it takes.
 */
int flags_parse(const struct flag *flags, size_t n, const char *prefix, int argc, char *const *argv,
		void *options, int *ret_index, struct err *e);
/* How many arguments the option ARG is, with its value; 0: it is none. */
int flags_span(const struct flag *flags, size_t n, const char *arg);

/*
 * Move the options to the front of ARGV (without the program's name), each with its value, so that
 * they may stand anywhere before a "--"; an argument is never moved past another.
 */
int flags_move_first(const struct flag *flags, size_t n, int argc, char **argv, struct err *e);
/* "15secs" and the like, as FLAG_MILLIS has it.  -EINVAL, -ERANGE. */
int flags_parse_millis(const char *text, uint64_t *ret);
void flags_print_help(const struct flag *flags, size_t n, const char *prefix);
json_t *flags_to_json(const struct flag *flags, size_t n, const void *options);
/* As it is read and shown: in the largest unit of which it is a multiple, "15mins". */
void flags_format_millis(int64_t millis, char ret[FLAG_MILLIS_SIZE]);
void flags_done(const struct flag *flags, size_t n, void *options);

#endif
