/* Devices that a bundle's annotations name, put into its document (cdi.h). */
#ifndef CONTAINERIZER_OCI_DEVICES_H
#define CONTAINERIZER_OCI_DEVICES_H

#include <jansson.h>

struct err;
struct oci;

/* Nothing is read when DOC names none. */
int devices_inject(const struct oci *oci, json_t *doc, struct err *e);

#endif
