/* Inside a user namespace that was made or joined. */
#ifndef ISOLATORS_USER_H
#define ISOLATORS_USER_H

struct err;

/* Before anything is built there: the ids that the host's root has mean nobody. */
int user_become_root(struct err *e);

#endif
