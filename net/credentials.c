#include "net/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_in.h"

enum { MAX_FILE = 1 << 20, MAX_PAIRS = 10000 };

struct credentials {
	char **pairs;		/* "PRINCIPAL:SECRET" */
	size_t n;
};

DEFINE_AUTO(struct credentials *, credentials_free);

static void forget(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

DEFINE_AUTO(char *, forget);

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	for (size_t i = 0; i < credentials->n; i++)
		forget(credentials->pairs[i]);
	free(credentials->pairs);
	free(credentials);
}

/* A colon would end the principal where the header is read (RFC 7617). */
static int add(struct credentials *credentials, const char *path, const char *principal,
	       const char *secret, struct err *e)
{
	char **pairs = reallocarray(credentials->pairs, credentials->n + 1, sizeof(*pairs));

	if (!pairs)
		return err_set(e, ENOMEM, "read '%s'", path);
	credentials->pairs = pairs;
	if (!principal || !*principal || strchr(principal, ':') || !secret || !*secret)
		return err_set(e, EINVAL, "read '%s': credential %zu is not a principal without"
			       " colon and its secret", path, credentials->n + 1);
	if (credentials->n == MAX_PAIRS)
		return err_set(e, EFBIG, "read '%s': more than %d credentials", path, MAX_PAIRS);
	if (asprintf(&pairs[credentials->n], "%s:%s", principal, secret) < 0)
		return err_set(e, ENOMEM, "read '%s'", path);
	credentials->n++;
	return 0;
}

static int add_object(struct credentials *credentials, const char *path, const json_t *object,
		      struct err *e)
{
	return add(credentials, path, json_string_value(json_object_get(object, "principal")),
		   json_string_value(json_object_get(object, "secret")), e);
}

static int read_json(struct credentials *credentials, const char *path, const char *text,
		     size_t size, struct err *e)
{
	json_auto_t *root = NULL;
	const json_t *list;
	int r = json_in_parse(text, size, &root, e);

	if (r < 0)
		return err_wrap(e, "read '%s'", path);
	list = json_object_get(root, "credentials");
	if (!list)
		return add_object(credentials, path, root, e);
	for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
		r = add_object(credentials, path, json_array_get(list, i), e);
	return r;
}

static int read_lines(struct credentials *credentials, const char *path, char *text, struct err *e)
{
	char *rest = text, *line;
	int r = 0;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char *words = line;
		const char *principal = strtok_r(line, " \t\r", &words);
		const char *secret = strtok_r(NULL, " \t\r", &words);

		if (!principal)
			continue;
		/* What has more words is no secret with a blank in it, but a line of another form. */
		if (strtok_r(NULL, " \t\r", &words))
			secret = NULL;
		r = add(credentials, path, principal, secret, e);
	}
	return r;
}

static int read_text(const char *path, char **ret, size_t *ret_size, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", path);
	if (st.st_mode & 07)
		return err_set(e, EPERM, "read '%s': others have access to it (mode %o), chmod 600",
			       path, (unsigned)st.st_mode & 07777);
	return file_in_read_fd(fd, path, MAX_FILE, ret, ret_size, e);
}

int credentials_load(const char *path, struct credentials **ret, struct err *e)
{
	static const char scheme[] = "file://";
	AUTO(credentials_freep) struct credentials *credentials = calloc(1, sizeof(*credentials));
	AUTO(forgetp) char *text = NULL;
	size_t size;
	int r;

	if (!credentials)
		return err_set(e, ENOMEM, "read '%s'", path);
	if (strncmp(path, scheme, strlen(scheme)) == 0)
		path += strlen(scheme);
	r = read_text(path, &text, &size, e);
	if (r < 0)
		return r;
	r = text[strspn(text, " \t\r\n")] == '{' ? read_json(credentials, path, text, size, e) :
						   read_lines(credentials, path, text, e);
	if (r == 0 && credentials->n == 0)
		r = err_set(e, EINVAL, "read '%s': there is no credential in it", path);
	if (r == 0)
		*ret = TAKE_PTR(credentials);
	return r;
}

int credentials_of_pair(const char *pair, struct credentials **ret, struct err *e)
{
	AUTO(credentials_freep) struct credentials *credentials = calloc(1, sizeof(*credentials));
	const char *colon = strchr(pair, ':');
	AUTO(forgetp) char *principal = colon ? strndup(pair, (size_t)(colon - pair)) : NULL;
	int r;

	if (!credentials || (colon && !principal))
		return err_set(e, ENOMEM, "read credential");
	if (!colon)
		return err_set(e, EINVAL, "read credential: it is not a name and a password with a"
			       " colon between them");
	r = add(credentials, "the credential", principal, colon + 1, e);
	if (r == 0)
		*ret = TAKE_PTR(credentials);
	return r;
}

bool credentials_have(const struct credentials *credentials, const char *pair, size_t size)
{
	bool is_known = false;

	for (size_t i = 0; i < credentials->n; i++) {
		size_t length = strlen(credentials->pairs[i]);

		is_known |= length == size &&
			    CRYPTO_memcmp(credentials->pairs[i], pair, size) == 0;
	}
	return is_known;
}

int credentials_load_header(const char *path, char **ret, struct err *e)
{
	AUTO(credentials_freep) struct credentials *credentials = NULL;
	AUTO(forgetp) char *code = NULL;
	int r = credentials_load(path, &credentials, e);

	if (r < 0)
		return r;
	if (credentials->n > 1)
		return err_set(e, EINVAL, "read '%s': more than one credential", path);
	code = base64_encode(credentials->pairs[0], strlen(credentials->pairs[0]));
	if (!code || asprintf(ret, "Basic %s", code) < 0)
		return err_set(e, ENOMEM, "read '%s'", path);
	return 0;
}
