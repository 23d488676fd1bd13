#include "isolators/cgroup_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Digits at TEXT; the place after them in *ret_end. */
static int parse_digits(const char *text, const char **ret_end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*ret_end = p;
	*ret = value;
	return 0;
}

int cgroup_text_u64(const char *text, uint64_t *ret)
{
	uint64_t value = UINT64_MAX;
	const char *end;
	int r;

	while (is_blank(*text))
		text++;
	if (strncmp(text, "max", 3) == 0) {
		end = text + 3;
	} else {
		r = parse_digits(text, &end, &value);
		if (r < 0)
			return r;
	}
	while (is_blank(*end))
		end++;
	if (*end != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}

int cgroup_text_key(const char *text, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line++) {
		const char *end;

		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return parse_digits(line + length + 1, &end, ret);
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	return -ENOENT;
}

int cgroup_text_sum(const char *text, const char *name, uint64_t *ret)
{
	size_t length = strlen(name);
	uint64_t sum = 0, value;
	bool found = false;
	const char *end;

	for (const char *p = text; (p = strstr(p, name)); p += length) {
		if (p == text || !is_blank(p[-1]) || p[length] != '=')
			continue;
		if (parse_digits(p + length + 1, &end, &value) < 0)
			continue;
		if (__builtin_add_overflow(sum, value, &sum))
			return -ERANGE;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*ret = sum;
	return 0;
}

int cgroup_text_name(const char *line, const char *name, uint64_t *ret)
{
	size_t length = strlen(name);
	const char *end;

	for (const char *p = line; *p && *p != '\n'; p += strspn(p, " ")) {
		if (strncmp(p, name, length) == 0 && p[length] == '=')
			return parse_digits(p + length + 1, &end, ret);
		p += strcspn(p, " \n");
	}
	return -ENOENT;
}

const char *cgroup_text_next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}
