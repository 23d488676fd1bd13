/* What only the privileged side can put into a layer, where the helper's report asks for it. */
#ifndef CONTAINERIZER_IMAGE_MARKS_H
#define CONTAINERIZER_IMAGE_MARKS_H

struct err;
struct helper;

/*
 * Mark the directories that hide those below.  The paths of the report are hostile, but they end in
 * the tree TREE_FD, and no process writes to it any more.
 */
int marks_apply(int tree_fd, const struct helper *helper, struct err *e);

#endif
