/*
 * A process that is about to be the container's is still this program, and so is what the container
 * runs by "#!/proc/self/exe".  Whoever is root in there, without a user namespace, can hold the file
 * by /proc/PID/exe and write it as soon as no process runs it (CVE-2019-5736).  The supervisor of an
 * agent's container runs as long as the container; here nobody stays.
 */
#include "containerizer/oci/self.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char self[] = "/proc/self/exe";
enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool is_protected(int self_fd)
{
	struct statvfs fs;
	int seals = fcntl(self_fd, F_GET_SEALS);

	return (seals >= 0 && (seals & SEALS) == SEALS) ||
		(fstatvfs(self_fd, &fs) == 0 && (fs.f_flag & ST_RDONLY));
}

/* The same file on a mount of its own, which is nowhere and read-only; owned, or -errno. */
static int open_read_only(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int fd = open_tree(AT_FDCWD, self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Where there is no right to mount: a copy in memory. */
static int copy_sealed(int self_fd, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tepui-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (fd < 0 || fstat(self_fd, &st) < 0)
		return err_set(e, errno, "copy this program");
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(fd, self_fd, NULL, (size_t)(st.st_size - done));

		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "copy this program");
		done += n;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_set(e, errno, "seal the copy of this program");
	return TAKE_FD(fd);
}

int self_protect(char **argv, struct err *e)
{
	AUTO_CLOSE int self_fd = open(self, O_RDONLY | O_CLOEXEC), fd = -EBADF;

	if (self_fd < 0)
		return err_set(e, errno, "open this program");
	if (is_protected(self_fd))
		return 0;
	fd = open_read_only();
	if (fd < 0)
		fd = copy_sealed(self_fd, e);
	if (fd < 0)
		return fd;
	(void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, errno, "run this program from its copy");
}
