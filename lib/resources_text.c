#include "lib/resources.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "proto/mesos.pb-c.h"

/* "4", "0.5": digits and a point only, where strtod() would take "inf" and "0x1p4" too. */
static int parse_scalar(const char *text, int64_t *ret)
{
	char *end;
	double value;

	if (*text == '\0' || text[strspn(text, "0123456789.")] != '\0')
		return -EINVAL;
	value = strtod(text, &end);
	if (*end != '\0')
		return -EINVAL;
	return resources_scalar_from_double(value, ret);
}

/* Cut blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\n");
	n = strlen(text);
	while (n > 0 && strchr(" \t\n", text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static int parse_ports(const char *value, struct ranges *ret, const char *told, struct err *e)
{
	struct ranges ports = { 0 };
	int r = *value == '[' ? ranges_parse(value, &ports) : -EINVAL;

	if (r == 0 && ports.n > 0 && ports.items[ports.n - 1].last > UINT16_MAX) {
		ranges_done(&ports);
		r = -EINVAL;
	}
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "read resource '%s'", told);
	if (r < 0)
		return err_set(e, EINVAL,
			       "read resource '%s': '%s' is not ranges such as [31000-32000]", told,
			       value);
	*ret = ports;
	return 0;
}

static int parse_number(int kind, const char *value, int64_t *ret, const char *told,
			struct err *e)
{
	if (parse_scalar(value, ret) < 0 || (kind == RESOURCE_GPUS && *ret % 1000 != 0))
		return err_set(e, EINVAL, "read resource '%s': '%s' is not %s", told, value,
			       kind == RESOURCE_GPUS ? "a whole number" : "a number");
	return 0;
}

/* "disk(role)": the role, cut off NAME; NULL if there is none. */
static char *split_role(char *name)
{
	size_t n = strlen(name);
	char *open = strchr(name, '(');

	if (!open || name[n - 1] != ')')
		return NULL;
	*open = name[n - 1] = '\0';
	return open + 1;
}

/* What is told so far: each once. */
struct told {
	struct resources sum;
	bool named[N_RESOURCE_KINDS + 1];	/* reserved or not */
	bool free[N_RESOURCE_KINDS + 1];	/* not */
};

static int keep(struct told *told, const struct resource_part *part, const char *text,
		struct err *e)
{
	int r = 0;

	if (part->role && (part->value > 0 || part->ports.n > 0))
		r = resource_parts_add(&told->sum.parts, part);
	else if (!part->role && part->kind == RESOURCE_PORTS)
		r = ranges_add_all(&told->sum.ports, &part->ports);
	else if (!part->role)
		told->sum.scalar[part->kind] = part->value;
	if (!part->role)
		told->free[part->kind] = true;
	told->named[part->kind] = true;
	return r < 0 ? err_set(e, ENOMEM, "read resource '%s'", text) : 0;
}

/* PART is that of NAME, for its role; TEXT is both. */
static int parse_value(struct told *told, struct resource_part *part, const char *text,
		       const char *value, struct err *e)
{
	int r;

	if (part->kind < 0)
		return err_set(e, EINVAL, "read resource '%s': unknown name", text);
	if (part->role && !resource_role_is_valid(part->role))
		return err_set(e, EINVAL, "read resource '%s': no role is called so", text);
	if (part->role ? !!resource_parts_find(&told->sum.parts, part) : told->free[part->kind])
		return err_set(e, EINVAL, "read resource '%s': named twice", text);
	r = part->kind == RESOURCE_PORTS ? parse_ports(value, &part->ports, text, e) :
					   parse_number(part->kind, value, &part->value, text, e);
	return r < 0 ? r : keep(told, part, text, e);
}

/* One "name:value" or "name(role):value". */
static int parse_item(char *item, struct told *told, struct err *e)
{
	struct resource_part part = { 0 };
	char *colon = strchr(item, ':'), *name;
	AUTO_FREE char *text = NULL;
	int r;

	if (!colon)
		return err_set(e, EINVAL, "read resource '%s': not of the form name:value", item);
	*colon = '\0';
	name = trim(item);
	text = strdup(name);
	if (!text)
		return err_set(e, ENOMEM, "read resources");
	part.role = split_role(name);
	part.kind = resource_part_kind_find(name);
	r = parse_value(told, &part, text, trim(colon + 1), e);
	ranges_done(&part.ports);
	return r;
}

static int parse_text(const char *text, struct told *told, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *item;
	int r = 0;

	if (!copy)
		return err_set(e, ENOMEM, "read resources");
	while (r == 0 && (item = strsep(&rest, ";"))) {
		item = trim(item);
		if (*item != '\0')
			r = parse_item(item, told, e);
	}
	return r;
}

/* ---- the JSON form ---- */

/* What a node has is reserved by whoever starts it; what frameworks make of it is told otherwise. */
static int check_static(const struct resources *r, struct err *e)
{
	for (size_t i = 0; i < r->parts.n; i++) {
		const struct resource_part *part = &r->parts.items[i];

		if (part->volume || part->reservations)
			return err_set(e, EINVAL, "read resources: more than a static reservation is"
				       " told for role '%s'", part->role);
	}
	return 0;
}

static int add_json(const json_t *json, struct told *told, struct err *e)
{
	struct resources one = { 0 };
	ProtobufCMessage *message;
	Mesos__V1__Resource *resource;
	int r = pb_from_json(&mesos__v1__resource__descriptor, json, &message, e), kind;

	if (r < 0)
		return err_wrap(e, "read resources");
	resource = (Mesos__V1__Resource *)message;
	kind = resource_part_kind_find(resource->name);
	r = resources_from_messages(&resource, 1, &one, e);
	if (r == 0)
		r = check_static(&one, e);
	if (r == 0 && resources_add(&told->sum, &one) < 0)
		r = err_set(e, ENOMEM, "read resources");
	if (r == 0)
		told->named[kind] = true;
	resources_done(&one);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static int parse_json(const char *text, struct told *told, struct err *e)
{
	json_error_t why;
	json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	int r = 0;

	if (!json_is_array(list))
		r = err_set(e, EINVAL, "read resources: not a JSON array: %s", why.text);
	for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
		r = add_json(json_array_get(list, i), told, e);
	json_decref(list);
	return r;
}

int resources_parse_named(const char *text, struct resources *ret,
			  bool ret_named[N_RESOURCE_KINDS + 1], struct err *e)
{
	struct told told = { .sum = { .ports = { 0 } } };
	int r = text[strspn(text, " \t\n")] == '[' ? parse_json(text, &told, e) :
						      parse_text(text, &told, e);

	if (r < 0) {
		resources_done(&told.sum);
		return r;
	}
	memcpy(ret_named, told.named, sizeof(told.named));
	*ret = told.sum;
	return 0;
}

int resources_parse(const char *text, struct resources *ret, struct err *e)
{
	bool named[N_RESOURCE_KINDS + 1];

	return resources_parse_named(text, ret, named, e);
}

/* At most three digits behind the point, and none that say nothing. */
static void print_scalar(FILE *out, int64_t value)
{
	int digits = 3, fraction = (int)(value % 1000);

	fprintf(out, ":%lld", (long long)(value / 1000));
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; digits--)
		fraction /= 10;
	fprintf(out, ".%0*d", digits, fraction);
}

static void print_part(FILE *out, const struct resource_part *part)
{
	AUTO_FREE char *ports = NULL;

	fputs(resource_part_name(part), out);
	reservations_print(part->reservations, part->role, out);
	if (part->volume)
		fprintf(out, "[%s:%s]", part->volume,
			part->container_path ? part->container_path : "");
	if (part->kind != RESOURCE_PORTS) {
		print_scalar(out, part->value);
		return;
	}
	ports = ranges_format(&part->ports);
	fprintf(out, ":[%s]", ports ? ports : "");
}

char *resources_format(const struct resources *r)
{
	AUTO_FREE char *ports = ranges_format(&r->ports);
	char *text = NULL;
	const char *separator = "";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (r->scalar[i] == 0)
			continue;
		fprintf(out, "%s%s", separator, resource_names[i]);
		print_scalar(out, r->scalar[i]);
		separator = ";";
	}
	for (size_t i = 0; i < r->parts.n; i++) {
		fputs(separator, out);
		print_part(out, &r->parts.items[i]);
		separator = ";";
	}
	if (r->ports.n > 0 && ports)
		fprintf(out, "%sports:[%s]", separator, ports);
	if (fclose(out) != 0 || !ports) {
		free(text);
		return NULL;
	}
	return text;
}
