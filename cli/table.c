#include "cli/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
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
	bool is_cut;
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

void table_cut_last(struct table *table)
{
	if (table)
		table->is_cut = true;
}

void table_cell(struct table *table, enum table_color color, const char *fmt, ...)
{
	va_list ap;
	char *text;

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
	text = print_text(fmt, ap);
	va_end(ap);
	if (!text)
		return;
	table->cells[table->n_cells++] = (struct cell){ color, text };
}

void table_number(struct table *table, double number)
{
	if (number < 0)
		table_cell(table, TABLE_FAINT, "-");
	else if (number == round(number))
		table_cell(table, TABLE_PLAIN, "%.0f", number);
	else
		table_cell(table, TABLE_PLAIN, "%.10g", round(number * 1000) / 1000);
}

void table_bytes(struct table *table, double bytes)
{
	char text[HUMAN_SIZE];

	if (bytes < 0)
		table_cell(table, TABLE_FAINT, "-");
	else
		table_cell(table, TABLE_PLAIN, "%s", human_bytes((uint64_t)bytes, text));
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

size_t terminal_columns(int fd)
{
	struct winsize window;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &window) < 0 || window.ws_col == 0)
		return SIZE_MAX;
	return window.ws_col;
}

/* Room for the last column on a terminal; elsewhere all there is. */
static size_t last_column_room(const struct table *table, const size_t *widths)
{
	enum { LEAST = 20 };
	size_t used = 0, columns = terminal_columns(STDOUT_FILENO);

	for (size_t c = 0; c + 1 < table->n_columns; c++)
		used += widths[c] + 2;
	return used + LEAST < columns ? columns - used : LEAST;
}

void cut_text(char *text, size_t room)
{
	if (strlen(text) <= room)
		return;
	room -= 3;
	while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
		room--;
	(void)memcpy(text + room, "...", sizeof("..."));
}

static void measure(const struct table *table, size_t *widths)
{
	for (size_t c = 0; c < table->n_columns; c++)
		widths[c] = strlen(table->columns[c].title);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t *width = &widths[i % table->n_columns];
		size_t size = strlen(table->cells[i].text);

		*width = size > *width ? size : *width;
	}
}

static void print_rows(const struct cli *cli, struct table *table)
{
	size_t widths[TABLE_MAX_COLUMNS] = { 0 }, n = table->n_columns, room = SIZE_MAX;

	measure(table, widths);
	if (table->is_cut)
		room = last_column_room(table, widths);
	for (size_t c = 0; c < n; c++)
		print_cell(cli, table, c, table->columns[c].title, TABLE_BOLD, widths[c]);
	for (size_t i = 0; i < table->n_cells; i++) {
		if (i % n == n - 1)
			cut_text(table->cells[i].text, room);
		print_cell(cli, table, i % n, table->cells[i].text, table->cells[i].color,
			   widths[i % n]);
	}
}

void table_print(const struct cli *cli, struct table *table, const char *if_empty)
{
	bool is_faint = cli->has_color && isatty(STDERR_FILENO);

	if (!table)
		return;
	if (table->n_cells == 0 && if_empty)
		fprintf(stderr, "%s%s%s\n", is_faint ? color_codes[TABLE_FAINT] : "", if_empty,
			is_faint ? "\033[0m" : "");
	else
		print_rows(cli, table);
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
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
