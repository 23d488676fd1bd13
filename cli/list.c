#include "cli/list.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"

enum { BYTES_PER_MIB = 1 << 20 };

static const json_t *find(const json_t *row, const char *path)
{
	for (; row && *path; path += strspn(path, ".")) {
		size_t size = strcspn(path, ".");

		row = json_object_getn(row, path, size);
		path += size;
	}
	return row;
}

/* -1: it is not told. */
static double figure(const json_t *row, const char *path, double scale)
{
	const json_t *value = find(row, path);

	return json_is_number(value) ? json_number_value(value) * scale : -1;
}

static const char *text_of(const json_t *row, const char *path)
{
	const char *text = json_string_value(find(row, path));

	return text ? text : "";
}

static void add_cell(struct table *table, const struct list_column *column, const json_t *row)
{
	char since[HUMAN_SIZE];

	if (column->cell)
		column->cell(table, row);
	else if (column->text)
		table_cell(table, TABLE_PLAIN, "%s", text_of(row, column->text));
	else if (column->number)
		table_number(table, figure(row, column->number, 1));
	else if (column->bytes)
		table_bytes(table, figure(row, column->bytes, 1));
	else if (column->mib)
		table_bytes(table, figure(row, column->mib, BYTES_PER_MIB));
	else
		table_cell(table, TABLE_PLAIN, "%s",
			   human_since(text_of(row, column->since), since));
}

static bool is_shown(const struct list_column *column, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (column->if_any && json_object_get(row, column->if_any))
			return true;
	}
	return !column->if_any;
}

void list_table(const struct cli *cli, const struct list *list, const json_t *rows)
{
	struct table_column titles[TABLE_MAX_COLUMNS];
	const struct list_column *shown[TABLE_MAX_COLUMNS];
	struct table *table;
	const json_t *row;
	size_t n = 0, i;

	for (const struct list_column *c = list->columns; n < TABLE_MAX_COLUMNS && c->title; c++) {
		if (!is_shown(c, rows))
			continue;
		titles[n] = (struct table_column){ c->title, c->is_right };
		shown[n++] = c;
	}
	table = table_new(titles, n);
	if (list->is_cut)
		table_cut_last(table);
	json_array_foreach(rows, i, row) {
		for (size_t k = 0; k < n; k++)
			add_cell(table, shown[k], row);
	}
	table_print(cli, table, list->if_empty);
}

void list_print(const struct cli *cli, const struct list *list, const json_t *document,
		const json_t *rows)
{
	const json_t *row;
	size_t i;

	if (cli->options.json) {
		print_json(document);
	} else if (cli->options.quiet && list->key) {
		json_array_foreach(rows, i, row)
			puts(member_text(row, list->key));
	} else {
		list_table(cli, list, rows);
	}
}

void list_texts(const struct cli *cli, const json_t *document, const json_t *texts)
{
	const json_t *text;
	size_t i;

	if (cli->options.json) {
		print_json(document);
		return;
	}
	json_array_foreach(texts, i, text)
		puts(json_string_value(text));
}

int list_get(struct cli *cli, const struct list *list, const char *path, const char *rows,
	     struct err *e)
{
	json_t *document = NULL;
	int r = client_get(cli, NULL, path, &document, e);

	if (r < 0)
		return r;
	list_print(cli, list, document, rows ? json_object_get(document, rows) : document);
	json_decref(document);
	return 0;
}
