#include "containerizer/image/reference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char alphanumeric[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char name_bytes[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* Where names come from when none is given; they say nothing. */
static const char *const implied[] = { "docker.io/library/", "docker.io/" };

static const struct kind {
	const char *prefix;
	enum reference_kind kind;
} kinds[] = {
	{ "oci:", REFERENCE_OCI },
	{ "oci-archive:", REFERENCE_OCI_ARCHIVE },
	{ "docker-archive:", REFERENCE_DOCKER_ARCHIVE },
	{ "tar:", REFERENCE_TAR },
	{ "dir:", REFERENCE_DIRECTORY },
};

/* A component of a name, of which only the first may have a port. */
static bool is_component(const char *text, size_t size, bool may_have_port)
{
	const char *colon = memchr(text, ':', size);
	size_t length = colon ? (size_t)(colon - text) : size;

	if (length == 0 || !strchr(alphanumeric, text[0]) || strspn(text, name_bytes) < length)
		return false;
	return !colon || (may_have_port && length + 1 < size &&
			  strspn(colon + 1, "0123456789") == size - length - 1);
}

static bool is_name(const char *name)
{
	for (const char *p = name;; p++) {
		size_t size = strcspn(p, "/");

		if (!is_component(p, size, p == name && p[size] == '/'))
			return false;
		p += size;
		if (!*p)
			return true;
	}
}

static bool is_tag(const char *tag)
{
	size_t size = strlen(tag);

	return size > 0 && size <= REFERENCE_MAX_TAG && tag[0] != '.' && tag[0] != '-' &&
	       strspn(tag, name_bytes) == size;
}

static int parse_name(const char *text, size_t size, struct reference *ret, struct err *e)
{
	const char *tag = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(implied); i++) {
		size_t length = strlen(implied[i]);

		if (size > length && strncmp(text, implied[i], length) == 0) {
			text += length;
			size -= length;
			break;
		}
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] == ':')
			tag = text + i + 1;
		else if (text[i] == '/')
			tag = NULL;	/* that was a port */
	}
	if (tag && (size_t)(text + size - tag) > REFERENCE_MAX_TAG)
		return err_set(e, EINVAL, "read image name '%.200s': its tag is too long", text);
	(void)snprintf(ret->tag, sizeof(ret->tag), "%.*s", tag ? (int)(text + size - tag) : 6,
		       tag ? tag : "latest");
	if (tag)
		size = (size_t)(tag - text) - 1;
	if (size > REFERENCE_MAX_NAME)
		return err_set(e, EINVAL, "read image name '%.200s': longer than %d bytes", text,
			       REFERENCE_MAX_NAME);
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", (int)size, text);
	if (!is_name(ret->name) || !is_tag(ret->tag))
		return err_set(e, EINVAL, "read image name '%.200s': not NAME[:TAG]", text);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* "oci:1" is a directory's image. */
		if (strncmp(kinds[i].prefix, ret->name, strlen(ret->name)) == 0 &&
		    kinds[i].prefix[strlen(ret->name)] == ':')
			return err_set(e, EINVAL, "read image name '%.200s': '%s' says where an "
				       "image lies", text, ret->name);
	}
	return 0;
}

int reference_parse_name(const char *text, struct reference *ret, struct err *e)
{
	*ret = (struct reference){ .kind = REFERENCE_STORED };
	return parse_name(text, strlen(text), ret, e);
}

static int parse_stored(const char *text, struct reference *ret, struct err *e)
{
	const char *at = strchr(text, '@');
	size_t size = at ? (size_t)(at - text) : strlen(text);

	if (at && !digest_is_valid(at + 1))
		return err_set(e, EINVAL, "read image '%.200s': not a digest after '@'", text);
	if (at)
		(void)snprintf(ret->digest, sizeof(ret->digest), "%s", at + 1);
	return size == 0 && at ? 0 : parse_name(text, size, ret, e);
}

/* PATH[:TAG]; a tag has no slash, so that "dir/v1:2/x" is a path. */
static int parse_oci(const char *text, struct reference *ret, struct err *e)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon && !strchr(colon, '/') ? (size_t)(colon - text) : strlen(text);

	if (size < strlen(text)) {
		(void)snprintf(ret->tag, sizeof(ret->tag), "%s", colon + 1);
		if (!is_tag(colon + 1))
			return err_set(e, EINVAL, "read image '%.200s': not a tag behind ':'",
				       text);
	}
	(void)snprintf(ret->path, sizeof(ret->path), "%.*s", (int)size, text);
	return 0;
}

/* PATH[:NAME[:TAG]]: the path ends at the first colon. */
static int parse_docker(const char *text, struct reference *ret, struct err *e)
{
	size_t size = strcspn(text, ":");

	(void)snprintf(ret->path, sizeof(ret->path), "%.*s", (int)size, text);
	return text[size] ? parse_name(text + size + 1, strlen(text + size + 1), ret, e) : 0;
}

static int parse_on_disk(enum reference_kind kind, const char *path, struct reference *ret,
			 struct err *e)
{
	int r = 0;

	if (strlen(path) >= sizeof(ret->path))
		return err_set(e, EINVAL, "read image '%.200s': the path is too long", path);
	if (kind == REFERENCE_OCI || kind == REFERENCE_OCI_ARCHIVE)
		r = parse_oci(path, ret, e);
	else if (kind == REFERENCE_DOCKER_ARCHIVE)
		r = parse_docker(path, ret, e);
	else
		(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	if (r == 0 && !ret->path[0])
		return err_set(e, EINVAL, "read image: no path");
	return r;
}

int reference_parse(const char *text, struct reference *ret, struct err *e)
{
	*ret = (struct reference){ .kind = REFERENCE_STORED };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(text, kinds[i].prefix, length) != 0)
			continue;
		ret->kind = kinds[i].kind;
		return parse_on_disk(ret->kind, text + length, ret, e);
	}
	return parse_stored(text, ret, e);
}

const char *reference_text(const struct reference *ref, char buf[REFERENCE_TEXT_SIZE])
{
	(void)snprintf(buf, REFERENCE_TEXT_SIZE, "%s:%s", ref->name, ref->tag);
	return buf;
}
