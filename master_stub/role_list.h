/* The roles that there may be, if the operator names them, as in "eng,ops/db". */
#ifndef MASTER_STUB_ROLE_LIST_H
#define MASTER_STUB_ROLE_LIST_H

#include <stdbool.h>

struct err;

/* -EINVAL: one of them is no role. */
int role_list_check(const char *list, struct err *e);

/* "*" always is in it; and every role is in an empty one, or in NULL. */
bool role_list_has(const char *list, const char *role);

#endif
