/* Wrong definitions: each rule of reference/marathon.md section 2 with its path and its words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/role_rules.h"

/* Whether the form of the document is wrong, or what it says. */
enum message { S, R };

static const char *const messages[] = { [S] = "Invalid JSON", [R] = "Object is not valid" };

static const struct {
	enum message message;
	const char *document, *path, *error;
} refused[] = {
	/* 2.1: ids and commands */
	{ S, "{\"cmd\":\"x\"}", "/id", "error.path.missing" },
	{ S, "{\"id\":7,\"cmd\":\"x\"}", "/id", "error.expected.jsstring" },
	{ S, "{\"id\":\"/\",\"cmd\":\"x\"}", "/id", "Path must contain at least one path element" },
	{ S, "{\"id\":\"/a/tasks\",\"cmd\":\"x\"}", "/id",
	  "must not end with any of: restart, tasks, versions, ., .." },
	{ R, "{\"id\":\"/../a\",\"cmd\":\"x\"}", "/id", "must be a path below the root" },
	{ R, "{\"id\":\"a\"}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a "
	  "'container'." },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"args\":[\"y\"]}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a "
	  "'container'." },
	{ R, "{\"id\":\"a\",\"container\":{\"type\":\"MESOS\"}}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a "
	  "'container'." },
	{ S, "{\"id\":\"a\",\"cmd\":\"\"}", "/cmd", "error.minLength" },
	{ S, "{\"id\":\"a\",\"args\":\"x\"}", "/args", "error.expected.jsarray" },
	{ S, "{\"id\":\"a\",\"args\":[1]}", "/args(0)", "error.expected.jsstring" },
	/* 2.1: numbers */
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"cpus\":0}", "/cpus", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"cpus\":\"1\"}", "/cpus", "error.expected.jsnumber" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"mem\":-1}", "/mem", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"disk\":-1}", "/disk", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"gpus\":-1}", "/gpus", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"gpus\":0.5}", "/gpus", "error.expected.int" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":1.5}", "/instances", "error.expected.int" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":-1}", "/instances", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"backoffSeconds\":-1}", "/backoffSeconds", "error.min" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"backoffFactor\":0.9}", "/backoffFactor", "error.min" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"maxLaunchDelaySeconds\":\"1\"}",
	  "/maxLaunchDelaySeconds",
	  "error.expected.jsnumber" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"taskKillGracePeriodSeconds\":-1}",
	  "/taskKillGracePeriodSeconds",
	  "error.min" },
	/* 2.1: texts and maps */
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":1}}", "/env/A",
	  "error.expected.jsstring" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":true}}", "/env/A",
	  "error.expected.jsstring" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"\":\"x\"}}", "/env/",
	  "must be a name without '='" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":{\"secret\":\"s\"}}}", "/env/A",
	  "references an undefined secret" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":{}}}", "/env/A/secret",
	  "error.path.missing" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"labels\":[]}", "/labels", "error.expected.jsobject" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"labels\":{\"a\":1}}", "/labels/a",
	  "error.expected.jsstring" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"user\":\"\"}", "/user", "error.minLength" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"tty\":1}", "/tty", "error.expected.jsboolean" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"requirePorts\":\"yes\"}", "/requirePorts",
	  "error.expected.jsboolean" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"killSelection\":\"RANDOM\"}", "/killSelection",
	  "error.unknown.enum.literal" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"executor\":\"a//b\"}", "/executor", "error.pattern" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"executor\":\"./my-executor\"}", "/executor",
	  "custom executors are not supported by this version" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"executorResources\":{\"cpus\":-1}}",
	  "/executorResources/cpus",
	  "error.min" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"executorResources\":{\"cpus\":1}}",
	  "/executorResources",
	  "only custom executors have them, which this version does not run" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"dev\"}", "/role",
	  "got dev, expected one of: [*]" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"acceptedResourceRoles\":[\"dev\"]}",
	  "/acceptedResourceRoles",
	  "acceptedResourceRoles can only contain *" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"acceptedResourceRoles\":[\"*\",\"*\"]}",
	  "/acceptedResourceRoles",
	  "Elements must be unique" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"dependencies\":[\"/a\"]}", "/dependencies",
	  "Dependency graph has cyclic dependencies." },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"dependencies\":[\"../..\"]}", "/dependencies(0)",
	  "must be a path below the root" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"dependencies\":[\"\"]}", "/dependencies(0)",
	  "error.minLength" },
	/* 2.1: what the nodes cannot do, and what is wrong with it all the same */
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"fetch\":[{\"uri\":\"http://x/\"}]}", "/fetch",
	  "the nodes fetch nothing in this version: put what the task needs into "
	  "its image, or let its command fetch it" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"fetch\":[{\"extract\":true}]}", "/fetch(0)/uri",
	  "error.path.missing" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"fetch\":[{\"uri\":\"\"}]}", "/fetch(0)/uri",
	  "error.minLength" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"fetch\":[{\"uri\":\"http://x/a b\"}]}", "/fetch(0)/uri",
	  "URI has invalid syntax." },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[\"http://x/\"]}", "/fetch",
	  "the nodes fetch nothing in this version: put what the task needs into "
	  "its image, or let its command fetch it" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[\"http://x/\"],"
	  "\"fetch\":[{\"uri\":\"http://x/\"}]}",
	  "/uris",
	  "may not be set in conjunction with fetch" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[7]}", "/fetch(0)/uri",
	  "error.expected.jsstring" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":\"x\"}", "/uris", "error.expected.jsarray" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"secrets\":{\"s\":{\"source\":\"p\"}}}", "/secrets",
	  "Feature secrets is not enabled: there is no store that they could come "
	  "from" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"secrets\":{\"s\":{}}}", "/secrets/s/source",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"secrets\":{\"s\":{\"source\":\"\"}}}",
	  "/secrets/s/source",
	  "error.minLength" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"gpus\":1}", "/gpus",
	  "Feature gpu_resources is not enabled: the nodes give out no gpus in "
	  "this version" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"container\":{\"docker\":{\"image\":\"i\"}},\"gpus\":1}",
	  "/",
	  "GPU resources only work with the Mesos containerizer" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"tcp\":{\"portIndex\":0}}}", "/check",
	  "the nodes run no checks that only inform: use healthChecks" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{}}", "/check",
	  "exactly one of http, tcp and exec must be given" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"tcp\":{\"portIndex\":1}}}", "/check",
	  "Check port indices must address an element of the ports array or "
	  "container port mappings." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"exec\":{\"command\":{}}}}",
	  "/check/exec/command",
	  "exactly one of shell and argv must be given" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"exec\":{}}}", "/check/exec/command",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"tcp\":{},"
	  "\"intervalSeconds\":0}}",
	  "/check/intervalSeconds",
	  "error.min" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"residency\":{}}", "/",
	  "App must contain persistent volumes and define residency" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"residency\":{\"taskLostBehavior\":\"HOPE\"}}",
	  "/residency/taskLostBehavior",
	  "error.unknown.enum.literal" },
	/* 2.1: strategies and limits */
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1}}",
	  "/upgradeStrategy/maximumOverCapacity",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"maximumOverCapacity\":1}}",
	  "/upgradeStrategy/minimumHealthCapacity",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1.5,"
	  "\"maximumOverCapacity\":1}}",
	  "/upgradeStrategy/minimumHealthCapacity",
	  "error.max" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":-1}}",
	  "/upgradeStrategy/maximumOverCapacity",
	  "error.min" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":2,"
	  "\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}",
	  "/instances",
	  "Single instance app may only have one instance" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":0},"
	  "\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}",
	  "/upgradeStrategy/minimumHealthCapacity",
	  "got 1, expected 0" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":0,"
	  "\"maximumOverCapacity\":0.5},"
	  "\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}",
	  "/upgradeStrategy/maximumOverCapacity",
	  "got 0.5, expected 0" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"unreachableStrategy\":\"off\"}", "/unreachableStrategy",
	  "must be \"disabled\" or an object" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":-1,"
	  "\"expungeAfterSeconds\":1}}",
	  "/unreachableStrategy/inactiveAfterSeconds",
	  "error.min" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":2,"
	  "\"expungeAfterSeconds\":1}}",
	  "/unreachableStrategy/inactiveAfterSeconds",
	  "must be less than or equal to expungeAfterSeconds" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"resourceLimits\":{\"memory\":1}}",
	  "/resourceLimits/memory",
	  "is not a known field" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"resourceLimits\":{\"cpus\":\"all\"}}",
	  "/resourceLimits/cpus",
	  "must be a number or \"unlimited\"" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"mem\":64,\"resourceLimits\":{\"mem\":32}}",
	  "/resourceLimits/mem",
	  "resource limit must be greater than or equal to requested resource value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"cpus\":2,\"resourceLimits\":{\"cpus\":1}}",
	  "/resourceLimits/cpus",
	  "resource limit must be greater than or equal to requested resource value" },
	/* 2.2: ports */
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":1},"
	  "{\"port\":1}]}",
	  "/portDefinitions",
	  "Ports must be unique." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"p\"},"
	  "{\"name\":\"p\"}]}",
	  "/portDefinitions",
	  "Port names must be unique." },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"P\"}]}",
	  "/portDefinitions(0)/name",
	  "error.pattern" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"-p\"}]}",
	  "/portDefinitions(0)/name",
	  "error.pattern" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":65536}]}",
	  "/portDefinitions(0)/port",
	  "error.max" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"portDefinitions\":[{\"protocol\":\"sctp\"}]}",
	  "/portDefinitions(0)/protocol",
	  "error.unknown.enum.literal" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[1],\"portDefinitions\":[{\"port\":2}]}", "/",
	  "cannot specify both ports and port definitions" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[1,1]}", "/portDefinitions",
	  "Ports must be unique." },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":{}}", "/ports", "error.expected.jsarray" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[\"80\"]}", "/portDefinitions(0)/port",
	  "error.expected.jsnumber" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[{\"containerPort\":80}]}}",
	  "/",
	  "portMappings are not allowed with host-networking" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"portDefinitions\":[{\"port\":1}]}",
	  "/",
	  "portDefinitions are only allowed with host-networking" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"container\":{\"type\":\"MESOS\",\"portMappings\":[{\"name\":\"p\"},"
	  "{\"name\":\"p\"}]}}",
	  "/container/portMappings",
	  "Port names must be unique." },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[{\"hostPort\":70000}]}}",
	  "/container/portMappings(0)/hostPort",
	  "error.max" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[{\"protocol\":\"icmp\"}]}}",
	  "/container/portMappings(0)/protocol",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"}],"
	  "\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[{\"networkNames\":[\"m\"]}]}}",
	  "/container/portMappings(0)/networkNames(0)",
	  "got m, which none of the networks is called" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"},"
	  "{\"name\":\"m\"}],\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[{\"hostPort\":0}]}}",
	  "/container/portMappings(0)",
	  "networkNames must be a single item list when hostPort is specified and "
	  "more than 1 container network is defined" },
	/* 2.2: networks */
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"overlay\"}]}",
	  "/networks(0)/mode",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\","
	  "\"name\":\"n\"}]}",
	  "/networks",
	  "Host networks may not have names or labels" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\","
	  "\"labels\":{\"a\":\"b\"}}]}",
	  "/networks",
	  "Host networks may not have names or labels" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\",\"name\":\"n\"}]}",
	  "/networks",
	  "Bridge networks may not have names" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"},"
	  "{\"name\":\"n\"}]}",
	  "/networks",
	  "Duplicate networks are not allowed" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{},{}]}", "/networks",
	  "Duplicate networks are not allowed" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"},"
	  "{\"mode\":\"host\"}]}",
	  "/networks",
	  "May specify a single host network, single bridge network, or else "
	  "1-to-n container networks" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"},"
	  "{\"name\":\"n\"}]}",
	  "/networks",
	  "May specify a single host network, single bridge network, or else "
	  "1-to-n container networks" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"},{\"name\":\"n\"}]}",
	  "/networks",
	  "May specify a single host network, single bridge network, or else "
	  "1-to-n container networks" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{}]}", "/networks",
	  "Network name must be specified when container network is selected." },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"}]}", "/networks(0)",
	  "network mode container is not supported by this version" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}]}",
	  "/networks(0)",
	  "network mode container/bridge is not supported by this version" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"},"
	  "{\"name\":\"m\"}],\"container\":{\"docker\":{\"image\":\"i\"}}}",
	  "/",
	  "may only specify a single container network when using the Docker "
	  "container engine" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"}],"
	  "\"container\":{\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\"}}}",
	  "/",
	  "must not specify both container.docker.network and networks" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"}],"
	  "\"ipAddress\":{}}",
	  "/",
	  "must not specify both networks and ipAddress" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[80],"
	  "\"ipAddress\":{\"networkName\":\"n\"}}",
	  "/",
	  "cannot specify both an IP address and port" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"ipAddress\":[]}", "/ipAddress",
	  "error.expected.jsobject" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"ipAddress\":{\"networkName\":\"n\","
	  "\"discovery\":{\"ports\":[{\"number\":80,\"name\":\"h\"}]}},"
	  "\"container\":{\"docker\":{\"image\":\"i\"}}}",
	  "/ipAddress",
	  "ipAddress/discovery is not allowed for Docker containers" },
	/* 2.2: containers */
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{}}}",
	  "/container/docker/image",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"\"}}}",
	  "/container/docker/image",
	  "error.minLength" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"DOCKER\"}}",
	  "/container/docker",
	  "not defined" },
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"LXC\"}}", "/container/type",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"NONE\"}}}",
	  "/container/docker/network",
	  "unsupported docker network type NONE" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"bridge\"}}}",
	  "/container/docker/network",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"BRIDGE\"}}}",
	  "/networks(0)",
	  "network mode container/bridge is not supported by this version" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\"}}}",
	  "/container/docker/network",
	  "must be empty" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"docker\":{\"image\":\"i\",\"portMappings\":[{}]}}}",
	  "/container/docker/portMappings",
	  "must be empty" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"docker\":{\"image\":\"i\",\"parameters\":[{\"key\":\"a\","
	  "\"value\":\"b\"}]}}}",
	  "/container/docker/parameters",
	  "must be empty" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"portMappings\":[{}],"
	  "\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\","
	  "\"portMappings\":[{}]}}}",
	  "/container",
	  "cannot specify both portMappings and docker.portMappings" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"credential\":{\"principal\":\"p\"}}}}",
	  "/container/docker/credential",
	  "must be empty" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"pullConfig\":{\"secret\":\"s\"}}}}",
	  "/container/docker/pullConfig",
	  "pullConfig is not supported with Docker containerizer" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"docker\":{\"image\":\"i\",\"pullConfig\":{\"secret\":\"s\"}}}}",
	  "/container/docker/pullConfig",
	  "pullConfig.secret must refer to an existing secret" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"parameters\":[{\"key\":\"a\"}]}}}",
	  "/container/docker/parameters(0)/value",
	  "error.path.missing" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"parameters\":[{\"key\":\"a\",\"value\":\"b\"}]}}}",
	  "/container/docker/parameters",
	  "they are options of the Docker engine, and images run without it" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"privileged\":true}}}",
	  "/container/docker/privileged",
	  "nothing runs privileged here" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"forcePullImage\":true}}}",
	  "/container/docker/forcePullImage",
	  "an image that a node has is not pulled again: name another tag, or its "
	  "digest" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"seccomp\":{\"profileName\":\"p\","
	  "\"unconfined\":true}}}}",
	  "/container/linuxInfo/seccomp",
	  "unconfined can NOT be true when profileName is defined" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"seccomp\":{\"unconfined\":false}}}}",
	  "/container/linuxInfo/seccomp",
	  "unconfined must be true when profileName is not defined" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"seccomp\":{\"profile\":\"p\"}}}}",
	  "/container/linuxInfo/seccomp/profile",
	  "is not a known field" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"ipcInfo\":{\"mode\":\"SHARE_PARENT\",\"shmSize\":1}}}}",
	  "/container/linuxInfo/ipcInfo",
	  "shmSize can only be set with mode PRIVATE" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"ipcInfo\":{\"mode\":\"SHARE_PARENT\"}}}}",
	  "/container/linuxInfo/ipcInfo/mode",
	  "a task has no parent to share with but the node" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"ipcInfo\":{\"shmSize\":1}}}}",
	  "/container/linuxInfo/ipcInfo/shmSize",
	  "the size of /dev/shm cannot be set in this version" },
	/* 2.2: volumes */
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"mode\":\"RW\",\"hostPath\":\"/h\"}]}}",
	  "/container/volumes(0)/containerPath",
	  "error.path.missing" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"hostPath\":\"/h\"}]}}",
	  "/container/volumes(0)/mode",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"hostPath\":\"/h\","
	  "\"mode\":\"rw\"}]}}",
	  "/container/volumes(0)/mode",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"mode\":\"RW\"}]}}",
	  "/container/volumes(0)",
	  "hostPath is missing" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"hostPath\":\"/h\","
	  "\"mode\":\"RW\",\"secret\":\"s\"}]}}",
	  "/container/volumes(0)",
	  "only one of hostPath, persistent, external and secret may be given" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"mode\":\"RW\","
	  "\"hostpath\":\"/h\"}]}}",
	  "/container/volumes(0)/hostpath",
	  "is not a known field" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"secret\":\"s\"}]}}",
	  "/container/volumes(0)",
	  "volume.secret must refer to an existing secret" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{}}]}}",
	  "/container/volumes(0)/persistent/size",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":0}}]}}",
	  "/container/volumes(0)/persistent/size",
	  "error.min" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"/c\",\"persistent\":{\"size\":1}}]}}",
	  "/container/volumes(0)/containerPath",
	  "value must not contain \"/\"" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"..\",\"persistent\":{\"size\":1}}]}}",
	  "/container/volumes(0)/containerPath",
	  "can not be one of . and .." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"mode\":\"RO\","
	  "\"persistent\":{\"size\":1}}]}}",
	  "/container/volumes(0)/mode",
	  "got RO, expected RW" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"type\":\"tape\"}}]}}",
	  "/container/volumes(0)/persistent/type",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"maxSize\":2}}]}}",
	  "/container/volumes(0)/persistent",
	  "Only mount volumes can have maxSize" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":2,"
	  "\"type\":\"mount\",\"maxSize\":2}}]}}",
	  "/container/volumes(0)/persistent",
	  "Max size must be larger than size" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"constraints\":[[\"path\",\"LIKE\",\"x\"]]}}]}}",
	  "/container/volumes(0)/persistent",
	  "Constraints on root volumes are not supported" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"type\":\"path\",\"constraints\":[[\"path\",\"IS\",\"x\"]]}}]}}",
	  "/container/volumes(0)/persistent/constraints(0)",
	  "Operator must be one of LIKE, UNLIKE" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"type\":\"path\",\"constraints\":[[\"path\",\"LIKE\",\"(\"]]}}]}}",
	  "/container/volumes(0)/persistent/constraints(0)",
	  "Invalid regular expression" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1,"
	  "\"type\":\"path\",\"constraints\":[[\"path\"]]}}]}}",
	  "/container/volumes(0)/persistent/constraints(0)",
	  "Missing field and operator" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":1,"
	  "\"expungeAfterSeconds\":2},\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}}]}}",
	  "/",
	  "unreachableStrategy must be disabled for resident tasks" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":0.5,"
	  "\"maximumOverCapacity\":0.5},\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}}]}}",
	  "/upgradeStrategy/maximumOverCapacity",
	  "got 0.5, expected 0" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}}]}}",
	  "/role",
	  "persistent volumes are on what is reserved for a role, and nothing can be "
	  "reserved for role *: start the master with --mesos_role=ROLE, or give the app "
	  "the role of its top-level group" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"r\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\","
	  "\"persistent\":{\"type\":\"mount\",\"size\":1,\"maxSize\":2}}]}}",
	  "/container/volumes(0)/persistent/type",
	  "the nodes offer no disks of type mount in this version: use root" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"r\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\","
	  "\"persistent\":{\"size\":1,\"profileName\":\"ssd\"}}]}}",
	  "/container/volumes(0)/persistent/profileName",
	  "the disks of the nodes have no profiles" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"r\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}},"
	  "{\"containerPath\":\"c\",\"persistent\":{\"size\":2}}]}}",
	  "/container/volumes",
	  "two persistent volumes have the containerPath c" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"r\","
	  "\"acceptedResourceRoles\":[\"r\"],\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}}]}}",
	  "/acceptedResourceRoles",
	  "A resident app must have `acceptedResourceRoles = [\"*\"]`." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"r\","
	  "\"deployment\":{\"canary\":{\"count\":1}},\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"persistent\":{\"size\":1}}]}}",
	  "/deployment/canary",
	  "not for resident tasks: none runs beside those that have the data" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"mode\":\"RW\","
	  "\"external\":{\"name\":\"n\",\"provider\":\"dvdi\"}}]}}",
	  "/container/volumes(0)",
	  "Feature external_volumes is not enabled: the nodes know no provider of "
	  "them" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"c\",\"mode\":\"RW\","
	  "\"external\":{\"size\":0}}]}}",
	  "/container/volumes(0)/external/size",
	  "error.min" },
	/* 2.3: health checks */
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"portIndex\":1}]}",
	  "/healthChecks(0)",
	  "Health check port indices must address an element of the ports array or "
	  "container port mappings." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{}],"
	  "\"portDefinitions\":[]}",
	  "/healthChecks(0)",
	  "Health check port indices must address an element of the ports array or "
	  "container port mappings." },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"port\":80,"
	  "\"portIndex\":0}]}",
	  "/healthChecks(0)",
	  "only one of port and portIndex may be given" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"path\":\"up\"}]}",
	  "/healthChecks(0)",
	  "path: must start with '/'" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"path\":\"/a b\"}]}",
	  "/healthChecks(0)",
	  "path: must not contain white space" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"TCP\","
	  "\"path\":\"/up\"}]}",
	  "/healthChecks(0)",
	  "path: not for a TCP check" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"protocol\":\"COMMAND\"}]}",
	  "/healthChecks(0)",
	  "command: a COMMAND check needs one" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"command\":{\"value\":\"true\"}}]}",
	  "/healthChecks(0)",
	  "command: only for a COMMAND check" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"COMMAND\","
	  "\"command\":{\"value\":\"true\"},\"portIndex\":0}]}",
	  "/healthChecks(0)",
	  "a COMMAND check has no port and no path" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"COMMAND\","
	  "\"command\":{}}]}",
	  "/healthChecks(0)/command/value",
	  "error.path.missing" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"ICMP\"}]}",
	  "/healthChecks(0)/protocol",
	  "error.unknown.enum.literal" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"intervalSecond\":1}]}",
	  "/healthChecks(0)/intervalSecond",
	  "is not a known field" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"intervalSeconds\":0}]}",
	  "/healthChecks(0)/intervalSeconds",
	  "error.min" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"timeoutSeconds\":0}]}",
	  "/healthChecks(0)/timeoutSeconds",
	  "error.min" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"gracePeriodSeconds\":-1}]}",
	  "/healthChecks(0)/gracePeriodSeconds",
	  "error.min" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"maxConsecutiveFailures\":-1}]}",
	  "/healthChecks(0)/maxConsecutiveFailures",
	  "error.min" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"delaySeconds\":\"1\"}]}",
	  "/healthChecks(0)/delaySeconds",
	  "error.expected.jsnumber" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"ignoreHttp1xx\":0}]}",
	  "/healthChecks(0)/ignoreHttp1xx",
	  "error.expected.jsboolean" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"ipProtocol\":\"IPv5\"}]}",
	  "/healthChecks(0)/ipProtocol",
	  "error.unknown.enum.literal" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"ipProtocol\":\"IPv6\"}]}",
	  "/healthChecks(0)",
	  "IPv6 can only be used for container type DOCKER and Mesos "
	  "http/https/tcp health checks" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"port\":0}]}",
	  "/healthChecks(0)/port",
	  "error.min" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"protocol\":\"MESOS_TCP\"},"
	  "{\"protocol\":\"MESOS_HTTP\"}]}",
	  "/",
	  "AppDefinition can contain at most one Mesos health check" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{},{}]}", "/healthChecks",
	  "at most one health check is supported by this version" },
	/* 2.4: readiness checks */
	{ S, "{\"id\":\"a\",\"cmd\":\"x\",\"readinessChecks\":[{},{}]}", "/readinessChecks",
	  "error.maxItems" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"readinessChecks\":[{}]}",
	  "/readinessChecks(0)/portName",
	  "No port definition reference for portName http-api" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"readinessChecks\":[{\"portName\":\"default\",\"timeoutSeconds\":30}]}",
	  "/readinessChecks(0)/timeoutSeconds",
	  "got 30, expected less than 30" },
	/* 2.5: constraints */
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\"]]}", "/constraints(0)",
	  "Each constraint must have either 2 or 3 fields" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"a\",\"IS\",\"b\","
	  "\"c\"]]}",
	  "/constraints(0)",
	  "Each constraint must have either 2 or 3 fields" },
	{ S,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[\"hostname:UNIQUE\"]}",
	  "/constraints(0)",
	  "error.expected.jsarray" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"NEAR\"]]}",
	  "/constraints(0)",
	  "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, "
	  "MAX_PER, UNLIKE or IS" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"unique\"]]}",
	  "/constraints(0)",
	  "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, "
	  "MAX_PER, UNLIKE or IS" },
	{ R, "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"\",\"UNIQUE\"]]}", "/constraints(0)",
	  "field must not be empty" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"UNIQUE\","
	  "\"x\"]]}",
	  "/constraints(0)",
	  "UNIQUE does not accept a value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"rack\",\"GROUP_BY\","
	  "\"x\"]]}",
	  "/constraints(0)",
	  "GROUP_BY requires an integer value or no value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"MAX_PER\","
	  "\"x\"]]}",
	  "/constraints(0)",
	  "MAX_PER requires an integer value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\","
	  "\"MAX_PER\"]]}",
	  "/constraints(0)",
	  "MAX_PER requires an integer value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"(\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"UNLIKE\","
	  "\"\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"(a)\\\\1\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"[a-z&&[^b]]\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"[a[bc]]\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"a*+\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\","
	  "\"(?=a)b\"]]}",
	  "/constraints(0)",
	  "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"IS\"]]}",
	  "/constraints(0)",
	  "IS requires a value" },
	{ R,
	  "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"UNIQUE\"],"
	  "[\"hostname\",\"UNIQUE\"]]}",
	  "/constraints",
	  "Elements must be unique" },
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Nothing else is wrong with the definition: each row has the one path. */
static bool is_refused_rightly(size_t row, const struct refusal *refusal)
{
	const json_t *details = json_object_get(refusal->body, "details");
	const json_t *detail = json_array_get(details, 0);
	const char *error =
		json_string_value(json_array_get(json_object_get(detail, "errors"), 0));

	return refusal->status == 422 && json_array_size(details) == 1 &&
	       strcmp(text_of(refusal->body, "message"), messages[refused[row].message]) == 0 &&
	       strcmp(text_of(detail, "path"), refused[row].path) == 0 && error &&
	       strcmp(error, refused[row].error) == 0;
}

static bool check_row(size_t row)
{
	json_t *document = json_loads(refused[row].document, JSON_REJECT_DUPLICATES, NULL);
	struct refusal refusal = { 0 };
	struct role_rules rules = { 0 };
	struct app *app = NULL;
	bool is_right;

	assert_non_null(document);
	role_rules_allow(&rules, "*");
	/* What has persistent volumes needs another one. */
	if (strcmp(text_of(document, "role"), "r") == 0)
		role_rules_allow(&rules, "r");
	(void)app_parse(document, NULL, &rules, &app, &refusal);
	is_right = !app && is_refused_rightly(row, &refusal);
	if (!is_right) {
		AUTO_FREE char *body = json_dumps(refusal.body, JSON_COMPACT);

		print_error("%s: %s\n", refused[row].document, body ? body : "it is taken");
	}
	app_unref(app);
	refusal_done(&refusal);
	json_decref(document);
	return is_right;
}

static void test_each_rule_has_its_path_and_its_words(void **state)
{
	size_t n_right = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		n_right += check_row(i);
	print_message("%zu wrong definitions\n", ARRAY_SIZE(refused));
	assert_int_equal(n_right, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule_has_its_path_and_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
