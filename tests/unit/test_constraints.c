/* Placement constraints against places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/definition/constraints.h"
#include "master_stub/marathon/definition/refusal.h"

enum { MAX_PLACES = 8 };

/* "host:rack" as a place; without a rack the agent has no such attribute. */
struct paper_place {
	char host[16], rack[16];
	Mesos__V1__Attribute attribute, *list[1];
	Mesos__V1__Value__Text text;
};

static struct place make_place(const char *spec, struct paper_place *paper)
{
	static char name[] = "rack";
	const char *colon = strchr(spec, ':');
	struct place place = { 0 };

	(void)snprintf(paper->host, sizeof(paper->host), "%.*s",
		       (int)(colon ? colon - spec : (long)strlen(spec)), spec);
	place.hostname = paper->host;
	if (!colon)
		return place;
	(void)snprintf(paper->rack, sizeof(paper->rack), "%s", colon + 1);
	mesos__v1__attribute__init(&paper->attribute);
	mesos__v1__value__text__init(&paper->text);
	paper->text.value = paper->rack;
	paper->attribute.name = name;
	paper->attribute.type = MESOS__V1__VALUE__TYPE__TEXT;
	paper->attribute.text = &paper->text;
	paper->list[0] = &paper->attribute;
	place.attributes = paper->list;
	place.n_attributes = 1;
	return place;
}

static size_t make_places(const char *specs, struct paper_place *papers, struct place *places)
{
	char copy[128], *save, *spec;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", specs);
	for (spec = strtok_r(copy, " ", &save); spec; spec = strtok_r(NULL, " ", &save), n++)
		places[n] = make_place(spec, &papers[n]);
	return n;
}

static const struct {
	const char *constraint, *placed, *known, *candidate;
	unsigned instances;
	bool is_allowed;
} cases[] = {
	{ "[\"hostname\",\"UNIQUE\"]", "a", "a b", "b", 2, true },
	{ "[\"hostname\",\"UNIQUE\"]", "a", "a b", "a", 2, false },
	{ "[\"@hostname\",\"UNIQUE\"]", "a", "a b", "a", 2, false },
	{ "[\"hostname\",\"CLUSTER\",\"a\"]", "", "", "a", 2, true },
	{ "[\"hostname\",\"CLUSTER\",\"a\"]", "", "", "b", 2, false },
	{ "[\"rack\",\"CLUSTER\"]", "", "", "a:r1", 2, true },
	{ "[\"rack\",\"CLUSTER\"]", "a:r1", "", "b:r1", 2, true },
	{ "[\"rack\",\"CLUSTER\"]", "a:r1", "", "b:r2", 2, false },
	{ "[\"rack\",\"CLUSTER\"]", "", "", "a", 2, false },
	{ "[\"hostname\",\"MAX_PER\",\"2\"]", "a", "", "a", 9, true },
	{ "[\"hostname\",\"MAX_PER\",\"2\"]", "a a", "", "a", 9, false },
	{ "[\"rack\",\"LIKE\",\"r[12]\"]", "", "", "a:r1", 1, true },
	{ "[\"rack\",\"LIKE\",\"r[12]\"]", "", "", "a:r11", 1, false },
	{ "[\"rack\",\"LIKE\",\"r[12]\"]", "", "", "a", 1, false },
	{ "[\"rack\",\"LIKE\",\"x|r1\"]", "", "", "a:r1y", 1, false },
	{ "[\"rack\",\"LIKE\",\"r\\\\d{2}\\\\.x\"]", "", "", "a:r12.x", 1, true },
	{ "[\"rack\",\"LIKE\",\"r\\\\d{2}\\\\.x\"]", "", "", "a:rdd.x", 1, false },
	{ "[\"rack\",\"LIKE\",\"(?i)R\\\\w+\"]", "", "", "a:r1", 1, true },
	{ "[\"rack\",\"LIKE\",\"(?:r|s)[^2-9]??\"]", "", "", "a:r1", 1, true },
	{ "[\"rack\",\"UNLIKE\",\"r1\"]", "", "", "a:r1", 1, false },
	{ "[\"rack\",\"UNLIKE\",\"r1\"]", "", "", "a:r2", 1, true },
	{ "[\"rack\",\"UNLIKE\",\"r1\"]", "", "", "a", 1, true },
	{ "[\"rack\",\"IS\",\"r1\"]", "", "", "a:r1", 1, true },
	{ "[\"rack\",\"IS\",\"2\"]", "", "", "a:2.0001", 1, true },
	{ "[\"rack\",\"IS\",\"2\"]", "", "", "a:2.001", 1, false },
	/* Evenly over what is known. */
	{ "[\"rack\",\"GROUP_BY\"]", "", "a:1 b:2", "a:1", 4, true },
	{ "[\"rack\",\"GROUP_BY\"]", "a:1", "a:1 b:2", "a:1", 4, false },
	{ "[\"rack\",\"GROUP_BY\"]", "a:1", "a:1 b:2", "b:2", 4, true },
	{ "[\"rack\",\"GROUP_BY\"]", "a:1 b:2", "a:1 b:2", "a:1", 4, true },
	{ "[\"rack\",\"GROUP_BY\"]", "a:1 b:2", "a:1 b:2 c:3", "a:1", 4, false },
	/* Over two groups: each takes its part, one of them the remainder, a third none. */
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1", "", "a:1", 4, true },
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1 a:1", "", "a:1", 4, false },
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1 a:1", "", "b:2", 4, true },
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1 b:2", "", "c:3", 4, false },
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1 a:1", "", "a:1", 5, true },
	{ "[\"rack\",\"GROUP_BY\",\"2\"]", "a:1 a:1 a:1 b:2 b:2", "", "b:2", 5, false },
};

/* One instance at each of the PLACED, and none at the KNOWN. */
static struct survey *make_survey(const struct constraint *constraints, unsigned n,
				  const char *placed, const char *known, unsigned instances)
{
	struct paper_place papers[2 * MAX_PLACES];
	struct place places[2 * MAX_PLACES];
	struct occupied nodes[2 * MAX_PLACES];
	size_t n_placed = make_places(placed, papers, places);
	size_t n_nodes = n_placed + make_places(known, papers + n_placed, places + n_placed);
	struct survey *survey;

	for (size_t i = 0; i < n_nodes; i++)
		nodes[i] = (struct occupied){ places[i], i < n_placed };
	assert_int_equal(survey_new(constraints, n, nodes, n_nodes, instances, &survey), 0);
	return survey;
}

static void test_constraints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *list = json_pack("[o]", json_loads(cases[i].constraint, 0, NULL));
		struct paper_place paper;
		struct place candidate = make_place(cases[i].candidate, &paper);
		struct constraint *constraints;
		struct survey *survey;
		unsigned n;

		assert_non_null(list);
		assert_int_equal(constraints_compile(list, &constraints, &n), 0);
		survey = make_survey(constraints, n, cases[i].placed, cases[i].known,
				     cases[i].instances);
		if (constraints_allow(constraints, n, &candidate, survey) != cases[i].is_allowed)
			fail_msg("%s with '%s' at '%s' is judged wrongly", cases[i].constraint,
				 cases[i].placed, cases[i].candidate);
		survey_free(survey);
		constraints_free(constraints, n);
		json_decref(list);
	}
}

/* Each would cost too much, or mean something else than its author thinks. */
static const char *const bad_expressions[] = {
	"((a{1,255}){1,255}){1,255}", "a{100000}", "(a)\\1", "(?=a)a", "a*+", "\\p{L}", "\\ba", "[",
	"(", "a\\", "", "[a-c&&[^b]]", "[a[bc]]",
};

static void test_bad_expressions_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_expressions); i++) {
		struct problems problems = { 0 };
		json_t *constraint = json_pack("[s, s, s]", "rack", "LIKE", bad_expressions[i]);

		constraint_validate(constraint, "/constraints(0)", &problems);
		if (!problems_any(&problems))
			fail_msg("'%s' is taken", bad_expressions[i]);
		problems_done(&problems);
		json_decref(constraint);
	}
}

/* One agent with an attribute of each type, in a fault domain. */
static const struct {
	const char *constraint;
	bool is_allowed;
} fields[] = {
	{ "[\"@region\",\"IS\",\"north\"]", true },
	{ "[\"@region\",\"IS\",\"south\"]", false },
	{ "[\"@zone\",\"LIKE\",\"n[0-9]\"]", true },
	{ "[\"@zone\",\"CLUSTER\",\"n2\"]", false },
	{ "[\"@hostname\",\"IS\",\"h\"]", true },
	{ "[\"size\",\"IS\",\"2.5\"]", true },
	{ "[\"size\",\"IS\",\"2.500\"]", true },
	{ "[\"size\",\"IS\",\"2.5004\"]", true },
	{ "[\"size\",\"IS\",\"2.501\"]", false },
	{ "[\"size\",\"LIKE\",\"2\\\\.5\"]", true },
	{ "[\"lanes\",\"IS\",\"[1-3,7-9]\"]", true },
	{ "[\"lanes\",\"IS\",\"[7-9,1-3]\"]", false },
	{ "[\"disks\",\"IS\",\"{hdd,ssd}\"]", true },
	{ "[\"disks\",\"LIKE\",\".*ssd.*\"]", true },
	{ "[\"nothing\",\"UNIQUE\"]", false },
	{ "[\"nothing\",\"UNLIKE\",\".*\"]", true },
};

static void test_fields_are_compared_as_text(void **state)
{
	static const char json[] =
		"{\"hostname\":\"h\",\"domain\":{\"fault_domain\":{\"region\":{\"name\":\"north\"},"
		"\"zone\":{\"name\":\"n1\"}}},\"attributes\":["
		"{\"name\":\"size\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2.5}},"
		"{\"name\":\"lanes\",\"type\":\"RANGES\",\"ranges\":{\"range\":["
		"{\"begin\":7,\"end\":9},{\"begin\":1,\"end\":3}]}},"
		"{\"name\":\"disks\",\"type\":\"SET\",\"set\":{\"item\":[\"ssd\",\"hdd\"]}}]}";
	json_t *document = json_loads(json, 0, NULL);
	ProtobufCMessage *message = NULL;
	const Mesos__V1__AgentInfo *agent;
	struct place place;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(pb_from_json(&mesos__v1__agent_info__descriptor, document, &message, &e), 0);
	agent = (const Mesos__V1__AgentInfo *)message;
	place = (struct place){ .hostname = agent->hostname, .domain = agent->domain,
				.attributes = agent->attributes,
				.n_attributes = agent->n_attributes };
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		json_t *list = json_pack("[o]", json_loads(fields[i].constraint, 0, NULL));
		struct constraint *constraints;
		struct survey *survey;
		unsigned n;

		assert_int_equal(constraints_compile(list, &constraints, &n), 0);
		survey = make_survey(constraints, n, "", "", 1);
		if (constraints_allow(constraints, n, &place, survey) != fields[i].is_allowed)
			fail_msg("%s is judged wrongly", fields[i].constraint);
		survey_free(survey);
		constraints_free(constraints, n);
		json_decref(list);
	}
	protobuf_c_message_free_unpacked(message, NULL);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constraints),
		cmocka_unit_test(test_bad_expressions_are_refused),
		cmocka_unit_test(test_fields_are_compared_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
