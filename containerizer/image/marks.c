#include "containerizer/image/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "containerizer/image/helper.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int mark(int tree_fd, const char *path, struct err *e)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			RESOLVE_NO_XDEV,
	};
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, tree_fd, *path ? path : ".", &how,
					 sizeof(how));

	/* An entry after the mark may have replaced the directory: then there is nothing to hide. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_set(e, errno, "mark directory '%.200s' of the layer", path);
	return 0;
}

int marks_apply(int tree_fd, const struct helper *helper, struct err *e)
{
	const char *path;
	size_t at = 0;
	int kind, r = 0;

	while (r == 0 && (kind = helper_note(helper, &at, &path))) {
		if (kind == UNPACK_NOTE_OPAQUE)
			r = mark(tree_fd, path, e);
	}
	return r;
}
