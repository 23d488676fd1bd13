/* Old forms of definitions, and defaults that depend on other fields: what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_parts.h"

/* EXPECTED: the fields of the canonical form that the row is about; null: it is not there. */
static const struct {
	const char *document, *expected;
} cases[] = {
	/* 2.1: lists that had other names */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[0,9000]}",
	  "{\"portDefinitions\":[{\"port\":0,\"protocol\":\"tcp\",\"labels\":{}},"
	  "{\"port\":9000,\"protocol\":\"tcp\",\"labels\":{}}],\"ports\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[]}",
	  "{\"portDefinitions\":[]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[9000],"
	  "\"portDefinitions\":[{\"port\":9000,\"name\":\"p\"}]}",
	  "{\"portDefinitions\":[{\"port\":9000,\"protocol\":\"tcp\",\"name\":\"p\","
	  "\"labels\":{}}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[\"http://x/a.tgz\",\"http://x/b\"]}",
	  "{\"fetch\":[{\"uri\":\"http://x/a.tgz\",\"extract\":true,"
	  "\"executable\":false,\"cache\":false},{\"uri\":\"http://x/b\","
	  "\"extract\":false,\"executable\":false,\"cache\":false}],\"uris\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[],"
	  "\"fetch\":[{\"uri\":\"http://x/b\"}]}",
	  "{\"fetch\":[{\"uri\":\"http://x/b\",\"extract\":true,\"executable\":false,"
	  "\"cache\":false}]}" },
	/* 2.2: networks that were said in the container */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"HOST\"}}}",
	  "{\"networks\":[{\"mode\":\"host\"}],\"container\":{\"type\":\"DOCKER\","
	  "\"docker\":{\"image\":\"i\",\"forcePullImage\":false,\"privileged\":false,"
	  "\"parameters\":[]},\"volumes\":[]},\"portDefinitions\":[{\"port\":0,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":80,"
	  "\"name\":\"http\"}]}}}",
	  "{\"networks\":[{\"mode\":\"container/bridge\"}],\"portDefinitions\":null,"
	  "\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\","
	  "\"forcePullImage\":false,\"privileged\":false,\"parameters\":[]},"
	  "\"volumes\":[],\"portMappings\":[{\"containerPort\":80,\"hostPort\":0,"
	  "\"servicePort\":0,\"protocol\":\"tcp\",\"name\":\"http\",\"labels\":{}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"HOST\",\"portMappings\":[{\"containerPort\":80}]}}}",
	  "{\"networks\":[{\"mode\":\"host\"}],\"container\":{\"type\":\"DOCKER\","
	  "\"docker\":{\"image\":\"i\",\"forcePullImage\":false,\"privileged\":false,"
	  "\"parameters\":[]},\"volumes\":[]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[1,2],"
	  "\"container\":{\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\","
	  "\"portMappings\":[{\"containerPort\":80}]}}}",
	  "{\"portDefinitions\":null,\"container\":{\"type\":\"DOCKER\","
	  "\"docker\":{\"image\":\"i\",\"forcePullImage\":false,\"privileged\":false,"
	  "\"parameters\":[]},\"volumes\":[],\"portMappings\":[{\"containerPort\":80,"
	  "\"hostPort\":0,\"servicePort\":0,\"protocol\":\"tcp\",\"labels\":{}},"
	  "{\"containerPort\":0,\"hostPort\":0,\"servicePort\":0,"
	  "\"protocol\":\"tcp\",\"labels\":{}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"docker\":{\"image\":\"i\","
	  "\"network\":\"USER\"}},\"ipAddress\":{\"networkName\":\"n\","
	  "\"labels\":{\"a\":\"b\"}}}",
	  "{\"networks\":[{\"mode\":\"container\",\"name\":\"n\","
	  "\"labels\":{\"a\":\"b\"}}],\"ipAddress\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"}],"
	  "\"container\":{\"docker\":{\"image\":\"i\",\"network\":\"HOST\"}}}",
	  "{\"networks\":[{\"mode\":\"host\"}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\"},"
	  "\"ipAddress\":{\"networkName\":\"n\",\"groups\":[\"g\"],"
	  "\"discovery\":{\"ports\":[{\"number\":80,\"name\":\"http\"}]}}}",
	  "{\"networks\":[{\"mode\":\"container\",\"name\":\"n\"}],"
	  "\"portDefinitions\":null,\"container\":{\"type\":\"MESOS\",\"volumes\":[],"
	  "\"portMappings\":[{\"containerPort\":80,\"servicePort\":0,"
	  "\"protocol\":\"tcp\",\"name\":\"http\",\"labels\":{}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ipAddress\":{\"networkName\":\"n\"}}",
	  "{\"networks\":[{\"mode\":\"container\",\"name\":\"n\"}],"
	  "\"container\":{\"type\":\"MESOS\",\"volumes\":[],"
	  "\"portMappings\":[{\"containerPort\":0,\"servicePort\":0,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"ipAddress\":{\"networkName\":\"mesos-bridge\"}}",
	  "{\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"container\":{\"type\":\"MESOS\",\"volumes\":[],"
	  "\"portMappings\":[{\"containerPort\":0,\"hostPort\":0,\"servicePort\":0,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}}" },
	/* 2.2: networks and their ports */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[]}",
	  "{\"networks\":[{\"mode\":\"host\"}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"name\":\"n\"}],"
	  "\"requirePorts\":true}",
	  "{\"networks\":[{\"mode\":\"container\",\"name\":\"n\"}],"
	  "\"requirePorts\":false,\"portDefinitions\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}]}",
	  "{\"container\":{\"type\":\"MESOS\",\"volumes\":[],"
	  "\"portMappings\":[{\"containerPort\":0,\"hostPort\":0,\"servicePort\":0,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"networks\":[{\"mode\":\"container/bridge\"}],"
	  "\"container\":{\"type\":\"MESOS\",\"portMappings\":[]}}",
	  "{\"container\":{\"type\":\"MESOS\",\"volumes\":[],\"portMappings\":[]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"portMappings\":[]}}",
	  "{\"container\":{\"type\":\"MESOS\",\"volumes\":[]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"a\","
	  "\"protocol\":\"udp,tcp\"}]}",
	  "{\"portDefinitions\":[{\"port\":0,\"protocol\":\"udp,tcp\",\"name\":\"a\","
	  "\"labels\":{}}]}" },
	/* 2.1, 2.2: strategies that follow from volumes and labels */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":1}",
	  "{\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":1},"
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":0,"
	  "\"expungeAfterSeconds\":0},\"residency\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}",
	  "{\"upgradeStrategy\":{\"minimumHealthCapacity\":0,"
	  "\"maximumOverCapacity\":0}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"false\"}}",
	  "{\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":1}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"d\",\"mode\":\"RW\","
	  "\"external\":{\"name\":\"n\",\"provider\":\"csi\"}}]}}",
	  "{\"upgradeStrategy\":{\"minimumHealthCapacity\":0,"
	  "\"maximumOverCapacity\":0}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"volumes\":[{\"containerPath\":\"d\",\"persistent\":{\"size\":64}}]}}",
	  "{\"upgradeStrategy\":{\"minimumHealthCapacity\":0.5,"
	  "\"maximumOverCapacity\":0},\"unreachableStrategy\":\"disabled\","
	  "\"residency\":{\"taskLostBehavior\":\"WAIT_FOREVER\","
	  "\"relaunchEscalationTimeoutSeconds\":3600},"
	  "\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"containerPath\":\"d\","
	  "\"mode\":\"RW\",\"persistent\":{\"type\":\"root\",\"size\":64}}]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"unreachableStrategy\":{\"expungeAfterSeconds\":5}}",
	  "{\"unreachableStrategy\":{\"inactiveAfterSeconds\":0,"
	  "\"expungeAfterSeconds\":5}}" },
	/* 2.3: what a check of its protocol has no use for */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"COMMAND\","
	  "\"command\":{\"value\":\"true\"},\"path\":\"/\",\"portIndex\":0}]}",
	  "{\"healthChecks\":[{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"true\"},"
	  "\"gracePeriodSeconds\":300,\"intervalSeconds\":60,\"timeoutSeconds\":20,"
	  "\"maxConsecutiveFailures\":3,\"delaySeconds\":15,\"ignoreHttp1xx\":false,"
	  "\"ipProtocol\":\"IPv4\"}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\","
	  "\"healthChecks\":[{\"protocol\":\"MESOS_TCP\",\"path\":\"/\"}]}",
	  "{\"healthChecks\":[{\"protocol\":\"MESOS_TCP\",\"portIndex\":0,"
	  "\"gracePeriodSeconds\":300,\"intervalSeconds\":60,\"timeoutSeconds\":20,"
	  "\"maxConsecutiveFailures\":3,\"delaySeconds\":15,\"ignoreHttp1xx\":false,"
	  "\"ipProtocol\":\"IPv4\"}]}" },
	/* What Marathon 1.4 answered, sent back */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"args\":null,\"user\":null,\"env\":{},"
	  "\"instances\":1,\"cpus\":0.1,\"mem\":32,\"disk\":0,\"gpus\":0,"
	  "\"executor\":\"\",\"constraints\":[],\"uris\":[],\"fetch\":[],"
	  "\"storeUrls\":[],\"backoffSeconds\":1,\"backoffFactor\":1.15,"
	  "\"maxLaunchDelaySeconds\":3600,"
	  "\"healthChecks\":[{\"gracePeriodSeconds\":300,\"intervalSeconds\":60,"
	  "\"timeoutSeconds\":20,\"maxConsecutiveFailures\":3,\"portIndex\":0,"
	  "\"path\":\"/\",\"protocol\":\"HTTP\",\"ignoreHttp1xx\":false}],"
	  "\"readinessChecks\":[],\"dependencies\":[],"
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":1},\"labels\":{},\"ipAddress\":null,"
	  "\"version\":\"2017-01-02T03:04:05.678Z\",\"residency\":null,"
	  "\"secrets\":{},\"taskKillGracePeriodSeconds\":null,"
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":300,"
	  "\"expungeAfterSeconds\":600},\"killSelection\":\"YOUNGEST_FIRST\","
	  "\"acceptedResourceRoles\":null,"
	  "\"versionInfo\":{\"lastScalingAt\":\"2017-01-02T03:04:05.678Z\"},"
	  "\"tasksStaged\":0,\"tasksRunning\":1,\"deployments\":[],"
	  "\"requirePorts\":false,\"container\":null,\"ports\":[10000],"
	  "\"portDefinitions\":[{\"port\":10000,\"protocol\":\"tcp\","
	  "\"name\":\"default\",\"labels\":{}}]}",
	  "{\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[{\"port\":10000,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}],"
	  "\"container\":null,\"residency\":null,"
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":300,"
	  "\"expungeAfterSeconds\":600},\"maxLaunchDelaySeconds\":3600,"
	  "\"storeUrls\":null}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"args\":null,\"user\":null,\"env\":{},"
	  "\"instances\":1,\"cpus\":0.1,\"mem\":32,\"disk\":0,\"gpus\":0,"
	  "\"executor\":\"\",\"constraints\":[],\"uris\":[],\"fetch\":[],"
	  "\"storeUrls\":[],\"backoffSeconds\":1,\"backoffFactor\":1.15,"
	  "\"maxLaunchDelaySeconds\":3600,"
	  "\"healthChecks\":[{\"gracePeriodSeconds\":300,\"intervalSeconds\":60,"
	  "\"timeoutSeconds\":20,\"maxConsecutiveFailures\":3,\"portIndex\":0,"
	  "\"path\":\"/\",\"protocol\":\"HTTP\",\"ignoreHttp1xx\":false}],"
	  "\"readinessChecks\":[],\"dependencies\":[],"
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":1},\"labels\":{},\"ipAddress\":null,"
	  "\"version\":\"2017-01-02T03:04:05.678Z\",\"residency\":null,"
	  "\"secrets\":{},\"taskKillGracePeriodSeconds\":null,"
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":300,"
	  "\"expungeAfterSeconds\":600},\"killSelection\":\"YOUNGEST_FIRST\","
	  "\"acceptedResourceRoles\":null,"
	  "\"versionInfo\":{\"lastScalingAt\":\"2017-01-02T03:04:05.678Z\"},"
	  "\"tasksStaged\":0,\"tasksRunning\":1,\"deployments\":[],"
	  "\"requirePorts\":false,\"container\":{\"type\":\"DOCKER\",\"volumes\":[],"
	  "\"docker\":{\"image\":\"i\",\"network\":\"HOST\",\"portMappings\":null,"
	  "\"privileged\":false,\"parameters\":[],\"forcePullImage\":false}},"
	  "\"ports\":[10000],\"portDefinitions\":[{\"port\":10000,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}",
	  "{\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[{\"port\":10000,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}],"
	  "\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\","
	  "\"forcePullImage\":false,\"privileged\":false,\"parameters\":[]},"
	  "\"volumes\":[]}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"args\":null,\"user\":null,\"env\":{},"
	  "\"instances\":1,\"cpus\":0.1,\"mem\":32,\"disk\":0,\"gpus\":0,"
	  "\"executor\":\"\",\"constraints\":[],\"uris\":[],\"fetch\":[],"
	  "\"storeUrls\":[],\"backoffSeconds\":1,\"backoffFactor\":1.15,"
	  "\"maxLaunchDelaySeconds\":3600,"
	  "\"healthChecks\":[{\"gracePeriodSeconds\":300,\"intervalSeconds\":60,"
	  "\"timeoutSeconds\":20,\"maxConsecutiveFailures\":3,\"portIndex\":0,"
	  "\"path\":\"/\",\"protocol\":\"HTTP\",\"ignoreHttp1xx\":false}],"
	  "\"readinessChecks\":[],\"dependencies\":[],"
	  "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
	  "\"maximumOverCapacity\":1},\"labels\":{},\"ipAddress\":null,"
	  "\"version\":\"2017-01-02T03:04:05.678Z\",\"residency\":null,"
	  "\"secrets\":{},\"taskKillGracePeriodSeconds\":null,"
	  "\"unreachableStrategy\":{\"inactiveAfterSeconds\":300,"
	  "\"expungeAfterSeconds\":600},\"killSelection\":\"YOUNGEST_FIRST\","
	  "\"acceptedResourceRoles\":null,"
	  "\"versionInfo\":{\"lastScalingAt\":\"2017-01-02T03:04:05.678Z\"},"
	  "\"tasksStaged\":0,\"tasksRunning\":1,\"deployments\":[],"
	  "\"requirePorts\":false,\"container\":{\"type\":\"DOCKER\",\"volumes\":[],"
	  "\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\","
	  "\"portMappings\":[{\"containerPort\":80,\"hostPort\":0,"
	  "\"servicePort\":10000,\"protocol\":\"tcp\",\"labels\":{}}],"
	  "\"privileged\":false,\"parameters\":[],\"forcePullImage\":false}},"
	  "\"ports\":[10000],\"portDefinitions\":[{\"port\":10000,"
	  "\"protocol\":\"tcp\",\"name\":\"default\",\"labels\":{}}]}",
	  "{\"networks\":[{\"mode\":\"container/bridge\"}],\"portDefinitions\":null,"
	  "\"requirePorts\":false,\"container\":{\"type\":\"DOCKER\","
	  "\"docker\":{\"image\":\"i\",\"forcePullImage\":false,\"privileged\":false,"
	  "\"parameters\":[]},\"volumes\":[],\"portMappings\":[{\"containerPort\":80,"
	  "\"hostPort\":0,\"servicePort\":10000,\"protocol\":\"tcp\","
	  "\"labels\":{}}]}}" },
	/* 2.1: defaults of parts */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"executorResources\":{\"cpus\":1}}",
	  "{\"executorResources\":{\"cpus\":1,\"mem\":32,\"disk\":10}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"check\":{\"http\":{\"path\":\"/up\","
	  "\"portIndex\":0}}}",
	  "{\"check\":{\"http\":{\"portIndex\":0,\"path\":\"/up\","
	  "\"scheme\":\"http\"},\"intervalSeconds\":60,\"timeoutSeconds\":20,"
	  "\"delaySeconds\":15}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"secrets\":{\"s\":{\"source\":\"p\"}},"
	  "\"env\":{\"A\":{\"secret\":\"s\"}}}",
	  "{\"env\":{\"A\":{\"secret\":\"s\"}}}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"seccomp\":{\"profileName\":\"p\"},\"ipcInfo\":{}}}}",
	  "{\"container\":{\"type\":\"MESOS\","
	  "\"linuxInfo\":{\"seccomp\":{\"profileName\":\"p\",\"unconfined\":false},"
	  "\"ipcInfo\":{\"mode\":\"PRIVATE\"}},\"volumes\":[]}}" },
	/* 2.3: health checks */
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{}]}",
	  "{\"healthChecks\":[{\"protocol\":\"HTTP\",\"portIndex\":0,"
	  "\"gracePeriodSeconds\":300,\"intervalSeconds\":60,\"timeoutSeconds\":20,"
	  "\"maxConsecutiveFailures\":3,\"delaySeconds\":15,\"ignoreHttp1xx\":false,"
	  "\"ipProtocol\":\"IPv4\"}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"TCP\","
	  "\"port\":80}]}",
	  "{\"healthChecks\":[{\"protocol\":\"TCP\",\"port\":80,"
	  "\"gracePeriodSeconds\":300,\"intervalSeconds\":60,\"timeoutSeconds\":20,"
	  "\"maxConsecutiveFailures\":3,\"delaySeconds\":15,\"ignoreHttp1xx\":false,"
	  "\"ipProtocol\":\"IPv4\"}]}" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"COMMAND\","
	  "\"command\":{\"value\":\"true\"}}]}",
	  "{\"healthChecks\":[{\"protocol\":\"COMMAND\","
	  "\"command\":{\"value\":\"true\"},\"gracePeriodSeconds\":300,"
	  "\"intervalSeconds\":60,\"timeoutSeconds\":20,\"maxConsecutiveFailures\":3,"
	  "\"delaySeconds\":15,\"ignoreHttp1xx\":false,\"ipProtocol\":\"IPv4\"}]}" },
};

static json_t *canonical(const char *text)
{
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *json = NULL;
	struct findings findings = { 0 };

	assert_non_null(document);
	app_translate_legacy(document, &findings);
	if (app_read_canonical(document, NULL, &findings, &json) < 0) {
		AUTO_FREE char *schema = json_dumps(findings.schema.by_path, JSON_COMPACT);
		AUTO_FREE char *rules = json_dumps(findings.rules.by_path, JSON_COMPACT);

		fail_msg("%s: %s %s", text, schema ? schema : "", rules ? rules : "");
	}
	json_decref(document);
	problems_done(&findings.schema);
	problems_done(&findings.rules);
	return json;
}

static void test_what_definitions_come_to(void **state)
{
	unsigned n_wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = canonical(cases[i].document), *value;
		json_t *expected = json_loads(cases[i].expected, 0, NULL);
		const char *key;

		assert_non_null(expected);
		json_object_foreach(expected, key, value) {
			json_t *found = json_object_get(json, key);
			AUTO_FREE char *text = NULL;

			if (json_is_null(value) ? !found : json_equal(found, value))
				continue;
			n_wrong++;
			text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
			print_error("%s: %s is %s\n", cases[i].document, key, text);
		}
		json_decref(expected);
		json_decref(json);
	}
	print_message("%zu definitions\n", ARRAY_SIZE(cases));
	assert_int_equal(n_wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_definitions_come_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
