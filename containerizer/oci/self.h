/* This program, as it is seen from a container that it enters. */
#ifndef CONTAINERIZER_OCI_SELF_H
#define CONTAINERIZER_OCI_SELF_H

struct err;

/*
 * Before a process of a container is made: run ARGV again from a copy of this program that nobody
 * can write (rule R7).  Returns, with 0, in that copy.
 */
int self_protect(char **argv, struct err *e);

#endif
