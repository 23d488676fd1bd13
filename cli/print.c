#include "cli/print.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"
#include "lib/cleanup.h"

const char *member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

double member_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

const json_t *member_subject(const json_t *object)
{
	const json_t *app = json_object_get(object, "app");

	return app ? app : json_object_get(object, "pod");
}

const char *member_subject_id(const json_t *object)
{
	const char *id = json_string_value(member_subject(object));

	return id ? id : "";
}

/* U+0080 to U+009F: terminals that read UTF-8 may obey them, U+009B as they do ESC and '['. */
static bool is_c1_control(const char *text)
{
	unsigned char second = (unsigned char)text[1];

	return (unsigned char)text[0] == 0xc2 && second >= 0x80 && second < 0xa0;
}

void print_tame(char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text)) {
			*text = isspace((unsigned char)*text) ? ' ' : '?';
		} else if (is_c1_control(text)) {
			*text++ = '?';
			*text = '?';
		}
	}
}

char *print_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		return NULL;
	print_tame(text);
	return text;
}

void print_field(const char *label, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = print_text(fmt, ap);
	va_end(ap);
	if (text)
		printf("%-14s %s\n", label, text);
}

void print_json(const json_t *json)
{
	(void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}
