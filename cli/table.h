/* Tables and figures for people. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;

enum { TABLE_MAX_COLUMNS = 12 };

enum table_color { TABLE_PLAIN, TABLE_GOOD, TABLE_BAD, TABLE_BUSY, TABLE_FAINT, TABLE_BOLD };

struct table_column {
	const char *title;
	bool is_right;		/* numbers */
};

struct table;

/* NULL when memory is out; every other function then does nothing. */
struct table *table_new(const struct table_column *columns, size_t n);
/* The last column is prose: on a terminal it is cut to its width. */
void table_cut_last(struct table *table);
/* Next cell of the current row; a full row starts the next.  Control bytes are shown escaped. */
void table_cell(struct table *table, enum table_color color, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A figure, or a faint "-" for one below 0, which is not told. */
void table_number(struct table *table, double number);
void table_bytes(struct table *table, double bytes);
/*
 * Print and free.  A table without rows is one faint line on standard error, IF_EMPTY (NULL: print
 * the titles all the same).
 */
void table_print(const struct cli *cli, struct table *table, const char *if_empty);

/* In a buffer of the caller's: "61.2 MiB", "3m12s". */
enum { HUMAN_SIZE = 24 };
const char *human_bytes(uint64_t bytes, char buf[HUMAN_SIZE]);
const char *human_duration(int64_t ms, char buf[HUMAN_SIZE]);
/* The time since a timestamp as the API prints it; "-" if absent. */
const char *human_since(const char *timestamp, char buf[HUMAN_SIZE]);

/* Of the terminal at FD; SIZE_MAX if it is none. */
size_t terminal_columns(int fd);
/* TEXT in at most ROOM bytes, "..." at its end; a character is never cut in two. */
void cut_text(char *text, size_t room);

/* One colored word on standard output. */
void print_colored(const struct cli *cli, enum table_color color, const char *text);

#endif
