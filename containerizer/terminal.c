#include "containerizer/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

int terminal_open_devpts(struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set_code(e, ENOTTY, true, "the container has no devpts on '/dev/pts': "
				    "list it among the mounts of its document for terminals");
	return TAKE_FD(fd);
}

int terminal_open(int devpts_fd, uint16_t rows, uint16_t columns, int *ret_fd, struct err *e)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };
	const int unlocked = 0;
	AUTO_CLOSE int master = -EBADF, terminal = -EBADF;

	master = open_resolved(devpts_fd, "ptmx", O_RDWR | O_NOCTTY,
			       RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return err_set(e, -master, "make a terminal");
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_set(e, errno, "unlock the terminal");
	terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return err_set(e, errno, "open the terminal");
	if (rows > 0 && columns > 0 && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_set(e, errno, "set the size of the terminal");
	*ret_fd = TAKE_FD(terminal);
	return TAKE_FD(master);
}
