#include "cli/networks.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"

static void task_cell(struct table *table, const json_t *row)
{
	const char *task = member_text(row, "executor_id");

	table_cell(table, TABLE_PLAIN, "%s", *task ? task : member_text(row, "container_id"));
}

/* What PUT writes of each of ROWS, a blank between them. */
static void words_cell(struct table *table, const json_t *rows,
		       void (*put)(FILE *out, const json_t *row))
{
	AUTO_FREE char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	json_t *row;

	json_array_foreach(rows, i, row) {
		if (!out)
			break;
		fputs(i ? " " : "", out);
		put(out, row);
	}
	if (out)
		(void)fclose(out);
	table_cell(table, text && *text ? TABLE_PLAIN : TABLE_FAINT, "%s", text && *text ? text : "-");
}

/* As in "bridge 172.29.0.5/16 fd74::5/64". */
static void put_attachment(FILE *out, const json_t *attachment)
{
	json_t *address;
	size_t i;

	fputs(member_text(attachment, "network"), out);
	json_array_foreach(json_object_get(attachment, "addresses"), i, address)
		fprintf(out, " %s", json_string_value(address));
}

static void put_mapping(FILE *out, const json_t *mapping)
{
	fprintf(out, "%.0f:%.0f/%s", member_number(mapping, "host_port"),
		member_number(mapping, "container_port"), member_text(mapping, "protocol"));
}

static void networks_cell(struct table *table, const json_t *row)
{
	words_cell(table, json_object_get(row, "attachments"), put_attachment);
}

static void ports_cell(struct table *table, const json_t *row)
{
	words_cell(table, json_object_get(row, "port_mappings"), put_mapping);
}

static const struct list_column columns[] = {
	{ "TASK", .cell = task_cell },
	{ "NETWORKS", .cell = networks_cell },
	{ "PORTS", .cell = ports_cell },
	{ 0 },
};
static const struct list list = { .columns = columns };

static void print_failures(const json_t *containers)
{
	const json_t *row;
	size_t i;

	json_array_foreach(containers, i, row) {
		const char *failure = member_text(row, "failure");

		if (*failure)
			printf("%s: %s\n", member_text(row, "container_id"), failure);
	}
}

void networks_print(const struct cli *cli, const json_t *networks)
{
	const json_t *bridge = json_object_get(networks, "bridge");
	const json_t *containers = json_object_get(networks, "containers");
	const char *failure = member_text(bridge, "failure");

	if (json_array_size(containers) == 0 && !json_is_true(json_object_get(bridge, "is_made")))
		return;
	putchar('\n');
	if (bridge)
		printf("bridge %s  %s %s  %.0f of %.0f addresses in use\n", member_text(bridge, "name"),
		       member_text(bridge, "subnet"), member_text(bridge, "subnet6"),
		       member_number(bridge, "used"), member_number(bridge, "total"));
	if (*failure)
		print_field("bridge", "%s", failure);
	if (json_array_size(containers) > 0)
		list_table(cli, &list, containers);
	print_failures(containers);
}
