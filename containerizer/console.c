#include "containerizer/console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "containerizer/terminal.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* By descriptors alone: a path below /dev/pts is for the container to choose (rule B5). */
static int bind_console(int terminal_fd, struct err *e)
{
	AUTO_CLOSE int dev_fd = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int tree_fd = -EBADF, fd = -EBADF;
	struct statfs fs;

	if (dev_fd < 0 || fstatfs(dev_fd, &fs) < 0)
		return err_set(e, errno, "open '/dev' of the container");
	if (fs.f_type != TMPFS_MAGIC)
		return err_set(e, EPERM, "open '/dev' of the container: not a tmpfs");
	/* An empty file that was made with the rest of /dev, which may be read-only by now. */
	fd = openat(dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '/dev/console'");
	tree_fd = open_tree(terminal_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree_fd < 0 ||
	    move_mount(tree_fd, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "bind the terminal on '/dev/console'");
	return 0;
}

int console_open_another(const struct spec *spec, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int devpts_fd = terminal_open_devpts(e);
	AUTO_CLOSE int terminal = -EBADF, master = -EBADF;

	if (devpts_fd < 0)
		return devpts_fd;
	master = terminal_open(devpts_fd, spec->terminal_rows,
			       spec->terminal_columns, &terminal, e);
	if (master < 0)
		return master;
	if (fchown(terminal, spec->uid, (gid_t)-1) < 0)
		return err_set(e, errno, "give the terminal to user %u", spec->uid);
	*ret_fd = TAKE_FD(terminal);
	return TAKE_FD(master);
}

int console_open(const struct spec *spec, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int terminal = -EBADF;
	AUTO_CLOSE int master = console_open_another(spec, &terminal, e);
	int r = master < 0 ? master : bind_console(terminal, e);

	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(terminal);
	return TAKE_FD(master);
}
