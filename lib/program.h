/* Finding our own programs: beside this one as built, or as installed below any prefix. */
#ifndef LIB_PROGRAM_H
#define LIB_PROGRAM_H

struct err;

/*
 * Open the program NAME of ours: the first of it beside this program, in ../libexec/tepui from
 * there, and in /usr/libexec/tepui.  Owned, for fexecve(3) and copying.
 */
int program_open(const char *name, struct err *e);

#endif
