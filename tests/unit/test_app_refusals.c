/* Wrong definitions: each rule of reference/marathon.md section 2.1 with its path and its words. */
#include "refusals.h"

static const struct wrong refused[] = {
	/* 2.1: ids and commands */
	{ S, "{'cmd':'x'}", "/id", "error.path.missing" },
	{ S, "{'id':7,'cmd':'x'}", "/id", "error.expected.jsstring" },
	{ S, "{'id':'/','cmd':'x'}", "/id", "Path must contain at least one path element" },
	{ S, "{'id':'/a/tasks','cmd':'x'}", "/id",
	  "must not end with any of: restart, tasks, versions, ., .." },
	{ R, "{'id':'/../a','cmd':'x'}", "/id", "must be a path below the root" },
	{ R, "{'id':'a'}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'." },
	{ R, APP(",'args':['y']"), "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'." },
	{ R, "{'id':'a','container':{'type':'MESOS'}}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'." },
	{ S, "{'id':'a','cmd':''}", "/cmd", "error.minLength" },
	{ S, "{'id':'a','args':'x'}", "/args", "error.expected.jsarray" },
	{ S, "{'id':'a','args':[1]}", "/args(0)", "error.expected.jsstring" },
	/* 2.1: numbers */
	{ S, APP(",'cpus':0"), "/cpus", "error.min" },
	{ S, APP(",'cpus':'1'"), "/cpus", "error.expected.jsnumber" },
	{ S, APP(",'mem':-1"), "/mem", "error.min" },
	{ S, APP(",'disk':-1"), "/disk", "error.min" },
	{ S, APP(",'gpus':-1"), "/gpus", "error.min" },
	{ S, APP(",'gpus':0.5"), "/gpus", "error.expected.int" },
	{ S, APP(",'instances':1.5"), "/instances", "error.expected.int" },
	{ S, APP(",'instances':-1"), "/instances", "error.min" },
	{ S, APP(",'backoffSeconds':-1"), "/backoffSeconds", "error.min" },
	{ S, APP(",'backoffFactor':0.9"), "/backoffFactor", "error.min" },
	{ S, APP(",'maxLaunchDelaySeconds':'1'"), "/maxLaunchDelaySeconds",
	  "error.expected.jsnumber" },
	{ S, APP(",'taskKillGracePeriodSeconds':-1"), "/taskKillGracePeriodSeconds", "error.min" },
	/* 2.1: texts and maps */
	{ S, APP(",'env':{'A':1}"), "/env/A", "error.expected.jsstring" },
	{ S, APP(",'env':{'A':true}"), "/env/A", "error.expected.jsstring" },
	{ S, APP(",'env':{'':'x'}"), "/env/", "must be a name without '='" },
	{ R, APP(",'env':{'A':{'secret':'s'}}"), "/env/A", "references an undefined secret" },
	{ S, APP(",'env':{'A':{}}"), "/env/A/secret", "error.path.missing" },
	{ S, APP(",'labels':[]"), "/labels", "error.expected.jsobject" },
	{ S, APP(",'labels':{'a':1}"), "/labels/a", "error.expected.jsstring" },
	{ S, APP(",'user':''"), "/user", "error.minLength" },
	{ S, APP(",'tty':1"), "/tty", "error.expected.jsboolean" },
	{ S, APP(",'requirePorts':'yes'"), "/requirePorts", "error.expected.jsboolean" },
	{ S, APP(",'killSelection':'RANDOM'"), "/killSelection", "error.unknown.enum.literal" },
	{ S, APP(",'executor':'a//b'"), "/executor", "error.pattern" },
	{ R, APP(",'executor':'./my-executor'"), "/executor",
	  "custom executors are not supported by this version" },
	{ S, APP(",'executorResources':{'cpus':-1}"), "/executorResources/cpus", "error.min" },
	{ R, APP(",'executorResources':{'cpus':1}"), "/executorResources",
	  "only custom executors have them, which this version does not run" },
	{ R, APP(",'role':'dev'"), "/role", "got dev, expected one of: [*]" },
	{ R, APP(",'acceptedResourceRoles':['dev']"), "/acceptedResourceRoles",
	  "acceptedResourceRoles can only contain *" },
	{ R, APP(",'acceptedResourceRoles':['*','*']"), "/acceptedResourceRoles",
	  "Elements must be unique" },
	{ R, APP(",'dependencies':['/a']"), "/dependencies",
	  "Dependency graph has cyclic dependencies." },
	{ R, APP(",'dependencies':['../..']"), "/dependencies(0)",
	  "must be a path below the root" },
	{ S, APP(",'dependencies':['']"), "/dependencies(0)", "error.minLength" },
	/* 2.1: what the nodes cannot do, and what is wrong with it all the same */
	{ R, APP(",'fetch':[{'uri':'http://x/'}]"), "/fetch",
	  "the nodes fetch nothing in this version: put what the task needs into its image, or "
	  "let its command fetch it" },
	{ S, APP(",'fetch':[{'extract':true}]"), "/fetch(0)/uri", "error.path.missing" },
	{ S, APP(",'fetch':[{'uri':''}]"), "/fetch(0)/uri", "error.minLength" },
	{ S, APP(",'fetch':[{'uri':'http://x/a b'}]"), "/fetch(0)/uri", "URI has invalid syntax." },
	{ R, APP(",'uris':['http://x/']"), "/fetch",
	  "the nodes fetch nothing in this version: put what the task needs into its image, or "
	  "let its command fetch it" },
	{ R, APP(",'uris':['http://x/'],'fetch':[{'uri':'http://x/'}]"), "/uris",
	  "may not be set in conjunction with fetch" },
	{ S, APP(",'uris':[7]"), "/fetch(0)/uri", "error.expected.jsstring" },
	{ S, APP(",'uris':'x'"), "/uris", "error.expected.jsarray" },
	{ R, APP(",'secrets':{'s':{'source':'p'}}"), "/secrets",
	  "Feature secrets is not enabled: there is no store that they could come from" },
	{ S, APP(",'secrets':{'s':{}}"), "/secrets/s/source", "error.path.missing" },
	{ S, APP(",'secrets':{'s':{'source':''}}"), "/secrets/s/source", "error.minLength" },
	{ R, APP(",'gpus':1"), "/gpus",
	  "Feature gpu_resources is not enabled: the nodes give out no gpus in this version" },
	{ R, APP(",'container':{'docker':{'image':'i'}},'gpus':1"), "/",
	  "GPU resources only work with the Mesos containerizer" },
	{ R, APP(",'check':{'tcp':{'portIndex':0}}"), "/check",
	  "the nodes run no checks that only inform: use healthChecks" },
	{ R, APP(",'check':{}"), "/check", "exactly one of http, tcp and exec must be given" },
	{ R, APP(",'check':{'tcp':{'portIndex':1}}"), "/check",
	  "Check port indices must address an element of the ports array or container port "
	  "mappings." },
	{ R, APP(",'check':{'exec':{'command':{}}}"), "/check/exec/command",
	  "exactly one of shell and argv must be given" },
	{ S, APP(",'check':{'exec':{}}"), "/check/exec/command", "error.path.missing" },
	{ S, APP(",'check':{'tcp':{},'intervalSeconds':0}"), "/check/intervalSeconds",
	  "error.min" },
	{ R, APP(",'residency':{}"), "/",
	  "App must contain persistent volumes and define residency" },
	{ S, APP(",'residency':{'taskLostBehavior':'HOPE'}"), "/residency/taskLostBehavior",
	  "error.unknown.enum.literal" },
	/* 2.1: strategies and limits */
	{ S, APP(",'upgradeStrategy':{'minimumHealthCapacity':1}"),
	  "/upgradeStrategy/maximumOverCapacity", "error.path.missing" },
	{ S, APP(",'upgradeStrategy':{'maximumOverCapacity':1}"),
	  "/upgradeStrategy/minimumHealthCapacity", "error.path.missing" },
	{ S, APP(",'upgradeStrategy':{'minimumHealthCapacity':1.5,'maximumOverCapacity':1}"),
	  "/upgradeStrategy/minimumHealthCapacity", "error.max" },
	{ S, APP(",'upgradeStrategy':{'minimumHealthCapacity':1,'maximumOverCapacity':-1}"),
	  "/upgradeStrategy/maximumOverCapacity", "error.min" },
	{ R, APP(",'instances':2,'labels':{'MARATHON_SINGLE_INSTANCE_APP':'true'}"), "/instances",
	  "Single instance app may only have one instance" },
	{ R, APP(",'upgradeStrategy':{'minimumHealthCapacity':1,'maximumOverCapacity':0},"
		 "'labels':{'MARATHON_SINGLE_INSTANCE_APP':'true'}"),
	  "/upgradeStrategy/minimumHealthCapacity", "got 1, expected 0" },
	{ R, APP(",'upgradeStrategy':{'minimumHealthCapacity':0,'maximumOverCapacity':0.5},"
		 "'labels':{'MARATHON_SINGLE_INSTANCE_APP':'true'}"),
	  "/upgradeStrategy/maximumOverCapacity", "got 0.5, expected 0" },
	{ S, APP(",'unreachableStrategy':'off'"), "/unreachableStrategy",
	  "must be \"disabled\" or an object" },
	{ S, APP(",'unreachableStrategy':{'inactiveAfterSeconds':-1,'expungeAfterSeconds':1}"),
	  "/unreachableStrategy/inactiveAfterSeconds", "error.min" },
	{ R, APP(",'unreachableStrategy':{'inactiveAfterSeconds':2,'expungeAfterSeconds':1}"),
	  "/unreachableStrategy/inactiveAfterSeconds",
	  "must be less than or equal to expungeAfterSeconds" },
	{ S, APP(",'resourceLimits':{'memory':1}"), "/resourceLimits/memory",
	  "is not a known field" },
	{ S, APP(",'resourceLimits':{'cpus':'all'}"), "/resourceLimits/cpus",
	  "must be a number or \"unlimited\"" },
	{ R, APP(",'mem':64,'resourceLimits':{'mem':32}"), "/resourceLimits/mem",
	  "resource limit must be greater than or equal to requested resource value" },
	{ R, APP(",'cpus':2,'resourceLimits':{'cpus':1}"), "/resourceLimits/cpus",
	  "resource limit must be greater than or equal to requested resource value" },
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
