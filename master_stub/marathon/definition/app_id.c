#include "master_stub/marathon/definition/app_id.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"

static bool is_dots(const char *text, size_t size)
{
	return (size == 1 && text[0] == '.') || (size == 2 && text[0] == '.' && text[1] == '.');
}

static int append_segment(char id[APP_ID_SIZE], size_t *used, const char *text, size_t size)
{
	if (is_dots(text, size)) {
		if (size == 1)
			return 0;
		if (*used == 0)
			return -EINVAL;
		while (id[--*used] != '/')
			;
		return 0;
	}
	if (*used + 1 + size > APP_ID_MAX)
		return -ENAMETOOLONG;
	id[(*used)++] = '/';
	memcpy(id + *used, text, size);
	*used += size;
	return 0;
}

static int append_path(char id[APP_ID_SIZE], size_t *used, const char *text)
{
	while (*text) {
		size_t size = strcspn(text, "/");
		int r = size > 0 ? append_segment(id, used, text, size) : 0;

		if (r < 0)
			return r;
		text += size;
		text += strspn(text, "/");
	}
	return 0;
}

int app_id_resolve(const char *base, const char *text, char ret_id[APP_ID_SIZE])
{
	size_t used = 0;
	int r = 0;

	if (text[0] != '/')
		r = append_path(ret_id, &used, base);
	if (r == 0)
		r = append_path(ret_id, &used, text);
	if (r < 0)
		return r;
	if (used == 0)
		ret_id[used++] = '/';
	ret_id[used] = '\0';
	return 0;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One or more labels of letters, digits and inner dashes, with dots between. */
static bool is_segment(const char *text, size_t size)
{
	if (is_dots(text, size))
		return true;
	for (size_t i = 0; i < size; i++) {
		bool is_inner = i > 0 && i < size - 1 && text[i - 1] != '.' && text[i + 1] != '.';

		if (is_alphanumeric(text[i]) || (is_inner && text[i] == '-'))
			continue;
		if (is_inner && text[i] == '.' && text[i - 1] != '-' && text[i + 1] != '-')
			continue;
		return false;
	}
	return size > 0;
}

const char *app_id_path_complaint(const char *text)
{
	if (strlen(text) > APP_ID_MAX)
		return "must not be longer than 190 bytes";
	for (text += strspn(text, "/"); *text; text += strspn(text, "/")) {
		size_t size = strcspn(text, "/");

		if (!is_segment(text, size))
			return "must fully match regular expression "
			       "'^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*"
			       "([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])$'";
		text += size;
	}
	return NULL;
}

const char *app_id_complaint(const char *text)
{
	static const char *const reserved[] = { "restart", "tasks", "versions", ".", ".." };
	const char *complaint = app_id_path_complaint(text), *end = text + strlen(text), *last;

	if (complaint)
		return complaint;
	while (end > text && end[-1] == '/')
		end--;
	if (end == text)
		return "Path must contain at least one path element";
	for (last = end; last > text && last[-1] != '/'; last--)
		;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (strlen(reserved[i]) == (size_t)(end - last) &&
		    memcmp(reserved[i], last, (size_t)(end - last)) == 0)
			return "must not end with any of: restart, tasks, versions, ., ..";
	}
	return NULL;
}

bool app_id_is_within(const char *id, const char *group)
{
	size_t size = strlen(group);

	if (strcmp(group, "/") == 0)
		return true;
	return strncmp(id, group, size) == 0 && (id[size] == '\0' || id[size] == '/');
}

bool app_id_is_below(const char *id, const char *group)
{
	return app_id_is_within(id, group) && strcmp(id, group) != 0;
}

void app_id_parent(const char *id, char ret_id[APP_ID_SIZE])
{
	(void)app_id_resolve(id, "..", ret_id);
}

void app_id_to_safe(const char *id, char ret_safe[APP_ID_SIZE])
{
	size_t used = 0;

	for (id += *id == '/'; *id && used < APP_ID_MAX; id++)
		ret_safe[used++] = *id == '/' ? '_' : *id;
	ret_safe[used] = '\0';
}
