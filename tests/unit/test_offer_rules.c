/* Which agents are offered to whom, whatever is free on them; and what an offer must at least have. */
#include "master_stub/min_allocatable.h"
#include "tests/unit/master_harness.h"

#define SCALAR(name, value) \
	"{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define INFO(more) "{\"user\":\"u\",\"name\":\"n\"" more "}"
#define REGION(name) \
	"{\"fault_domain\":{\"region\":{\"name\":\"" name "\"},\"zone\":{\"name\":\"z\"}}}"

/* How many offers a framework with INFO gets of one agent with RESOURCES and MORE. */
static size_t offers_for(const struct master_options *options, const char *resources,
			 const char *info)
{
	struct cluster *cluster = cluster_new();
	struct fake_framework framework = { 0 };
	struct fake_agent agent = { 0 };
	size_t n;

	master_free(cluster->master);
	cluster->options = *options;
	cluster_start(cluster);
	agent_subscribe(cluster, &agent, (struct subscribe){ .resources = resources });
	framework_subscribe(cluster, &framework, info);
	n = framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
	return n;
}

#define GPUS "[" SCALAR("cpus", "4") "," SCALAR("mem", "64") "," SCALAR("gpus", "1") "]"
#define CAPABLE(name) INFO(",\"capabilities\":[{\"type\":\"" name "\"}]")

static void test_agents_with_gpus_are_for_those_that_take_them(void **state)
{
	struct master_options options = master_default_options;

	(void)state;
	assert_int_equal(offers_for(&options, GPUS, INFO("")), 0);
	assert_int_equal(offers_for(&options, GPUS, CAPABLE("GPU_RESOURCES")), 1);
	options.filter_gpu_resources = false;
	assert_int_equal(offers_for(&options, GPUS, INFO("")), 1);
}

/* After the resources, more of the agent's info. */
#define AGENT_IN(region) "[" SCALAR("cpus", "4") "],\"domain\":" REGION(region)

static void test_agents_of_other_regions_are_for_those_aware_of_them(void **state)
{
	struct master_options options = master_default_options;

	(void)state;
	/* A master that does not say where it is has no other regions. */
	assert_int_equal(offers_for(&options, AGENT_IN("there"), INFO("")), 1);
	options.domain = REGION("here");
	assert_int_equal(offers_for(&options, AGENT_IN("there"), INFO("")), 0);
	assert_int_equal(offers_for(&options, AGENT_IN("there"), CAPABLE("REGION_AWARE")), 1);
	assert_int_equal(offers_for(&options, AGENT_IN("here"), INFO("")), 1);
	assert_int_equal(offers_for(&options, "[" SCALAR("cpus", "4") "]", INFO("")), 1);
}

#define WANTS(sets) \
	INFO(",\"offer_filters\":{\"*\":{\"min_allocatable_resources\":{\"quantities\":[" sets \
	"]}}}")
#define AT_LEAST(name, value) "{\"quantities\":{\"" name "\":{\"value\":" value "}}}"

static void test_an_offer_has_at_least_one_of_the_sets(void **state)
{
	static const struct { const char *resources, *info; size_t n; } rows[] = {
		{ "[" SCALAR("cpus", "0.009") "," SCALAR("mem", "31") "]", INFO(""), 0 },
		{ "[" SCALAR("cpus", "0.01") "]", INFO(""), 1 },
		{ "[" SCALAR("mem", "32") "]", INFO(""), 1 },
		{ "[" SCALAR("disk", "1000") "]", INFO(""), 0 },
		/* For its own role a framework says what it is. */
		{ "[" SCALAR("disk", "1000") "]", WANTS(AT_LEAST("disk", "1000")), 1 },
		{ "[" SCALAR("disk", "1000") "]", WANTS(AT_LEAST("disk", "1001")), 0 },
		{ "[" SCALAR("disk", "1000") "]",
		  WANTS(AT_LEAST("cpus", "1") "," AT_LEAST("disk", "1")), 1 },
		{ "[" SCALAR("disk", "1000") "]", WANTS(""), 1 },
		{ "[" SCALAR("cpus", "4") "]", WANTS(AT_LEAST("tea", "1")), 0 },
		{ "[" SCALAR("cpus", "4") "]", WANTS("{\"quantities\":{\"cpus\":{\"value\":4},"
						     "\"mem\":{\"value\":1}}}"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = offers_for(&master_default_options, rows[i].resources, rows[i].info);

		if (n != rows[i].n)
			fail_msg("row %zu: %zu offers", i, n);
	}
}

static void test_least_resources_are_read(void **state)
{
	struct min_allocatable min;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(min_allocatable_parse("cpus:0.1;mem:5|disk:7", &min, &e), 0);
	assert_int_equal(min.n, 2);
	assert_int_equal(min.sets[0].of[RESOURCE_CPUS], 100);
	assert_int_equal(min.sets[0].of[RESOURCE_MEM], 5000);
	assert_int_equal(min.sets[1].of[RESOURCE_DISK], 7000);
	assert_int_equal(min_allocatable_parse("", &min, &e), 0);
	assert_int_equal(min.n, 0);
	assert_int_equal(min_allocatable_parse("cpus:x", &min, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(min_allocatable_parse("ports:[1-2]", &min, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agents_with_gpus_are_for_those_that_take_them),
		cmocka_unit_test(test_agents_of_other_regions_are_for_those_aware_of_them),
		cmocka_unit_test(test_an_offer_has_at_least_one_of_the_sets),
		cmocka_unit_test(test_least_resources_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
