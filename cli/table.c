#include "cli/table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

static const char *const color_codes[] = {
	[TABLE_PLAIN] = "", [TABLE_GOOD] = "\033[32m", [TABLE_BAD] = "\033[31m",
	[TABLE_BUSY] = "\033[33m", [TABLE_FAINT] = "\033[2m", [TABLE_BOLD] = "\033[1m",
};

struct cell {
	enum table_color color;
	char *text;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct cell *cells;
	size_t n_cells, cap;
};

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table) {
		table->columns = columns;
		table->n_columns = n;
	}
	return table;
}

/* What a task calls itself must not steer the reader's terminal. */
static void escape_controls(char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			*text = '?';
	}
}

void table_cell(struct table *table, enum table_color color, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (!table)
		return;
	if (table->n_cells == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 64;
		struct cell *cells = realloc(table->cells, cap * sizeof(*cells));

		if (!cells)
			return;
		table->cells = cells;
		table->cap = cap;
	}
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	escape_controls(text);
	table->cells[table->n_cells++] = (struct cell){ color, text };
}

void print_colored(const struct cli *cli, enum table_color color, const char *text)
{
	if (cli->has_color && color != TABLE_PLAIN)
		printf("%s%s\033[0m", color_codes[color], text);
	else
		fputs(text, stdout);
}

static void print_cell(const struct cli *cli, const struct table *table, size_t column,
		       const char *text, enum table_color color, size_t width)
{
	bool is_last = column + 1 == table->n_columns;
	int pad = (int)(width - strlen(text));

	if (table->columns[column].is_right)
		printf("%*s", pad, "");
	print_colored(cli, color, text);
	if (!table->columns[column].is_right && !is_last)
		printf("%*s", pad, "");
	fputs(is_last ? "\n" : "  ", stdout);
}

void table_print(const struct cli *cli, struct table *table)
{
	size_t widths[TABLE_MAX_COLUMNS] = { 0 }, n;

	if (!table)
		return;
	n = table->n_columns;
	for (size_t c = 0; c < n; c++)
		widths[c] = strlen(table->columns[c].title);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t width = strlen(table->cells[i].text);

		if (width > widths[i % n])
			widths[i % n] = width;
	}
	for (size_t c = 0; c < n; c++)
		print_cell(cli, table, c, table->columns[c].title, TABLE_BOLD, widths[c]);
	for (size_t i = 0; i < table->n_cells; i++) {
		print_cell(cli, table, i % n, table->cells[i].text, table->cells[i].color,
			   widths[i % n]);
		free(table->cells[i].text);
	}
	free(table->cells);
	free(table);
}

const char *human_bytes(uint64_t bytes, char buf[HUMAN_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes == UINT64_MAX)
		return strcpy(buf, "-");
	for (; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	(void)snprintf(buf, HUMAN_SIZE, unit && value < 100 ? "%.1f %s" : "%.0f %s", value,
		       units[unit]);
	return buf;
}

const char *human_duration(int64_t ms, char buf[HUMAN_SIZE])
{
	long s = (long)(ms / 1000);

	if (ms < 0)
		return strcpy(buf, "0s");
	if (ms < 10000)
		(void)snprintf(buf, HUMAN_SIZE, "%.1fs", (double)ms / 1000);
	else if (s < 60)
		(void)snprintf(buf, HUMAN_SIZE, "%lds", s);
	else if (s < 3600)
		(void)snprintf(buf, HUMAN_SIZE, "%ldm%02lds", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(buf, HUMAN_SIZE, "%ldh%02ldm", s / 3600, s / 60 % 60);
	else
		(void)snprintf(buf, HUMAN_SIZE, "%ldd%02ldh", s / 86400, s / 3600 % 24);
	return buf;
}

const char *human_since(const char *timestamp, char buf[HUMAN_SIZE])
{
	int64_t then;

	if (!timestamp || clock_parse(timestamp, &then) < 0)
		return strcpy(buf, "-");
	return human_duration(clock_wall_ms() - then, buf);
}
