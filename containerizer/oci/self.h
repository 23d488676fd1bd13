/* This program, as it is seen from a container that it enters. */
#ifndef CONTAINERIZER_OCI_SELF_H
#define CONTAINERIZER_OCI_SELF_H

struct err;

/*
 * Before a process of a container is made: have no file that it could write (rule R7).  Without the
 * rights for that ARGV is run again from a copy, in which this returns, with 0.
 */
int self_protect(char **argv, struct err *e);

/* What is kept for that may take its time to go: when the container runs and we only wait. */
void self_release(void);

#endif
