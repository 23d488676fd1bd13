/*
 * Principals and their secrets, in files of operators: {"credentials": [{"principal": "p", "secret":
 * "s"}]}, of which one alone is {"principal": "p", "secret": "s"}, or a line "p s" for each.
 */
#ifndef NET_CREDENTIALS_H
#define NET_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

struct credentials;
struct err;

/*
 * PATH may begin with "file://".  -EPERM: others have access to it; -EINVAL: it has another form, or
 * none at all in it; -EFBIG.
 */
int credentials_load(const char *path, struct credentials **ret, struct err *e);
/* The one of "PRINCIPAL:SECRET".  -EINVAL: it is not that. */
int credentials_of_pair(const char *pair, struct credentials **ret, struct err *e);
void credentials_free(struct credentials *credentials);

/* Is "PRINCIPAL:SECRET" among them?  It takes as long whatever of it is right. */
bool credentials_have(const struct credentials *credentials, const char *pair, size_t size);

/* The one of PATH as the value of a header 'Authorization', owned.  -EINVAL also if there are more. */
int credentials_load_header(const char *path, char **ret, struct err *e);

#endif
