/* The files by which programs in a container learn of its networks: made by the agent, completed here. */
#ifndef ISOLATORS_NETWORK_FILES_H
#define ISOLATORS_NETWORK_FILES_H

#include <jansson.h>

struct err;

/* In the container's runtime directory. */
#define NETWORK_FILE_HOSTS "hosts"
#define NETWORK_FILE_RESOLV_CONF "resolv.conf"
/* Of CNI networks: {"netns": PATH, "attachments": [{"interface", "result"}, ...]}. */
#define NETWORK_FILE_CNI "networks"

/*
 * What plugins gave, ATTACHMENTS [{"result": ...}, ...], into the files in DIR_FD that are there: the
 * addresses of HOSTNAME (NULL: they are there), and in the place of the node's name servers those of the first network that
 * has some.
 */
int network_files_complete(int dir_fd, const char *hostname, const json_t *attachments,
			   struct err *e);

#endif
