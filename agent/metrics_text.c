#include "agent/metrics_text.h"

void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_gauge(FILE *out, const char *name, const char *help, double value)
{
	metrics_family(out, name, "gauge", help);
	fprintf(out, "%s %.15g\n", name, value);
}

void metrics_counter(FILE *out, const char *name, const char *help, double value)
{
	metrics_family(out, name, "counter", help);
	fprintf(out, "%s %.15g\n", name, value);
}

/* Backslash, quote and newline are what the format escapes in a label's value. */
void metrics_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}
