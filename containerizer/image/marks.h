/* What only the privileged side can put into a layer, where the helper's report asks for it. */
#ifndef CONTAINERIZER_IMAGE_MARKS_H
#define CONTAINERIZER_IMAGE_MARKS_H

struct err;
struct helper;
struct image_store;

/*
 * Mark the directories that hide those below.  The paths of the report are hostile, but they end in
 * the tree TREE_FD, and no process writes to it any more.
 */
int marks_apply(int tree_fd, const struct helper *helper, struct err *e);

/*
 * A directory that the archive has no entry for, but entries in, is as it was: owner, mode and
 * times come from the uppermost of the layers BELOW (chain ids, the lowest first; NULL: none) that
 * has it.
 */
int marks_inherit(struct image_store *store, char *const *below, int tree_fd,
		  const struct helper *helper, struct err *e);

#endif
