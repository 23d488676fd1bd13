/* How tepui-oci tells of failures: on stderr, and in the log as podman and containerd read it. */
#ifndef CONTAINERIZER_OCI_REPORT_H
#define CONTAINERIZER_OCI_REPORT_H

#include <stdbool.h>

struct err;

/*
 * Open the log PATH (NULL: none) to append to.  FORMAT is "text" or "json" (NULL: text) and holds
 * for stderr too if there is no log.
 */
int report_open(const char *path, const char *format, struct err *e);

/* One line that says what failed. */
void report_error(const struct err *what);

/* One line that does not end the command. */
void report_warning(const struct err *what);

#endif
