/*
 * Container Device Interface: what a vendor says a container needs to use a device, by the device's
 * name "VENDOR/CLASS=NAME" (github.com/cncf-tags/container-device-interface, versions 0.3 to 1.0).
 */
#ifndef CONTAINERIZER_CDI_H
#define CONTAINERIZER_CDI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cdi;
struct err;

#define CDI_DIRS "/etc/cdi,/var/run/cdi"	/* as everywhere */

/*
 * Read "*.json" of the directories DIRS, separated by commas; one that does not exist is empty.  A
 * device of a later directory wins over its namesake of an earlier one; two in one directory
 * cannot be told apart, which is an error only when one is asked for.  A file that is wrong is
 * passed over, and mentioned when a device is not found.  cdi_free() by the caller.
 */
int cdi_load(const char *dirs, struct cdi **ret, struct err *e);
void cdi_free(struct cdi *cdi);

/* For tests, and for whoever has documents in memory: one more, as FILE of directory number DIR. */
int cdi_add(struct cdi *cdi, const json_t *document, const char *file, unsigned dir, struct err *e);
struct cdi *cdi_new(void);	/* NULL: out of memory */

struct cdi_options {
	bool allow_hooks;	/* programs that run on the host */
	/* Fills type ('c' or 'b'), major and minor of the node PATH where a document lacks them. */
	int (*find_node)(const char *path, char *ret_type, unsigned *ret_major,
			 unsigned *ret_minor, struct err *e);
};

/* The host's own nodes. */
int cdi_stat_node(const char *path, char *ret_type, unsigned *ret_major, unsigned *ret_minor,
		  struct err *e);

/*
 * Put what the devices NAMES, separated by commas, need into DOC, an OCI config.json: environment,
 * nodes with the right to use them, mounts, hooks, groups.  What is there already is not put twice.
 * -ENODEV: a device that is not known; -EINVAL, -ENOTSUP with the place in the vendor's document.
 * On failure DOC is as it was.
 */
int cdi_inject(const struct cdi *cdi, const char *names, const struct cdi_options *options,
	       json_t *doc, struct err *e);

/* The names in DOC's annotations "cdi.k8s.io/...", as podman and containerd write them; owned. */
int cdi_annotated(const json_t *doc, char **ret, struct err *e);

#endif
