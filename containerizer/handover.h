/* What passes between an agent and the supervisors it spawns: both sides include this. */
#ifndef CONTAINERIZER_HANDOVER_H
#define CONTAINERIZER_HANDOVER_H

#include "isolators/network_files.h"

/*
 * The agent makes a runtime directory for each container (0700, below its state directory), writes
 * the launch document there, and executes its sealed copy of tepui-executor with
 *
 *	argv[0]		"tepui-executor"
 *	argv[1]		the runtime directory, absolute; its last component is the container's
 *			id and the name of its cgroup
 *	environment	the MESOS_* variables of reference/mesos.md 2.3, nothing else; the v1
 *			executor API is spoken in protobuf over MESOS_DOMAIN_SOCKET
 *	stdin		/dev/null;  stdout, stderr: the agent's log
 *	fd 3		the compiled seccomp program (sealed memfd), or closed: unconfined was
 *			allowed
 *
 * The task itself arrives by LAUNCH.  The supervisor outlives the agent; it ends when its terminal
 * update is acknowledged, or MESOS_RECOVERY_TIMEOUT after it lost the agent.
 */
#define HANDOVER_CONFIG "config.json"	/* OCI runtime-spec document, written by the agent */
#define HANDOVER_EXIT "exit"		/* tepui.ExitRecord, fsynced by the supervisor */
#define HANDOVER_EXIT_TMP "exit.tmp"
#define HANDOVER_ROOT "root"		/* the writable layer over an image, and what it needs */
#define HANDOVER_HOSTS NETWORK_FILE_HOSTS	/* and the next two: files of /etc, where it has networks */
#define HANDOVER_HOSTNAME "hostname"
#define HANDOVER_RESOLV_CONF NETWORK_FILE_RESOLV_CONF
#define HANDOVER_NETWORKS NETWORK_FILE_CNI	/* what plugins gave, by the supervisor */
#define HANDOVER_CONTROL "control"	/* the supervisor's socket: tepui.ControlCall */

enum { HANDOVER_SECCOMP_FD = 3 };

/* Seen by tasks; with an image and without one (flag sandbox_directory). */
#define HANDOVER_SANDBOX "/mnt/mesos/sandbox"

/* Annotations of the launch document. */
#define HANDOVER_ANNOTATION_CGROUPS "io.tepui.cgroups"
#define HANDOVER_ANNOTATION_SANDBOX "io.tepui.sandbox"
#define HANDOVER_ANNOTATION_SANDBOX_DESTINATION "io.tepui.sandbox-destination"
#define HANDOVER_ANNOTATION_HOST_ROOT "io.tepui.host-root"
#define HANDOVER_ANNOTATION_HIDDEN "io.tepui.hidden"
/* "builtin": the profile that tasks have, for documents that bring none. */
#define HANDOVER_ANNOTATION_SECCOMP "io.tepui.seccomp"
/* Directories, ':'-separated: sources of binds are looked up beneath them, as in the sandbox. */
#define HANDOVER_ANNOTATION_VOLUME_ROOTS "io.tepui.volume-roots"
/* "BYTES:FILES BYTES:FILES": bounds of stdout and of stderr, and how many full ones are kept. */
#define HANDOVER_ANNOTATION_LOGS "io.tepui.logs"
/*
 * What its own network namespace is attached to, in that order: JSON {"attachments": [{"network": NAME,
 * "interface": IN IT, "link": ON THE HOST, "bridge": NAME, "mtu": BYTES, "addresses": ["10.1.2.3/16"],
 * "gateways": ["10.1.0.1"], "bandwidth_in": BITS A SECOND, "bandwidth_out": LIKEWISE}]}.  One that CNI
 * plugins make has, beside its names, "cni": CONFIGURATION; and how plugins are run for all of them is
 * {"cni": {"dirs": "DIR:DIR" OF PLUGINS, "directory": THE RUNTIME DIRECTORY, "timeout_ms": OF ONE}}.
 */
#define HANDOVER_ANNOTATION_NETWORK "io.tepui.network"
/* With a user namespace: the root is an idmapped mount, its files belong to the ids inside. */
#define HANDOVER_ANNOTATION_IDMAPPED_ROOT "io.tepui.idmapped-root"

/*
 * A root file system of layers, in the place of root.path: their host directories, ':'-separated,
 * the topmost first; and the directory of this container alone in which "upper" and "work" lie.
 */
#define HANDOVER_ANNOTATION_ROOT_LAYERS "io.tepui.root-layers"
#define HANDOVER_ANNOTATION_ROOT_UPPER "io.tepui.root-upper"
/* The same for each mount of type "layers", in their order: a line, and its source is the directory. */
#define HANDOVER_ANNOTATION_MOUNT_LAYERS "io.tepui.mount-layers"
/* Directories in the root that are made if they are missing, ':'-separated: an image's volumes. */
#define HANDOVER_ANNOTATION_ROOT_DIRECTORIES "io.tepui.root-directories"

#endif
