#include "isolators/network_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/cni_result.h"

/* In place, for it may be mounted already; NULL in *RET: it is not there. */
static int open_file(int dir_fd, const char *file, int flags, FILE **ret, struct err *e)
{
	int fd = openat(dir_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags);

	*ret = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", file);
	*ret = fdopen(fd, "w");
	if (*ret)
		return 0;
	fd_close(&fd);
	return err_set(e, ENOMEM, "write '%s'", file);
}

static int close_file(FILE *file, const char *name, struct err *e)
{
	bool is_bad = ferror(file);

	return fclose(file) != 0 || is_bad ? err_set(e, EIO, "write '%s'", name) : 0;
}

static int put_addresses(FILE *file, const char *hostname, const json_t *result, struct err *e)
{
	char *addresses[CNI_MAX_ADDRESSES];
	size_t n;
	int r = cni_result_addresses(result, addresses, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		(void)fprintf(file, "%.*s\t%s\n", (int)strcspn(addresses[i], "/"), addresses[i],
			      hostname);
		free(addresses[i]);
	}
	return r;
}

static int complete_hosts(int dir_fd, const char *hostname, const json_t *attachments,
			  struct err *e)
{
	const json_t *attachment;
	FILE *file;
	size_t i;
	int r = open_file(dir_fd, NETWORK_FILE_HOSTS, O_APPEND, &file, e);

	if (r < 0 || !file)
		return r;
	json_array_foreach(attachments, i, attachment) {
		if (r == 0)
			r = put_addresses(file, hostname, json_object_get(attachment, "result"), e);
	}
	if (r == 0)
		return close_file(file, NETWORK_FILE_HOSTS, e);
	(void)fclose(file);
	return r;
}

/* "KEY WORD WORD", or a line for each. */
static void put_words(FILE *file, const char *key, const json_t *words, bool is_one_line)
{
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word) {
		if (i == 0 || !is_one_line)
			(void)fputs(key, file);
		(void)fprintf(file, " %s", json_string_value(word));
		if (!is_one_line || i + 1 == json_array_size(words))
			(void)fputc('\n', file);
	}
}

static const json_t *find_dns(const json_t *attachments)
{
	const json_t *attachment;
	size_t i;

	json_array_foreach(attachments, i, attachment) {
		const json_t *result = json_object_get(attachment, "result");
		const json_t *dns = json_object_get(result, "dns");

		if (json_array_size(json_object_get(dns, "nameservers")) > 0)
			return dns;
	}
	return NULL;
}

static int complete_resolver(int dir_fd, const json_t *attachments, struct err *e)
{
	const json_t *dns = find_dns(attachments), *search = json_object_get(dns, "search");
	const char *domain = json_string_value(json_object_get(dns, "domain"));
	FILE *file = NULL;
	int r = dns ? open_file(dir_fd, NETWORK_FILE_RESOLV_CONF, O_TRUNC, &file, e) : 0;

	if (r < 0 || !file)
		return r;
	put_words(file, "nameserver", json_object_get(dns, "nameservers"), false);
	/* Of these two the last one holds (resolv.conf(5)). */
	if (domain && *domain && json_array_size(search) == 0)
		(void)fprintf(file, "domain %s\n", domain);
	put_words(file, "search", search, true);
	put_words(file, "options", json_object_get(dns, "options"), true);
	return close_file(file, NETWORK_FILE_RESOLV_CONF, e);
}

int network_files_complete(int dir_fd, const char *hostname, const json_t *attachments,
			   struct err *e)
{
	int r = hostname ? complete_hosts(dir_fd, hostname, attachments, e) : 0;

	return r < 0 ? r : complete_resolver(dir_fd, attachments, e);
}
