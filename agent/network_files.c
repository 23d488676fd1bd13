/* The files by which programs in a container learn of its network: hosts, hostname and resolv.conf. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/names.h"
#include "agent/network.h"
#include "agent/network_cni.h"
#include "agent/runtime_dir.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_FILE = 64 << 10 };

static int write_text(const struct container *c, const char *name, FILE *stream, char **text,
		      struct err *e)
{
	bool is_bad = ferror(stream);

	if (fclose(stream) != 0 || is_bad || !*text)
		return err_set(e, ENOMEM, "write '%s'", name);
	return runtime_dir_write(c->agent->work_fd, c->id, name, *text, e);
}

static int write_hosts(const struct container *c, const struct network *network,
		       const char *hostname, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return err_set(e, ENOMEM, "write '%s'", HANDOVER_HOSTS);
	(void)fputs("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", stream);
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		const Tepui__NetworkRecord__Attachment *a = network->record->attachments[i];

		for (size_t k = 0; k < a->n_addresses; k++)
			(void)fprintf(stream, "%.*s\t%s\n", (int)strcspn(a->addresses[k], "/"),
				      a->addresses[k], hostname);
	}
	return write_text(c, HANDOVER_HOSTS, stream, &text, e);
}

static int write_hostname(const struct container *c, const char *hostname, struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (asprintf(&text, "%s\n", hostname) < 0) {
		text = NULL;
		return err_set(e, ENOMEM, "write '%s'", HANDOVER_HOSTNAME);
	}
	return runtime_dir_write(c->agent->work_fd, c->id, HANDOVER_HOSTNAME, text, e);
}

/* ---- resolv.conf ---- */

/* A server on the node's loopback, such as systemd-resolved's stub, is not there in another namespace. */
static bool is_out_of_reach(const char *line)
{
	static const char word[] = "nameserver";

	if (strncmp(line, word, sizeof(word) - 1) != 0)
		return false;
	line += sizeof(word) - 1;
	while (isblank((unsigned char)*line))
		line++;
	return strncmp(line, "127.", 4) == 0 || strncmp(line, "::1", 3) == 0;
}

/* What of the node's FILE holds in a container, too; false when it names no server. */
static bool copy_resolver(const char *file, FILE *to)
{
	FILE *from = fopen(file, "re");
	char line[512];
	bool has_server = false;
	long left = MAX_FILE;

	if (!from)
		return false;
	while (left > 0 && fgets(line, sizeof(line), from)) {
		left -= (long)strlen(line);
		if (is_out_of_reach(line) || line[0] == '#')
			continue;
		has_server |= strncmp(line, "nameserver", 10) == 0;
		(void)fputs(line, to);
	}
	(void)fclose(from);
	return has_server;
}

/* Of our own server on the bridge, where it answers; else the node's. */
static int write_resolver(const struct container *c, const struct network *network, struct err *e)
{
	/* What systemd-resolved itself asks. */
	static const char *const files[] = {
		"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
	};
	AUTO_FREE char *text = NULL;
	bool has_server;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return err_set(e, ENOMEM, "write '%s'", HANDOVER_RESOLV_CONF);
	has_server = network->number && names_write_resolver(c->agent->names, stream);
	for (size_t i = 0; i < ARRAY_SIZE(files) && !has_server; i++) {
		rewind(stream);
		has_server = copy_resolver(files[i], stream);
	}
	return write_text(c, HANDOVER_RESOLV_CONF, stream, &text, e);
}

int network_files_write(const struct container *c, const char *hostname, struct err *e)
{
	struct network *network = network_of(c);
	int r;

	if (!network)
		return 0;
	/* Nothing, as a rule, before its own launch: the supervisor adds to the files what it finds. */
	network_learn(c->agent->networks, network);
	r = write_hosts(c, network, hostname, e);
	if (r >= 0)
		r = write_hostname(c, hostname, e);
	if (r >= 0)
		r = write_resolver(c, network, e);
	return r < 0 ? r : network_cni_complete_files(c, network, e);
}
