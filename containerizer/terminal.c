#include "containerizer/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

int terminal_open_devpts(struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return err_set(e, ENOTTY, "open '/dev/pts' of the container");
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ENOTTY, "open '/dev/pts' of the container: not a devpts");
	return TAKE_FD(fd);
}

int terminal_open(int devpts_fd, uint16_t rows, uint16_t columns, int *ret_fd, struct err *e)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };
	const int unlocked = 0;
	struct open_how how = {
		.flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	AUTO_CLOSE int master = -EBADF, terminal = -EBADF;

	master = (int)syscall(SYS_openat2, devpts_fd, "ptmx", &how, sizeof(how));
	if (master < 0)
		return err_set(e, errno, "make a terminal");
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
