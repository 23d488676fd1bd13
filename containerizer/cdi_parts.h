/* What the two halves of the Container Device Interface share. */
#ifndef CONTAINERIZER_CDI_PARTS_H
#define CONTAINERIZER_CDI_PARTS_H

#include "containerizer/cdi.h"

struct cdi_device {
	char *name;		/* "VENDOR/CLASS=NAME" */
	char *file;		/* that it is of; its document's edits are common to its devices */
	unsigned dir;		/* the higher, the more it counts */
	json_t *edits, *common;	/* COMMON may be NULL */
};

struct cdi {
	struct cdi_device *devices;
	size_t n_devices;
	unsigned n_broken;
	char broken[256];	/* the first document that could not be read, and why */
};

bool cdi_is_name(const char *text);

#endif
