/* Wrong ports, networks, containers and volumes: the rules of reference/marathon.md section 2.2. */
#include "refusals.h"

static const struct wrong refused[] = {
	/* 2.2: ports */
	{ R, APP(",'portDefinitions':[{'port':1},{'port':1}]"), "/portDefinitions",
	  "Ports must be unique." },
	{ R, APP(",'portDefinitions':[{'name':'p'},{'name':'p'}]"), "/portDefinitions",
	  "Port names must be unique." },
	{ S, APP(",'portDefinitions':[{'name':'P'}]"), "/portDefinitions(0)/name",
	  "error.pattern" },
	{ S, APP(",'portDefinitions':[{'name':'-p'}]"), "/portDefinitions(0)/name",
	  "error.pattern" },
	{ S, APP(",'portDefinitions':[{'port':65536}]"), "/portDefinitions(0)/port", "error.max" },
	{ S, APP(",'portDefinitions':[{'protocol':'sctp'}]"), "/portDefinitions(0)/protocol",
	  "error.unknown.enum.literal" },
	{ R, APP(",'ports':[1],'portDefinitions':[{'port':2}]"), "/",
	  "cannot specify both ports and port definitions" },
	{ R, APP(",'ports':[1,1]"), "/portDefinitions", "Ports must be unique." },
	{ S, APP(",'ports':{}"), "/ports", "error.expected.jsarray" },
	{ S, APP(",'ports':['80']"), "/portDefinitions(0)/port", "error.expected.jsnumber" },
	{ R, APP(",'container':{'type':'MESOS','portMappings':[{'containerPort':80}]}"), "/",
	  "portMappings are not allowed with host-networking" },
	{ R, APP(",'networks':[{'mode':'container/bridge'}],'portDefinitions':[{'port':1}]"), "/",
	  "portDefinitions are only allowed with host-networking" },
	{ R, APP(",'networks':[{'mode':'container/bridge'}],'container':{'type':'MESOS',"
		 "'portMappings':[{'name':'p'},{'name':'p'}]}"), "/container/portMappings",
	  "Port names must be unique." },
	{ S, APP(",'networks':[{'mode':'container/bridge'}],'container':{'type':'MESOS',"
		 "'portMappings':[{'hostPort':70000}]}"), "/container/portMappings(0)/hostPort",
	  "error.max" },
	{ S, APP(",'networks':[{'mode':'container/bridge'}],'container':{'type':'MESOS',"
		 "'portMappings':[{'protocol':'icmp'}]}"), "/container/portMappings(0)/protocol",
	  "error.unknown.enum.literal" },
	{ R, APP(",'networks':[{'name':'n'}],'container':{'type':'MESOS',"
		 "'portMappings':[{'networkNames':['m']}]}"),
	  "/container/portMappings(0)/networkNames(0)",
	  "got m, which none of the networks is called" },
	{ R, APP(",'networks':[{'name':'n'},{'name':'m'}],'container':{'type':'MESOS',"
		 "'portMappings':[{'hostPort':0}]}"), "/container/portMappings(0)",
	  "networkNames must be a single item list when hostPort is specified and more than 1 "
	  "container network is defined" },
	/* 2.2: networks */
	{ S, APP(",'networks':[{'mode':'overlay'}]"), "/networks(0)/mode",
	  "error.unknown.enum.literal" },
	{ R, APP(",'networks':[{'mode':'host','name':'n'}]"), "/networks",
	  "Host networks may not have names or labels" },
	{ R, APP(",'networks':[{'mode':'host','labels':{'a':'b'}}]"), "/networks",
	  "Host networks may not have names or labels" },
	{ R, APP(",'networks':[{'mode':'container/bridge','name':'n'}]"), "/networks",
	  "Bridge networks may not have names" },
	{ R, APP(",'networks':[{'name':'n'},{'name':'n'}]"), "/networks",
	  "Duplicate networks are not allowed" },
	{ R, APP(",'networks':[{},{}]"), "/networks", "Duplicate networks are not allowed" },
	{ R, APP(",'networks':[{'mode':'host'},{'mode':'host'}]"), "/networks",
	  "May specify a single host network, single bridge network, or else 1-to-n container "
	  "networks" },
	{ R, APP(",'networks':[{'mode':'host'},{'name':'n'}]"), "/networks",
	  "May specify a single host network, single bridge network, or else 1-to-n container "
	  "networks" },
	{ R, APP(",'networks':[{'mode':'container/bridge'},{'name':'n'}]"), "/networks",
	  "May specify a single host network, single bridge network, or else 1-to-n container "
	  "networks" },
	{ R, APP(",'networks':[{}]"), "/networks",
	  "Network name must be specified when container network is selected." },
	{ R, APP(",'networks':[{'name':'n','labels':{'allow':'/db:5432, db:1'}}]"),
	  "/networks(0)/labels/allow", "'db' is neither an IPv4 address nor '/' and a name" },
	{ R, APP(",'networks':[{'name':'n','labels':{'bandwidth_out':'10 Mbit'}}]"),
	  "/networks(0)/labels/bandwidth_out",
	  "'10 Mbit' is not a number with bit, kbit, mbit or gbit, and at least 8kbit" },
	{ R, APP(",'networks':[{'mode':'container/bridge','labels':{'bandwidth_in':'7999bit'}}]"),
	  "/networks(0)/labels/bandwidth_in",
	  "'7999bit' is not a number with bit, kbit, mbit or gbit, and at least 8kbit" },
	{ R, APP(",'networks':[{'mode':'container/bridge','labels':{'allow':'/db'}}]"),
	  "/networks(0)/labels/allow", "'/db' is not /NAME:PORT or ADDRESS:PORT" },
	{ R, APP(",'networks':[{'name':'n'},{'name':'m'}],'container':{'docker':{'image':'i'}}"),
	  "/",
	  "may only specify a single container network when using the Docker container engine" },
	{ R, APP(",'networks':[{'mode':'host'}],'container':{'docker':{'image':'i',"
		 "'network':'BRIDGE'}}"), "/",
	  "must not specify both container.docker.network and networks" },
	{ R, APP(",'networks':[{'mode':'host'}],'ipAddress':{}"), "/",
	  "must not specify both networks and ipAddress" },
	{ R, APP(",'ports':[80],'ipAddress':{'networkName':'n'}"), "/",
	  "cannot specify both an IP address and port" },
	{ S, APP(",'ipAddress':[]"), "/ipAddress", "error.expected.jsobject" },
	{ R, APP(",'ipAddress':{'networkName':'n','discovery':{'ports':[{'number':80,"
		 "'name':'h'}]}},'container':{'docker':{'image':'i'}}"), "/ipAddress",
	  "ipAddress/discovery is not allowed for Docker containers" },
	/* 2.2: containers */
	{ S, APP(",'container':{'docker':{}}"), "/container/docker/image", "error.path.missing" },
	{ S, APP(",'container':{'docker':{'image':''}}"), "/container/docker/image",
	  "error.minLength" },
	{ R, APP(",'container':{'type':'DOCKER'}"), "/container/docker", "not defined" },
	{ S, APP(",'container':{'type':'LXC'}"), "/container/type", "error.unknown.enum.literal" },
	{ R, APP(",'container':{'docker':{'image':'i','network':'NONE'}}"),
	  "/container/docker/network", "unsupported docker network type NONE" },
	{ S, APP(",'container':{'docker':{'image':'i','network':'bridge'}}"),
	  "/container/docker/network", "error.unknown.enum.literal" },
	{ R, APP(",'container':{'type':'MESOS','docker':{'image':'i','network':'BRIDGE'}}"),
	  "/container/docker/network", "must be empty" },
	{ R, APP(",'container':{'type':'MESOS','docker':{'image':'i','portMappings':[{}]}}"),
	  "/container/docker/portMappings", "must be empty" },
	{ R, APP(",'container':{'type':'MESOS','docker':{'image':'i','parameters':[{'key':'a',"
		 "'value':'b'}]}}"), "/container/docker/parameters",
	  "must be empty" },
	{ R, APP(",'container':{'portMappings':[{}],'docker':{'image':'i','network':'BRIDGE',"
		 "'portMappings':[{}]}}"), "/container",
	  "cannot specify both portMappings and docker.portMappings" },
	{ R, APP(",'container':{'docker':{'image':'i','credential':{'principal':'p'}}}"),
	  "/container/docker/credential", "must be empty" },
	{ R, APP(",'container':{'docker':{'image':'i','pullConfig':{'secret':'s'}}}"),
	  "/container/docker/pullConfig", "pullConfig is not supported with Docker containerizer" },
	{ R, APP(",'container':{'type':'MESOS','docker':{'image':'i',"
		 "'pullConfig':{'secret':'s'}}}"), "/container/docker/pullConfig",
	  "pullConfig.secret must refer to an existing secret" },
	{ S, APP(",'container':{'docker':{'image':'i','parameters':[{'key':'a'}]}}"),
	  "/container/docker/parameters(0)/value", "error.path.missing" },
	{ R, APP(",'container':{'docker':{'image':'i','parameters':[{'key':'a','value':'b'}]}}"),
	  "/container/docker/parameters",
	  "they are options of the Docker engine, and images run without it" },
	{ R, APP(",'container':{'docker':{'image':'i','privileged':true}}"),
	  "/container/docker/privileged", "nothing runs privileged here" },
	{ R, APP(",'container':{'docker':{'image':'i','forcePullImage':true}}"),
	  "/container/docker/forcePullImage",
	  "an image that a node has is not pulled again: name another tag, or its digest" },
	{ R, APP(",'container':{'type':'MESOS','linuxInfo':{'seccomp':{'profileName':'p',"
		 "'unconfined':true}}}"), "/container/linuxInfo/seccomp",
	  "unconfined can NOT be true when profileName is defined" },
	{ R, APP(",'container':{'type':'MESOS','linuxInfo':{'seccomp':{'unconfined':false}}}"),
	  "/container/linuxInfo/seccomp",
	  "unconfined must be true when profileName is not defined" },
	{ S, APP(",'container':{'type':'MESOS','linuxInfo':{'seccomp':{'profile':'p'}}}"),
	  "/container/linuxInfo/seccomp/profile", "is not a known field" },
	{ R, APP(",'container':{'type':'MESOS','linuxInfo':{'ipcInfo':{'mode':'SHARE_PARENT',"
		 "'shmSize':1}}}"), "/container/linuxInfo/ipcInfo",
	  "shmSize can only be set with mode PRIVATE" },
	{ R, APP(",'container':{'type':'MESOS','linuxInfo':{'ipcInfo':{'mode':'SHARE_PARENT'}}}"),
	  "/container/linuxInfo/ipcInfo/mode", "a task has no parent to share with but the node" },
	{ R, APP(",'container':{'type':'MESOS','linuxInfo':{'ipcInfo':{'shmSize':1}}}"),
	  "/container/linuxInfo/ipcInfo/shmSize",
	  "the size of /dev/shm cannot be set in this version" },
	/* 2.2: volumes */
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'mode':'RW','hostPath':'/h'}]}"),
	  "/container/volumes(0)/containerPath", "error.path.missing" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'hostPath':'/h'}]}"), "/container/volumes(0)/mode",
	  "error.path.missing" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','hostPath':'/h',"
		 "'mode':'rw'}]}"), "/container/volumes(0)/mode",
	  "error.unknown.enum.literal" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','mode':'RW'}]}"),
	  "/container/volumes(0)", "hostPath is missing" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','hostPath':'/h',"
		 "'mode':'RW','secret':'s'}]}"), "/container/volumes(0)",
	  "only one of hostPath, persistent, external and secret may be given" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','mode':'RW',"
		 "'hostpath':'/h'}]}"), "/container/volumes(0)/hostpath",
	  "is not a known field" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','secret':'s'}]}"),
	  "/container/volumes(0)", "volume.secret must refer to an existing secret" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{}}]}"), "/container/volumes(0)/persistent/size",
	  "error.path.missing" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':0}}]}"), "/container/volumes(0)/persistent/size",
	  "error.min" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'/c',"
		 "'persistent':{'size':1}}]}"), "/container/volumes(0)/containerPath",
	  "value must not contain \"/\"" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'..',"
		 "'persistent':{'size':1}}]}"), "/container/volumes(0)/containerPath",
	  "can not be one of . and .." },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','mode':'RO',"
		 "'persistent':{'size':1}}]}"), "/container/volumes(0)/mode",
	  "got RO, expected RW" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'type':'tape'}}]}"),
	  "/container/volumes(0)/persistent/type", "error.unknown.enum.literal" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'maxSize':2}}]}"), "/container/volumes(0)/persistent",
	  "Only mount volumes can have maxSize" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':2,'type':'mount','maxSize':2}}]}"),
	  "/container/volumes(0)/persistent", "Max size must be larger than size" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'constraints':[['path','LIKE','x']]}}]}"),
	  "/container/volumes(0)/persistent", "Constraints on root volumes are not supported" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'type':'path','constraints':[['path','IS','x']]}}]}"),
	  "/container/volumes(0)/persistent/constraints(0)",
	  "Operator must be one of LIKE, UNLIKE" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'type':'path','constraints':[['path','LIKE','(']]}}]}"),
	  "/container/volumes(0)/persistent/constraints(0)", "Invalid regular expression" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'type':'path','constraints':[['path']]}}]}"),
	  "/container/volumes(0)/persistent/constraints(0)", "Missing field and operator" },
	{ R, APP(",'unreachableStrategy':{'inactiveAfterSeconds':1,'expungeAfterSeconds':2},"
		 "'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1}}]}"), "/",
	  "unreachableStrategy must be disabled for resident tasks" },
	{ R, APP(",'upgradeStrategy':{'minimumHealthCapacity':0.5,'maximumOverCapacity':0.5},"
		 "'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1}}]}"), "/upgradeStrategy/maximumOverCapacity",
	  "got 0.5, expected 0" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1}}]}"), "/role",
	  "persistent volumes are on what is reserved for a role, and nothing can be reserved "
	  "for role *: start the master with --mesos_role=ROLE, or give the app the role of "
	  "its top-level group" },
	{ R, APP(",'role':'r','container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'type':'mount','size':1,'maxSize':2}}]}"),
	  "/container/volumes(0)/persistent/type",
	  "the nodes offer no disks of type mount in this version: use root" },
	{ R, APP(",'role':'r','container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1,'profileName':'ssd'}}]}"),
	  "/container/volumes(0)/persistent/profileName",
	  "the disks of the nodes have no profiles" },
	{ R, APP(",'role':'r','container':{'type':'MESOS','volumes':[{'containerPath':'c',"
		 "'persistent':{'size':1}},{'containerPath':'c','persistent':{'size':2}}]}"),
	  "/container/volumes", "two persistent volumes have the containerPath c" },
	{ R, APP(",'role':'r','acceptedResourceRoles':['r'],'container':{'type':'MESOS',"
		 "'volumes':[{'containerPath':'c','persistent':{'size':1}}]}"),
	  "/acceptedResourceRoles", "A resident app must have `acceptedResourceRoles = [\"*\"]`." },
	{ R, APP(",'role':'r','deployment':{'canary':{'count':1}},'container':{'type':'MESOS',"
		 "'volumes':[{'containerPath':'c','persistent':{'size':1}}]}"),
	  "/deployment/canary",
	  "not for resident tasks: none runs beside those that have the data" },
	{ R, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','mode':'RW',"
		 "'external':{'name':'n','provider':'dvdi'}}]}"), "/container/volumes(0)",
	  "Feature external_volumes is not enabled: the nodes know no provider of them" },
	{ S, APP(",'container':{'type':'MESOS','volumes':[{'containerPath':'c','mode':'RW',"
		 "'external':{'size':0}}]}"), "/container/volumes(0)/external/size",
	  "error.min" },
};

static void test_each_rule_has_its_path_and_its_words(void **state)
{
	(void)state;
	check_all_wrong(app_parse, refused, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule_has_its_path_and_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
