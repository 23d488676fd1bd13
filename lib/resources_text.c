#include "lib/resources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

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

static int parse_ports(const char *value, struct resources *ret, struct err *e)
{
	struct ranges ports = { 0 };
	int r;

	if (ret->ports.n > 0)
		return err_set(e, EINVAL, "read resource 'ports': named twice");
	r = *value == '[' ? ranges_parse(value, &ports) : -EINVAL;
	if (r == 0 && ports.n > 0 && ports.items[ports.n - 1].last > UINT16_MAX) {
		ranges_done(&ports);
		r = -EINVAL;
	}
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "read resource 'ports'");
	if (r < 0)
		return err_set(e, EINVAL,
			       "read resource 'ports': '%s' is not ranges such as [31000-32000]",
			       value);
	ret->ports = ports;
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

/* Told as NAME(ROLE):VALUE. */
static int parse_reserved(int kind, const char *name, char *role, const char *value,
			  struct resources *ret, struct err *e)
{
	struct resource_part part = { .kind = kind, .role = role };

	if (!resource_role_is_valid(role))
		return err_set(e, EINVAL, "read resource '%s(%s)': no role is called so", name,
			       role);
	if (resource_parts_find(&ret->parts, &part))
		return err_set(e, EINVAL, "read resource '%s(%s)': named twice", name, role);
	if (parse_scalar(value, &part.value) < 0 ||
	    (kind == RESOURCE_GPUS && part.value % 1000 != 0))
		return err_set(e, EINVAL, "read resource '%s(%s)': '%s' is not %s", name, role,
			       value, kind == RESOURCE_GPUS ? "a whole number" : "a number");
	if (part.value > 0 && resource_parts_add(&ret->parts, &part) < 0)
		return err_set(e, ENOMEM, "read resource '%s(%s)'", name, role);
	return 0;
}

/* One "name:value". */
static int parse_item(char *text, bool *is_named, struct resources *ret, struct err *e)
{
	char *role;
	char *colon = strchr(text, ':');
	char *name, *value;
	int kind, r;

	if (!colon)
		return err_set(e, EINVAL, "read resource '%s': not of the form name:value", text);
	*colon = '\0';
	name = trim(text);
	value = trim(colon + 1);
	role = split_role(name);
	if (strcmp(name, "ports") == 0)
		return role ? err_set(e, EINVAL, "read resource 'ports(%s)': reserved ports are not"
				      " supported", role) : parse_ports(value, ret, e);
	kind = resource_kind_find(name);
	if (kind < 0)
		return err_set(e, EINVAL, "read resource '%s': unknown name", name);
	if (role)
		return parse_reserved(kind, name, role, value, ret, e);
	if (is_named[kind])
		return err_set(e, EINVAL, "read resource '%s': named twice", name);
	r = parse_scalar(value, &ret->scalar[kind]);
	if (r == 0 && kind == RESOURCE_GPUS && ret->scalar[kind] % 1000 != 0)
		r = -EINVAL;
	if (r < 0)
		return err_set(e, EINVAL, "read resource '%s': '%s' is not %s", name, value,
			       kind == RESOURCE_GPUS ? "a whole number" : "a number");
	is_named[kind] = true;
	return 0;
}

int resources_parse(const char *text, struct resources *ret, struct err *e)
{
	bool is_named[N_RESOURCE_KINDS] = { false };
	struct resources parsed = { 0 };
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *item;

	if (!copy)
		return err_set(e, ENOMEM, "read resources");
	while ((item = strsep(&rest, ";"))) {
		int r = 0;

		item = trim(item);
		if (*item != '\0')
			r = parse_item(item, is_named, &parsed, e);
		if (r < 0) {
			resources_done(&parsed);
			return r;
		}
	}
	*ret = parsed;
	return 0;
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
	fprintf(out, "%s(%s)", resource_names[part->kind], part->role);
	if (part->volume)
		fprintf(out, "[%s:%s]", part->volume,
			part->container_path ? part->container_path : "");
	print_scalar(out, part->value);
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
