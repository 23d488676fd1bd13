#include "isolators/network_cni.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolators/isolator.h"
#include "isolators/network_files.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_out.h"
#include "net/cni.h"

enum { PATH_SIZE = 64 };

struct cni_networks {
	/*
	 * Held from here, so that it is there for DEL too, when init is gone.  NETNS is a path to it
	 * that stays good for as long as this process is there.
	 */
	int netns_fd;
	char netns[PATH_SIZE];
	int dir_fd;		/* of the files; locked by flock(2) for as long as plugins run */
	json_t *attachments;	/* [{"interface", "result"}, ...] of those that ADD was begun for */
};

static size_t count(const struct spec *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_networks; i++)
		n += spec->networks[i].cni != NULL;
	return n;
}

int cni_networks_validate(const struct spec *spec, struct err *e)
{
	if (count(spec) > 0 && (!spec->cni.dirs || !spec->cni.directory || !spec->cni.timeout_ms))
		return err_set(e, EINVAL, "run plugins of networks: it is not said how");
	return 0;
}

static struct cni_host host_of(const struct box *box)
{
	return (struct cni_host){
		.dirs = box->spec->cni.dirs, .timeout_ms = (int64_t)box->spec->cni.timeout_ms,
		.hold_fd = box->cni->dir_fd,
	};
}

static struct cni_attachment attachment_of(const struct box *box, const struct spec_network *network)
{
	return (struct cni_attachment){
		.container_id = box->spec->id, .interface = network->interface,
		.netns = box->cni->netns, .list = network->cni,
	};
}

static int open_all(struct box *box, struct err *e)
{
	struct cni_networks *cni = calloc(1, sizeof(*cni));
	char path[PATH_SIZE];

	if (!cni)
		return err_set(e, ENOMEM, "attach networks");
	box->cni = cni;
	cni->netns_fd = cni->dir_fd = -EBADF;
	cni->attachments = json_array();
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)box->init_pid);
	cni->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (cni->netns_fd < 0)
		return err_set(e, errno, "open network namespace '%s'", path);
	(void)snprintf(cni->netns, sizeof(cni->netns), "/proc/%d/fd/%d", (int)getpid(),
		       cni->netns_fd);
	cni->dir_fd = open(box->spec->cni.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cni->dir_fd < 0)
		return err_set(e, errno, "open directory '%s'", box->spec->cni.directory);
	return cni->attachments ? 0 : err_set(e, ENOMEM, "attach networks");
}

/* What has been begun, for the agent: also if this process is killed in the next moment. */
static int save(const struct cni_networks *cni, struct err *e)
{
	json_auto_t *document = json_pack("{s:s, s:O}", "netns", cni->netns, "attachments",
					  cni->attachments);
	AUTO_FREE char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	if (!text)
		return err_set(e, ENOMEM, "keep what networks gave");
	return file_out_replace(cni->dir_fd, NETWORK_FILE_CNI, text, strlen(text), e);
}

static int add(struct box *box, const struct spec_network *network, struct err *e)
{
	struct cni_attachment at = attachment_of(box, network);
	struct cni_host host = host_of(box);
	json_t *entry = json_pack("{s:s}", "interface", network->interface), *result;
	int r = json_array_append_new(box->cni->attachments, entry) < 0 ?
		err_set(e, ENOMEM, "attach network '%s'", network->network) : save(box->cni, e);

	if (r == 0)
		r = cni_add(&host, &at, &result, e);
	if (r < 0)
		return r;
	if (json_object_set_new(entry, "result", result) < 0)
		return err_set(e, ENOMEM, "attach network '%s'", network->network);
	return save(box->cni, e);
}

int cni_networks_attach(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	int r = 0;

	if (count(spec) == 0)
		return 0;
	r = open_all(box, e);
	for (size_t i = 0; i < spec->n_networks && r == 0; i++) {
		if (spec->networks[i].cni)
			r = add(box, &spec->networks[i], e);
	}
	if (r == 0)
		r = network_files_complete(box->cni->dir_fd, spec->hostname,
					   box->cni->attachments, e);
	return r;
}

static const struct spec_network *find(const struct spec *spec, const char *interface)
{
	for (size_t i = 0; interface && i < spec->n_networks; i++) {
		if (spec->networks[i].cni && strcmp(spec->networks[i].interface, interface) == 0)
			return &spec->networks[i];
	}
	return NULL;
}

static int del(struct box *box, const json_t *entry, struct err *e)
{
	const char *interface = json_string_value(json_object_get(entry, "interface"));
	const struct spec_network *network = find(box->spec, interface);
	struct cni_host host = host_of(box);
	struct cni_attachment at;

	if (!network)
		return 0;
	at = attachment_of(box, network);
	at.result = json_object_get(entry, "result");
	return cni_del(&host, &at, e);
}

void cni_networks_release(struct box *box)
{
	bool is_whole = true;

	if (!box->cni)
		return;
	for (size_t i = json_array_size(box->cni->attachments); i > 0; i--) {
		struct err lost = { 0 };

		is_whole &= del(box, json_array_get(box->cni->attachments, i - 1), &lost) == 0;
	}
	if (is_whole)
		(void)unlinkat(box->cni->dir_fd, NETWORK_FILE_CNI, 0);
	cni_networks_free(box);
}

void cni_networks_free(struct box *box)
{
	struct cni_networks *cni = TAKE_PTR(box->cni);

	if (!cni)
		return;
	fd_close(&cni->netns_fd);
	fd_close(&cni->dir_fd);
	json_decref(cni->attachments);
	free(cni);
}
