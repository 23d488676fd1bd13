#include "master_stub/shell.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"
#include "lib/reservations.h"
#include "net/address.h"
#include "master_stub/role_list.h"
#include "net/http_auth.h"

static const char prefix[] = "TEPUI_MASTER";

#define ROW(kind_, member, fallback_, max_, help_) \
	{ .name = #member, .kind = (kind_), .off = offsetof(struct shell_flags, member), \
	  .fallback = (fallback_), .max = (max_), .help = (help_) }

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct flag table[] = {
	ROW(FLAG_STR, work_dir, NULL, 0, "state of the cluster, made if missing (required)"),
	ROW(FLAG_STR, listen, "127.0.0.1:5050", 0, "address to serve on"),
	ROW(FLAG_STR, hostname, NULL, 0, "name told to clients (default: of --listen)"),
	ROW(FLAG_MILLIS, agent_ping_timeout, "15secs", HOUR, "time between pings of an agent"),
	ROW(FLAG_U64, max_agent_ping_timeouts, "5", 1000,
	    "pings in a row an agent may miss before it is unreachable"),
	ROW(FLAG_STR, agent_removal_rate_limit, NULL, 0,
	    "most agents that become unreachable in a time, as in 1/20secs (default: all at once)"),
	ROW(FLAG_MILLIS, agent_reregister_timeout, "10mins", 24 * HOUR,
	    "time agents and frameworks have to come back after the master's start"),
	ROW(FLAG_MILLIS, offer_timeout, "30secs", HOUR, "time a framework has to answer an offer"),
	ROW(FLAG_MILLIS, allocation_interval, "1secs", HOUR,
	    "shortest time a refusal of offers lasts"),
	ROW(FLAG_STR, min_allocatable_resources, "cpus:0.01|mem:32", 0,
	    "sets of resources, any one of which an offer must at least have"),
	ROW(FLAG_BOOL, filter_gpu_resources, "true", 0,
	    "offer agents with gpus to frameworks with GPU_RESOURCES only"),
	ROW(FLAG_STR, domain, NULL, 0, "fault domain of the master, JSON of DomainInfo"),
	ROW(FLAG_STR, roles, NULL, 0,
	    "roles that there may be, as in eng,ops/db (default: every role)"),
	ROW(FLAG_STR, weights, NULL, 0,
	    "weights of roles, as in eng=2,ops=0.5, until operators set others"),
	ROW(FLAG_STR, service_addresses, "10.96.0.0/16", 0,
	    "network of which named services get their addresses"),
	ROW(FLAG_STR, service_node_ports, "30000-30999", 0,
	    "ports that services may have at the address of every node"),
	ROW(FLAG_MILLIS, service_drain_timeout, "1secs", MINUTE,
	    "longest time for nodes to stop sending connections to a task before it is killed"),
	ROW(FLAG_STR, credentials, NULL, 0,
	    "file of the principals and secrets that are let in where one is asked for"),
	ROW(FLAG_BOOL, authenticate_http_readonly, "false", 0,
	    "ask for a credential where things are read"),
	ROW(FLAG_BOOL, authenticate_http_readwrite, "false", 0,
	    "ask for a credential where things are changed"),
	ROW(FLAG_BOOL, authenticate_http_frameworks, "false", 0, "ask frameworks for a credential"),
	ROW(FLAG_BOOL, authenticate_agents, "false", 0, "ask agents for a credential"),
	ROW(FLAG_STR, agent_credential, NULL, 0,
	    "file of the principal and secret that agents are shown when they are asked"),
	ROW(FLAG_STR, http_authenticators, "basic", 0, "how operators show it"),
	ROW(FLAG_STR, http_framework_authenticators, "basic", 0, "how frameworks show it"),
	ROW(FLAG_STR, http_port, NULL, 0,
	    "port on which Marathon's clients are served, too; 0: none (default: 8080 if it is free)"),
	ROW(FLAG_STR, metronome_port, "0", 0,
	    "port on which Metronome's clients are served, too, who look at 9000; 0: none"),
	{ .name = "http_credentials", .kind = FLAG_STR, .is_secret = true,
	  .off = offsetof(struct shell_flags, http_credentials),
	  .help = "name:password that all of /v2 is asked for; better as TEPUI_MASTER_HTTP_CREDENTIALS" },
	ROW(FLAG_STR, access_control_allow_origin, NULL, 0,
	    "origins, by commas, whose pages may use /v2; * lets all of them read"),
	ROW(FLAG_U64, max_completed_frameworks, "50", 10000,
	    "removed frameworks that are remembered for operators"),
	ROW(FLAG_U64, max_completed_tasks_per_framework, "1000", 100000,
	    "ended tasks of each framework that are remembered for operators"),
	ROW(FLAG_U64, local_port_min, "10000", UINT16_MAX,
	    "lowest port that is given to an app as its service port"),
	ROW(FLAG_U64, local_port_max, "20000", UINT16_MAX, "port above the highest of them"),
	ROW(FLAG_STR, mesos_role, "*", 0,
	    "role of apps that name none, unless their group enforces its own"),
	ROW(FLAG_STR, accepted_resource_roles_default_behavior, "any", 0,
	    "what apps without acceptedResourceRoles use of offers: any, unreserved or reserved"),
	ROW(FLAG_STR, new_group_enforce_role, "off", 0,
	    "do top-level groups that come have their names as the role of their apps: top or off"),
	ROW(FLAG_STR, placement_strategy, "spread", 0,
	    "where instances of apps that do not say go: spread or binpack"),
	ROW(FLAG_U64, max_instances_per_offer, "0", 100000,
	    "instances that are started on one offer; 0: as many as fit"),
	ROW(FLAG_STR, env_vars_prefix, "", 0,
	    "what the names of HOST, PORT0 and the like begin with in the environment of tasks"),
	ROW(FLAG_STR, mesos_bridge_name, "mesos-bridge", 0,
	    "the network that tasks of apps with mode container/bridge are launched on"),
	ROW(FLAG_STR, log_level, "info", 0, "debug, info, warning or error"),
	ROW(FLAG_BOOL, insecure, "false", 0,
	    "listen beyond loopback though not everybody is asked for a credential"),
	ROW(FLAG_BOOL, help, "false", 0, "print this and exit"),
	ROW(FLAG_BOOL, version, "false", 0, "print the version and exit"),
};

static bool is_loopback(const struct address *address)
{
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;

	switch (address->storage.ss_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		memcpy(&ip4, &address->storage, sizeof(ip4));
		return (ntohl(ip4.sin_addr.s_addr) >> 24) == 127;
	case AF_INET6:
		memcpy(&ip6, &address->storage, sizeof(ip6));
		return IN6_IS_ADDR_LOOPBACK(&ip6.sin6_addr);
	default:
		return false;
	}
}

/* "1/20secs": one is marked, then none for so long. */
static int read_rate(const char *text, int64_t *ret_interval_ms, struct err *e)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	unsigned long number;
	uint64_t millis;
	char *end;

	*ret_interval_ms = 0;
	if (!text || !*text)
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || end != slash || errno || number == 0 ||
	    number > INT32_MAX || flags_parse_millis(slash + 1, &millis) < 0)
		return err_set(e, EINVAL, "use '--agent_removal_rate_limit=%s': not a number of"
			       " agents and a time, as in 1/20secs", text);
	*ret_interval_ms = (int64_t)(millis / number);
	return 0;
}

/* Everything that is asked for a credential needs the file; and there is one way to show it. */
static int check_authentication(const struct shell_flags *flags, struct err *e)
{
	bool is_asked = flags->authenticate_http_readonly || flags->authenticate_http_readwrite ||
			flags->authenticate_http_frameworks || flags->authenticate_agents;

	if (is_asked && !flags->credentials)
		return err_set(e, EINVAL, "find flag '--credentials': authentication needs a file"
			       " of credentials");
	if (http_auth_check_flag("http_authenticators", flags->http_authenticators, e) < 0)
		return -e->code;
	return http_auth_check_flag("http_framework_authenticators",
				    flags->http_framework_authenticators, e);
}

static bool is_closed(const struct shell_flags *flags)
{
	return flags->authenticate_http_readonly && flags->authenticate_http_readwrite &&
	       flags->authenticate_http_frameworks && flags->authenticate_agents;
}

static int check_placement(const struct shell_flags *flags, struct err *e)
{
	if (strcmp(flags->placement_strategy, "spread") != 0 &&
	    strcmp(flags->placement_strategy, "binpack") != 0)
		return err_set(e, EINVAL, "use '--placement_strategy=%s': neither spread nor"
			       " binpack", flags->placement_strategy);
	if (flags->local_port_min == 0 || flags->local_port_min >= flags->local_port_max)
		return err_set(e, EINVAL, "use '--local_port_min=%llu': not between 1 and"
			       " '--local_port_max'", (unsigned long long)flags->local_port_min);
	return 0;
}

enum { ENV_PREFIX_MAX = 64 };

static int check_prefix(const char *begin, struct err *e)
{
	static const char digits[] = "0123456789";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	if (strlen(begin) > ENV_PREFIX_MAX || strspn(begin, letters) != strlen(begin) ||
	    (*begin && strchr(digits, *begin)))
		return err_set(e, EINVAL, "use '--env_vars_prefix=%.80s': not at most %d letters,"
			       " digits and '_', the first no digit", begin, ENV_PREFIX_MAX);
	return 0;
}

static int check_bridge_name(const char *name, struct err *e)
{
	if (!*name || strlen(name) > 256)
		return err_set(e, EINVAL, "use '--mesos_bridge_name=%.80s': not a name of 1 to 256"
			       " letters", name);
	return 0;
}

static int check_roles(const struct shell_flags *flags, struct err *e)
{
	const char *accepted = flags->accepted_resource_roles_default_behavior;
	const char *role = flags->mesos_role;

	if (strcmp(role, "*") != 0 && (strlen(role) > 256 || !resource_role_is_valid(role)))
		return err_set(e, EINVAL, "use '--mesos_role=%.300s': not a role", role);
	if (!role_list_has(flags->roles, role))
		return err_set(e, EINVAL, "use '--mesos_role=%s': not one of '--roles'", role);
	if (strcmp(accepted, "any") != 0 && strcmp(accepted, "unreserved") != 0 &&
	    strcmp(accepted, "reserved") != 0)
		return err_set(e, EINVAL, "use '--accepted_resource_roles_default_behavior=%s':"
			       " not any, unreserved or reserved", accepted);
	if (strcmp(flags->new_group_enforce_role, "top") != 0 &&
	    strcmp(flags->new_group_enforce_role, "off") != 0)
		return err_set(e, EINVAL, "use '--new_group_enforce_role=%s': neither top nor off",
			       flags->new_group_enforce_role);
	return 0;
}

static int check(struct shell_flags *flags, struct err *e)
{
	struct address address;
	int r;

	if (!flags->work_dir || !*flags->work_dir)
		return err_set(e, EINVAL,
			       "find flag '--work_dir': a directory for the master's state"
			       " is required");
	r = address_parse(flags->listen, &address, e);
	if (r < 0)
		return err_wrap(e, "use '--listen=%s'", flags->listen);
	if (address.storage.ss_family == AF_UNIX)
		return err_set(e, EINVAL, "use '--listen=%s': agents need a TCP address",
			       flags->listen);
	r = check_authentication(flags, e);
	if (r < 0)
		return r;
	if (!is_loopback(&address) && !is_closed(flags) && !flags->insecure)
		return err_set(e, EPERM, "listen on '%s': not a loopback address, and anyone who"
			       " reaches it could run tasks; ask all for credentials by"
			       " '--authenticate_*', or add '--insecure' if that is meant",
			       flags->listen);
	if (flags->agent_ping_timeout <= 0 || flags->max_agent_ping_timeouts == 0)
		return err_set(e, EINVAL,
			       "use '--agent_ping_timeout' and '--max_agent_ping_timeouts':"
			       " they must be above zero");
	r = check_prefix(flags->env_vars_prefix, e);
	if (r < 0)
		return r;
	r = check_bridge_name(flags->mesos_bridge_name, e);
	if (r < 0)
		return r;
	r = check_roles(flags, e);
	if (r < 0)
		return r;
	r = check_placement(flags, e);
	if (r < 0)
		return r;
	return read_rate(flags->agent_removal_rate_limit, &flags->agent_removal_interval, e);
}

int shell_flags_parse(int argc, char *const *argv, struct shell_flags *ret, struct err *e)
{
	int index = 0;
	int r = flags_parse(table, ARRAY_SIZE(table), prefix, argc, argv, ret, &index, e);

	if (r < 0)
		return r;
	if (ret->help || ret->version)
		return 0;
	if (index < argc)
		return err_set(e, EINVAL, "read argument '%s': only flags are known", argv[index]);
	return check(ret, e);
}

void shell_flags_print_help(void)
{
	flags_print_help(table, ARRAY_SIZE(table), prefix);
}

json_t *shell_flags_json(const struct shell_flags *flags)
{
	return flags_to_json(table, ARRAY_SIZE(table), flags);
}

void shell_flags_done(struct shell_flags *flags)
{
	flags_done(table, ARRAY_SIZE(table), flags);
}
