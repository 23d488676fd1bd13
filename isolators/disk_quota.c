#include "isolators/disk_quota.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"

enum { BLOCK_BYTES = 1 << QIF_DQBLKSIZE_BITS };

/* By descriptor: the device's name, which quotactl(2) wants, may not exist in this namespace. */
static int call(int fs_fd, unsigned command, uint32_t project, void *data)
{
	return syscall(SYS_quotactl_fd, fs_fd, QCMD(command, PRJQUOTA), project, data) < 0 ?
		-errno : 0;
}

/* The kernel translates between both families of commands, whatever the file system is. */
int disk_quota_check(int fs_fd, bool *ret_is_limiting, struct err *e)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

	if (call(fs_fd, Q_XGETQSTATV, 0, &state) < 0 || !(state.qs_flags & FS_QUOTA_PDQ_ACCT))
		return err_set(e, ENOTSUP, "count the use of projects: the file system does not "
			       "(ext4 and xfs do when mounted with prjquota)");
	*ret_is_limiting = state.qs_flags & FS_QUOTA_PDQ_ENFD;
	return 0;
}

int disk_quota_assign(int dir_fd, uint32_t project, struct err *e)
{
	struct fsxattr attributes;

	if (ioctl(dir_fd, FS_IOC_FSGETXATTR, &attributes) < 0)
		return err_set(e, errno, "read the project of a directory");
	attributes.fsx_projid = project;
	attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (ioctl(dir_fd, FS_IOC_FSSETXATTR, &attributes) < 0)
		return err_set(e, errno, "give a directory to project %" PRIu32, project);
	return 0;
}

int disk_quota_project(int dir_fd, uint32_t *ret, struct err *e)
{
	struct fsxattr attributes;

	if (ioctl(dir_fd, FS_IOC_FSGETXATTR, &attributes) < 0)
		return err_set(e, errno, "read the project of a directory");
	*ret = attributes.fsx_projid;
	return 0;
}

int disk_quota_read(int fs_fd, uint32_t project, struct disk_quota *ret, struct err *e)
{
	struct if_dqblk block = { 0 };
	int r = call(fs_fd, Q_GETQUOTA, project, &block);

	/* xfs does not know a project that never had a file. */
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "read the quota of project %" PRIu32, project);
	*ret = (struct disk_quota){
		.bytes = block.dqb_curspace,
		.inodes = block.dqb_curinodes,
		.limit_bytes = block.dqb_bhardlimit ? block.dqb_bhardlimit * BLOCK_BYTES
			: UINT64_MAX,
	};
	return 0;
}

int disk_quota_limit(int fs_fd, uint32_t project, uint64_t bytes, struct err *e)
{
	struct if_dqblk block = { .dqb_valid = QIF_BLIMITS };
	int r;

	if (bytes != UINT64_MAX)
		block.dqb_bhardlimit = bytes / BLOCK_BYTES + (bytes % BLOCK_BYTES != 0);
	r = call(fs_fd, Q_SETQUOTA, project, &block);
	return r < 0 ? err_set(e, -r, "limit project %" PRIu32, project) : 0;
}
