/* The end of what a task or a program wrote, as one line that may stand in a sentence: pure. */
#ifndef LIB_EXCERPT_H
#define LIB_EXCERPT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	EXCERPT_BYTES = 256,				/* of output that one is made of */
	EXCERPT_SIZE = 3 + 2 * EXCERPT_BYTES + 1,	/* that it needs at most */
};

/*
 * The SIZE bytes at the end of some output, at most EXCERPT_BYTES, IS_CUT: there was more before
 * them, which "..." stands for.  A run of bytes that are no UTF-8 becomes one U+FFFD; blanks, line
 * ends and control characters become one blank, and the colours of terminals nothing: whoever reads
 * the sentence in a log or on a terminal sees one line, and the task cannot forge another.  "" when
 * nothing is left.
 */
void excerpt_format(const char *bytes, size_t size, bool is_cut, char ret[EXCERPT_SIZE]);

#endif
