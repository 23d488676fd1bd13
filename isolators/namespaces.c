/* Own views of the system: the namespaces are made by clone3(2), here they are furnished. */
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/namespaces.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

const struct namespace_kind namespace_kinds[SPEC_N_NAMESPACES] = {
	[SPEC_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP, "cgroup" },
	[SPEC_NS_IPC] = { "ipc", CLONE_NEWIPC, "ipc" },
	[SPEC_NS_MOUNT] = { "mount", CLONE_NEWNS, "mnt" },
	[SPEC_NS_NETWORK] = { "network", CLONE_NEWNET, "net" },
	[SPEC_NS_PID] = { "pid", CLONE_NEWPID, "pid" },
	[SPEC_NS_TIME] = { "time", CLONE_NEWTIME, "time" },
	[SPEC_NS_USER] = { "user", CLONE_NEWUSER, "user" },
	[SPEC_NS_UTS] = { "uts", CLONE_NEWUTS, "uts" },
};

const struct namespace_kind *namespace_kind_find(const char *type)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (strcmp(namespace_kinds[i].type, type) == 0)
			return &namespace_kinds[i];
	}
	return NULL;
}

static int validate(const struct spec *spec, struct err *e)
{
	/* What a container mounts is for itself. */
	if (!(spec->namespaces & CLONE_NEWNS))
		return err_set(e, EINVAL, "share the mount namespace of the host");
	if (spec_has_namespace(spec, SPEC_NS_UTS))
		return 0;
	if (spec->hostname)
		return err_set(e, EINVAL, "set hostname '%.64s' without a uts namespace",
			       spec->hostname);
	if (spec->domainname)
		return err_set(e, EINVAL, "set domainname '%.64s' without a uts namespace",
			       spec->domainname);
	return 0;
}

static int bring_up_loopback(struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	request.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_set(e, errno, "bring up 'lo'");
	return 0;
}

int namespaces_leave_keyring(const struct spec *spec, struct err *e)
{
	if (!spec->no_new_keyring &&
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return err_set(e, errno, "join session keyring");
	return 0;
}

static int enter(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;

	/* After attach: the namespace's root is the group in which this process is now. */
	if ((spec->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "create cgroup namespace");
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_set(e, errno, "set hostname '%.64s'", spec->hostname);
	if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return err_set(e, errno, "set domainname '%.64s'", spec->domainname);
	if (namespaces_leave_keyring(spec, e) < 0)
		return -e->code;
	return spec->namespaces & CLONE_NEWNET ? bring_up_loopback(e) : 0;
}

const struct isolator isolator_namespaces = {
	.name = "namespaces",
	.clone_flags = CLONE_NEWNS,
	.validate = validate,
	.enter = enter,
};
