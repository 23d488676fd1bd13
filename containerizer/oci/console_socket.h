/* Where a terminal's master goes when nobody waits in the foreground. */
#ifndef CONTAINERIZER_OCI_CONSOLE_SOCKET_H
#define CONTAINERIZER_OCI_CONSOLE_SOCKET_H

#include <stdbool.h>

struct err;

/* A terminal without a foreground needs a socket, and a socket needs a terminal. */
int console_socket_check(const char *path, bool has_terminal, bool has_foreground, struct err *e);

/* Send MASTER_FD (borrowed) to whoever listens on the unix socket PATH, as runc does. */
int console_socket_send(const char *path, int master_fd, struct err *e);

#endif
