#include "agent/flags.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "agent/images.h"
#include "agent/launch_parts.h"
#include "agent/names_config.h"
#include "agent/network.h"
#include "agent/stalls.h"
#include "agent/volumes.h"
#include "containerizer/cdi.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"
#include "net/address.h"
#include "net/dns_forwarder.h"
#include "net/http_auth.h"

static const char prefix[] = "TEPUI_AGENT";

#define ROW(kind_, member, fallback_, max_, help_) \
	{ .name = #member, .kind = (kind_), .off = offsetof(struct agent_flags, member), \
	  .fallback = (fallback_), .max = (max_), .help = (help_) }

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct flag table[] = {
	ROW(FLAG_STR, master, NULL, 0, "master to register with, host:port (required)"),
	ROW(FLAG_STR, work_dir, "/var/lib/tepui/agent", 0,
	    "absolute path of state and sandboxes, made if missing"),
	ROW(FLAG_STR, listen, "127.0.0.1:5051", 0, "address to answer operators on"),
	ROW(FLAG_STR, advertise_ip, NULL, 0,
	    "address at which other nodes reach this one's tasks (default: that of the connection to"
	    " the master)"),
	ROW(FLAG_STR, bridge, "tepui0", 0,
	    "name of the bridge for containers on network mesos-bridge or bridge (\"\": none); made"
	    " when it is needed first"),
	ROW(FLAG_STR, bridge_subnet, "172.29.0.0/16", 0,
	    "IPv4 network on it; its first address is the bridge's own"),
	ROW(FLAG_STR, bridge_subnet6, "fd74:6570:7569::/64", 0,
	    "IPv6 network on it (\"\": none)"),
	ROW(FLAG_U64, bridge_mtu, "1500", 65535, "largest packet on it, in bytes"),
	ROW(FLAG_STR, network_cni_config_dir, NULL, 0,
	    "directory with the configurations of networks that CNI plugins make (default: no such"
	    " networks)"),
	ROW(FLAG_STR, network_cni_plugins_dir, "/usr/lib/cni", 0,
	    "directories with these plugins, with ':' between"),
	ROW(FLAG_MILLIS, cni_timeout, "30secs", 0, "how long a plugin may take"),
	ROW(FLAG_STR, dns_domain, "mesos", 0, "domain of the names of what runs"),
	ROW(FLAG_STR, dns_listen, "127.0.0.1:53", 0,
	    "addresses to answer DNS on beside the containers' bridge, ',' between them; none: not at all"),
	ROW(FLAG_STR, dns_http_listen, NULL, 0,
	    "address to tell names over HTTP at, as Mesos-DNS does, e.g. 127.0.0.1:8123 (the address of"
	    " --listen does in any case)"),
	ROW(FLAG_STR, dns_upstreams, NULL, 0,
	    "servers to ask for all other names, ',' between them; none: not at all (default: those of"
	    " /etc/resolv.conf that are not this one)"),
	ROW(FLAG_U64, dns_cache_size, "4096", DNS_MAX_CACHED, "answers of theirs to keep, of at most 4 KiB"),
	ROW(FLAG_MILLIS, dns_ttl, "5secs", HOUR, "time for which names of what runs may be remembered"),
	ROW(FLAG_BOOL, nftables, "true", 0,
	    "make tables tepui of nftables when they are needed first: service addresses, ports of"
	    " containers, what those may reach"),
	ROW(FLAG_BOOL, open_admin_ports, "false", 0,
	    "let containers on the bridge reach the ports of agents and of the master"),
	ROW(FLAG_STR, hostname, NULL, 0, "name told to the master (default: the host's)"),
	ROW(FLAG_STR, resources, NULL, 0,
	    "what to offer, e.g. cpus:4;mem:1024;disk(role):512;ports:[31000-32000] (rest: found out)"),
	ROW(FLAG_STR, attributes, NULL, 0, "what to tell of the node, e.g. rack:r1;level:10"),
	ROW(FLAG_STR, cgroup_root, "tepui", 0, "name of our cgroup below the agent's own"),
	ROW(FLAG_STR, executor, NULL, 0,
	    "path of tepui-executor (default: the first of it beside this program, in"
	    " ../libexec/tepui from there, and in /usr/libexec/tepui)"),
	ROW(FLAG_STR, executor_environment_variables, NULL, 0,
	    "JSON object of variables for executors and command tasks, below what these ask for"),
	ROW(FLAG_STR, default_user, "nobody", 0, "user of tasks that name none"),
	ROW(FLAG_STR, log_level, "info", 0, "debug, info, warning or error"),
	ROW(FLAG_BOOL, cfs_quota, "false", 0, "never more cpu time than requested"),
	ROW(FLAG_BOOL, allow_unenforced, "false", 0, "start though a resource cannot be limited"),
	ROW(FLAG_BOOL, allow_root_tasks, "false", 0, "run tasks that ask for user root"),
	ROW(FLAG_BOOL, allow_unconfined, "false", 0, "run tasks that ask for no seccomp profile"),
	ROW(FLAG_STR, seccomp_config_dir, NULL, 0,
	    "absolute path of seccomp profiles that tasks may ask for by file name"),
	ROW(FLAG_STR, seccomp_profile_name, NULL, 0,
	    "profile of that directory for tasks that name none (default: the built-in one)"),
	ROW(FLAG_BOOL, enforce_container_disk_quota, "false", 0,
	    "end tasks whose sandbox outgrows their disk; with --disk_projects, let their"
	    " writes beyond it fail"),
	ROW(FLAG_STR, cdi_devices, NULL, 0,
	    "devices that tasks may ask for by the label io.tepui.cdi, e.g."
	    " vendor.com/gpu=0,other.com/nic=*; none unless named here"),
	ROW(FLAG_STR, cdi_dirs, CDI_DIRS, 0,
	    "directories of Container Device Interface documents"),
	ROW(FLAG_STR, disk_projects, NULL, 0,
	    "project ids for sandboxes, e.g. [100000-165535]: the file system counts their disk"),
	ROW(FLAG_STR, credential, NULL, 0,
	    "file of the principal and secret that the master is shown"),
	ROW(FLAG_STR, http_credentials, NULL, 0,
	    "file of the principals and secrets that are let in where one is asked for"),
	ROW(FLAG_BOOL, authenticate_http_readonly, "false", 0,
	    "ask for a credential where things are read"),
	ROW(FLAG_BOOL, authenticate_http_readwrite, "false", 0,
	    "ask for a credential where things are changed"),
	ROW(FLAG_STR, http_authenticators, "basic", 0, "how operators show it"),
	ROW(FLAG_BOOL, insecure, "false", 0,
	    "listen beyond loopback though not everybody is asked for a credential"),
	ROW(FLAG_STR, image_store, "", 0,
	    "absolute path of tepui-image's store, for tasks with an image (default: none)"),
	ROW(FLAG_MILLIS, image_gc_interval, "5mins", 0,
	    "time between looks for images and layers that may go (0: none)"),
	ROW(FLAG_U64, image_gc_high, "90", 100,
	    "percent of the store's disk above which images that nothing runs on go, the longest"
	    " unused first (0: none)"),
	ROW(FLAG_U64, image_gc_low, "80", 100, "until it is no fuller than this"),
	ROW(FLAG_STR, user_ids, "2000000000-2268435455", 0,
	    "ids of the host for containers with an image, 65536 each"),
	ROW(FLAG_STR, host_path_volumes, "", 0,
	    "absolute paths, ':' between them, that tasks may have volumes at or below"),
	ROW(FLAG_U64, container_log_mb, "10", 1 << 20,
	    "MiB of a task's stdout and of its stderr until a new file is begun; 0: no bound"),
	ROW(FLAG_U64, container_log_files, "2", SPEC_MAX_LOG_FILES,
	    "full ones that are kept, as stdout.1 and so on"),
	ROW(FLAG_BOOL, failure_output, "true", 0,
	    "tell the last output of a task that fails in its status"),
	ROW(FLAG_U64, pids_limit, "1024", 4194304, "processes and threads a container may have"),
	ROW(FLAG_MILLIS, executor_registration_timeout, "1mins", HOUR,
	    "time a new executor has to subscribe"),
	ROW(FLAG_MILLIS, executor_reregistration_timeout, "2secs", 15 * SECOND,
	    "time to wait for executors before registering again"),
	ROW(FLAG_MILLIS, executor_shutdown_grace_period, "5secs", HOUR,
	    "time tasks have to end on a shutdown"),
	ROW(FLAG_MILLIS, executor_heartbeat_interval, "30mins", 24 * HOUR,
	    "time between heartbeats to custom executors"),
	ROW(FLAG_BOOL, authenticate_http_executors, "true", 0,
	    "a custom executor has to show the token it was given"),
	ROW(FLAG_BOOL, http_executor_domain_sockets, "false", 0,
	    "custom executors speak over a unix socket in their container instead of TCP"),
	ROW(FLAG_MILLIS, recovery_timeout, "15mins", 24 * HOUR,
	    "time executors live on without an agent"),
	ROW(FLAG_MILLIS, registration_backoff_factor, "1secs", MINUTE,
	    "unit of the random wait between registrations"),
	ROW(FLAG_MILLIS, gc_delay, "1weeks", 0, "age at which sandboxes are removed"),
	ROW(FLAG_MILLIS, sample_interval, "5secs", HOUR, "time between samples of usage"),
	ROW(FLAG_MILLIS, stall_threshold, "0ms", STALLS_WINDOW_MS,
	    "count stalls of containers that last so long within 2 seconds (0: none)"),
	ROW(FLAG_MILLIS, http_heartbeat_interval, "30secs", HOUR,
	    "time between heartbeats on the streams of a container's output"),
	ROW(FLAG_BOOL, help, "false", 0, "print this and exit"),
	ROW(FLAG_BOOL, version, "false", 0, "print the version and exit"),
};

/* Is HOST:PORT a numeric loopback address? */
static bool is_loopback(const char *address)
{
	char host[INET6_ADDRSTRLEN + 2] = "";
	const char *colon = strrchr(address, ':');
	struct in6_addr ip6;
	struct in_addr ip4;
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, address, n);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, &ip6) == 1 && IN6_IS_ADDR_LOOPBACK(&ip6);
	}
	return inet_pton(AF_INET, host, &ip4) == 1 && (ntohl(ip4.s_addr) >> 24) == 127;
}

static bool is_closed(const struct agent_flags *flags)
{
	return flags->authenticate_http_readonly && flags->authenticate_http_readwrite &&
	       flags->authenticate_http_executors;
}

static int check_authentication(const struct agent_flags *flags, struct err *e)
{
	bool is_asked = flags->authenticate_http_readonly || flags->authenticate_http_readwrite;

	if (is_asked && !flags->http_credentials)
		return err_set(e, EINVAL, "find flag '--http_credentials': authentication needs a "
			       "file of credentials");
	return http_auth_check_flag("http_authenticators", flags->http_authenticators, e);
}

static int check_ip(const char *ip, struct err *e)
{
	struct in6_addr ip6;
	struct in_addr ip4;

	if (!ip || (inet_pton(AF_INET, ip, &ip4) == 1 && ip4.s_addr != INADDR_ANY) ||
	    (inet_pton(AF_INET6, ip, &ip6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&ip6)))
		return 0;
	return err_set(e, EINVAL, "use '--advertise_ip=%s': it is no IP address of one node", ip);
}

static int check(const struct agent_flags *flags, struct err *e)
{
	json_auto_t *variables = NULL;
	uint32_t ids;

	if (!flags->master)
		return err_set(e, EINVAL, "find flag '--master': it is required");
	if (address_check(flags->master, e) < 0)
		return err_wrap(e, "use '--master=%s'", flags->master);
	if (check_ip(flags->advertise_ip, e) < 0)
		return -EINVAL;
	if (flags->work_dir[0] != '/')
		return err_set(e, EINVAL, "use '--work_dir=%s': it is not absolute",
			       flags->work_dir);
	/* The list of hidden paths in a launch document is separated by colons. */
	if (strchr(flags->work_dir, ':'))
		return err_set(e, EINVAL, "use '--work_dir=%s': it has a colon", flags->work_dir);
	if (!flags->cgroup_root[0] || strchr(flags->cgroup_root, '/') ||
	    flags->cgroup_root[0] == '.')
		return err_set(e, EINVAL, "use '--cgroup_root=%s': it must be one name",
			       flags->cgroup_root);
	if (*flags->image_store && flags->image_store[0] != '/')
		return err_set(e, EINVAL, "use '--image_store=%s': it is not absolute",
			       flags->image_store);
	if (launch_read_variables(flags->executor_environment_variables, &variables, e) < 0)
		return err_wrap(e, "use '--executor_environment_variables'");
	if (images_check_ids(flags->user_ids, &ids, &ids, e) < 0)
		return err_wrap(e, "use '--user_ids'");
	if (volumes_check_roots(flags->host_path_volumes, e) < 0)
		return err_wrap(e, "use '--host_path_volumes'");
	if (flags->image_gc_high && flags->image_gc_low > flags->image_gc_high)
		return err_set(e, EINVAL, "use '--image_gc_low=%" PRIu64 "': it is above "
			       "--image_gc_high", flags->image_gc_low);
	if (flags->http_heartbeat_interval < SECOND / 10)
		return err_set(e, EINVAL, "use '--http_heartbeat_interval': it is below 100ms");
	if (flags->executor_heartbeat_interval < SECOND / 10)
		return err_set(e, EINVAL, "use '--executor_heartbeat_interval': it is below 100ms");
	if (flags->sample_interval < SECOND / 10)
		return err_set(e, EINVAL, "use '--sample_interval': it is below 100ms");
	if (!flags->insecure && !is_closed(flags) && !is_loopback(flags->listen))
		return err_set(e, EINVAL, "listen on '%s': not a loopback address; ask all for "
			       "credentials by --authenticate_http_readonly and _readwrite, or "
			       "--insecure takes the risk", flags->listen);
	if (flags->dns_http_listen && !flags->insecure && !flags->authenticate_http_readonly &&
	    !is_loopback(flags->dns_http_listen))
		return err_set(e, EINVAL, "listen on '%s': not a loopback address; ask for credentials by"
			       " --authenticate_http_readonly, or --insecure takes the risk",
			       flags->dns_http_listen);
	if (networks_check_flags(flags, e) < 0)
		return -EINVAL;
	if (names_check_flags(flags, e) < 0)
		return -e->code;
	return check_authentication(flags, e);
}

int agent_flags_parse(int argc, char *const *argv, struct agent_flags *ret, struct err *e)
{
	struct agent_flags flags = { 0 };
	int index, r;

	r = flags_parse(table, ARRAY_SIZE(table), prefix, argc, argv, &flags, &index, e);
	if (r >= 0 && index < argc)
		r = err_set(e, EINVAL, "understand argument '%s'", argv[index]);
	if (r >= 0 && !flags.help && !flags.version)
		r = check(&flags, e);
	if (r < 0) {
		agent_flags_done(&flags);
		return r;
	}
	*ret = flags;
	return 0;
}

void agent_flags_print_help(void)
{
	flags_print_help(table, ARRAY_SIZE(table), prefix);
}

json_t *agent_flags_to_json(const struct agent_flags *flags)
{
	return flags_to_json(table, ARRAY_SIZE(table), flags);
}

void agent_flags_done(struct agent_flags *flags)
{
	flags_done(table, ARRAY_SIZE(table), flags);
}
