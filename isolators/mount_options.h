/* The options of a mount, as OCI documents have them. */
#ifndef ISOLATORS_MOUNT_OPTIONS_H
#define ISOLATORS_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct spec_mount;

enum { MOUNT_DATA_SIZE = 4096 };	/* a page: what mount(2) takes */

struct mount_options {
	unsigned long set;		/* MS_*; what is mounted below a bind gets them, too */
	unsigned long clear;		/* MS_* that a bind shall not have */
	unsigned long clear_below;	/* and neither what is mounted below it */
	unsigned long propagation;	/* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE */
	bool is_recursive;		/* rbind */
	bool is_copied_up;		/* what it covers is copied into it */
	bool is_idmapped, is_idmapped_below;
	char data[MOUNT_DATA_SIZE];	/* of the file system, joined by commas */
};

/*
 * From those of M, which stands at mounts[I] of the document: nosuid and nodev unless it says
 * "suid" and "dev", and private unless it says otherwise.  An option that nobody knows is for the
 * file system; a bind has none.  Pure.
 */
int mount_options_parse(const struct spec_mount *m, size_t i, struct mount_options *ret,
			struct err *e);

/* FN for each word that is not for the file system. */
void mount_options_each(void (*fn)(const char *name, void *arg), void *arg);

/* FLAGS (MS_*) as mount_setattr(2) has them: set, with what has to be cleared for it. */
struct mount_attr;
void mount_options_attr(unsigned long flags, struct mount_attr *attr);

/* "private", "rslave", ...: one of MS_*, with MS_REC; 0 when there is no such word. */
unsigned long mount_propagation(const char *word);

#endif
