/* Lists of JSON objects: a row each, by a table of columns. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include <jansson.h>
#include <stdbool.h>

struct cli;
struct err;
struct table;

/*
 * What stands in a row under a title: one of these, the members by paths as in "resources.cpus".
 * Figures that are not told are a faint "-".
 */
struct list_column {
	const char *title;
	bool is_right;
	const char *text;
	const char *number;
	const char *bytes, *mib;
	const char *since;	/* the time since then, of a timestamp */
	void (*cell)(struct table *table, const json_t *row);
	const char *if_any;	/* shown only when a row has this member; NULL: always */
};

struct list {
	const struct list_column *columns;	/* the last one has no title */
	const char *if_empty;			/* NULL: the titles alone */
	const char *key;			/* what --quiet prints of a row; NULL: it prints all */
	bool is_cut;				/* the last column is prose */
};

/* For people. */
void list_table(const struct cli *cli, const struct list *list, const json_t *rows);
/* The same, but for programs with --json DOCUMENT, and for scripts with --quiet the keys. */
void list_print(const struct cli *cli, const struct list *list, const json_t *document,
		const json_t *rows);
/* TEXTS, a line each; for programs DOCUMENT, which they are of. */
void list_texts(const struct cli *cli, const json_t *document, const json_t *texts);
/* The list at PATH: its rows are the member ROWS; NULL: the document itself. */
int list_get(struct cli *cli, const struct list *list, const char *path, const char *rows,
	     struct err *e);

#endif
