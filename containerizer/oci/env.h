/* What a process finds in its environment besides what its document has. */
#ifndef CONTAINERIZER_OCI_ENV_H
#define CONTAINERIZER_OCI_ENV_H

#include <sys/types.h>

struct err;

/* Put ITEM ("K=V", consumed; NULL: memory was out) at the end of the owned list.  -ENOMEM. */
int env_append(char ***env, char *item);

/*
 * HOME where there is none: that of user UID in the passwd(5) of the root ROOT_FD, or "/".  The file
 * is the container's: nothing but a regular file inside of the root is read, and none is no error.
 */
int env_add_home(int root_fd, uid_t uid, char ***env, struct err *e);

#endif
