/* Offer constraints: which agents they admit, and what is refused in the words of Mesos. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "master_stub/offer_constraints.h"

static const char AGENT[] =
	"{\"hostname\":\"node1.test\",\"attributes\":["
	"{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{\"value\":\"r1\"}},"
	"{\"name\":\"level\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10}}],"
	"\"domain\":{\"fault_domain\":{\"region\":{\"name\":\"eu\"},\"zone\":{\"name\":\"eu-1\"}}}}";

static ProtobufCMessage *read_message(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
	ProtobufCMessage *message;
	json_t *json;
	struct err e = { 0 };

	if (json_in_parse(text, strlen(text), &json, &e) < 0 ||
	    pb_from_json(descriptor, json, &message, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	json_decref(json);
	return message;
}

static int constraints_of(const char *groups, struct offer_constraints **ret, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	char text[4096];

	snprintf(text, sizeof(text), "{\"role_constraints\":{\"a\":{\"groups\":%s}}}", groups);
	message = read_message(&mesos__v1__scheduler__offer_constraints__descriptor, text);
	return offer_constraints_new((const void *)message, ret, e);
}

#define RACK "\"selector\":{\"attribute_name\":\"rack\"}"
#define NOSUCH "\"selector\":{\"attribute_name\":\"nosuch\"}"
#define LEVEL "\"selector\":{\"attribute_name\":\"level\"}"
#define PSEUDO(type) "\"selector\":{\"pseudoattribute_type\":\"" type "\"}"
#define ONE(selector, predicate) "[{\"attribute_constraints\":[{" selector ",\"predicate\":{" predicate "}}]}]"

static void test_predicates(void **state)
{
	static const struct { const char *groups; bool is_admitted; } rows[] = {
		{ ONE(RACK, "\"exists\":{}"), true }, { ONE(NOSUCH, "\"exists\":{}"), false },
		{ ONE(RACK, "\"not_exists\":{}"), false }, { ONE(NOSUCH, "\"not_exists\":{}"), true },
		{ ONE(RACK, "\"text_equals\":{\"value\":\"r1\"}"), true },
		{ ONE(RACK, "\"text_equals\":{\"value\":\"r2\"}"), false },
		{ ONE(NOSUCH, "\"text_equals\":{\"value\":\"r1\"}"), false },
		{ ONE(RACK, "\"text_not_equals\":{\"value\":\"r1\"}"), false },
		{ ONE(RACK, "\"text_not_equals\":{\"value\":\"r2\"}"), true },
		{ ONE(NOSUCH, "\"text_not_equals\":{\"value\":\"r1\"}"), true },
		{ ONE(RACK, "\"text_matches\":{\"regex\":\"r[0-9]\"}"), true },
		{ ONE(RACK, "\"text_matches\":{\"regex\":\"r\"}"), false },
		{ ONE(NOSUCH, "\"text_matches\":{\"regex\":\".*\"}"), false },
		{ ONE(RACK, "\"text_not_matches\":{\"regex\":\"r[0-9]\"}"), false },
		{ ONE(RACK, "\"text_not_matches\":{\"regex\":\"r\"}"), true },
		{ ONE(NOSUCH, "\"text_not_matches\":{\"regex\":\".*\"}"), true },
		/* What is no text passes all that is said of texts. */
		{ ONE(LEVEL, "\"exists\":{}"), true }, { ONE(LEVEL, "\"not_exists\":{}"), false },
		{ ONE(LEVEL, "\"text_equals\":{\"value\":\"x\"}"), true },
		{ ONE(LEVEL, "\"text_not_equals\":{\"value\":\"10\"}"), true },
		{ ONE(LEVEL, "\"text_matches\":{\"regex\":\"x\"}"), true },
		{ ONE(LEVEL, "\"text_not_matches\":{\"regex\":\".*\"}"), true },
		{ ONE(PSEUDO("HOSTNAME"), "\"text_equals\":{\"value\":\"node1.test\"}"), true },
		{ ONE(PSEUDO("REGION"), "\"text_equals\":{\"value\":\"eu\"}"), true },
		{ ONE(PSEUDO("ZONE"), "\"text_matches\":{\"regex\":\"eu-(1|2)\"}"), true },
		{ ONE(PSEUDO("ZONE"), "\"not_exists\":{}"), false },
	};
	AUTO(pb_freep) ProtobufCMessage *agent =
		read_message(&mesos__v1__agent_info__descriptor, AGENT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct offer_constraints *constraints;
		struct err e = { 0 };

		if (constraints_of(rows[i].groups, &constraints, &e) < 0)
			fail_msg("%s: %s", rows[i].groups, e.msg);
		if (offer_constraints_admit(constraints, "a", (void *)agent) != rows[i].is_admitted)
			fail_msg("%s", rows[i].groups);
		assert_true(offer_constraints_admit(constraints, "b", (void *)agent));
		offer_constraints_free(constraints);
	}
	assert_true(offer_constraints_admit(NULL, "a", (void *)agent));
}

static void test_an_agent_without_a_domain_is_in_no_zone(void **state)
{
	AUTO(pb_freep) ProtobufCMessage *agent =
		read_message(&mesos__v1__agent_info__descriptor, "{\"hostname\":\"h\"}");
	struct offer_constraints *constraints;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(constraints_of(ONE(PSEUDO("ZONE"), "\"not_exists\":{}"), &constraints, &e), 0);
	assert_true(offer_constraints_admit(constraints, "a", (void *)agent));
	offer_constraints_free(constraints);
}

/* Any group, all of its constraints; every group's regexes are its own. */
static void test_groups(void **state)
{
	static const char no[] = "{" RACK ",\"predicate\":{\"text_matches\":{\"regex\":\"x\"}}}";
	static const char yes[] = "{" RACK ",\"predicate\":{\"text_matches\":{\"regex\":\"r.\"}}}";
	static const struct { const char *a, *b, *c; bool is_admitted; } rows[] = {
		{ no, yes, yes, true }, { yes, no, yes, true }, { yes, yes, no, true },
		{ yes, no, no, false }, { no, yes, no, false }, { no, no, yes, true },
	};
	AUTO(pb_freep) ProtobufCMessage *agent =
		read_message(&mesos__v1__agent_info__descriptor, AGENT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct offer_constraints *constraints;
		struct err e = { 0 };
		char groups[1024];

		snprintf(groups, sizeof(groups), "[{\"attribute_constraints\":[%s,%s]},"
			 "{\"attribute_constraints\":[%s]}]", rows[i].a, rows[i].b, rows[i].c);
		assert_int_equal(constraints_of(groups, &constraints, &e), 0);
		assert_int_equal(offer_constraints_admit(constraints, "a", (void *)agent),
				 rows[i].is_admitted);
		offer_constraints_free(constraints);
	}
}

static void test_refusals(void **state)
{
	static const struct { const char *groups, *message; } rows[] = {
		{ "[]", "Offer constraints are not valid: 'OfferConstraints::role_constraints' has an"
		  " empty 'RoleConstraints::groups' for role a" },
		{ "[{}]", "Offer constraints are not valid: 'OfferConstraints::RoleConstraints::groups'"
		  " for role a contains an empty RoleConstraints::Group" },
		{ ONE(RACK, ""), "Offer constraints are not valid: A role a has an invalid"
		  " 'AttributeConstraint': Unknown predicate type" },
		{ ONE(PSEUDO("UNKNOWN"), "\"exists\":{}"), "Offer constraints are not valid: A role a"
		  " has an invalid 'AttributeConstraint': Unknown pseudoattribute type" },
		{ ONE("\"selector\":{}", "\"exists\":{}"), "Offer constraints are not valid: A role a"
		  " has an invalid 'AttributeConstraint': Exactly one of"
		  " 'AttributeConstraint::Selector::name' or"
		  " 'AttributeConstraint::Selector::pseudoattribute_type' must be set" },
		{ ONE(RACK, "\"text_matches\":{\"regex\":\"(\"}"), "Offer constraints are not valid: A"
		  " role a has an invalid 'AttributeConstraint': regex '(' has a group without end"
		  " at byte 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct offer_constraints *constraints = NULL;
		struct err e = { 0 };

		assert_int_equal(constraints_of(rows[i].groups, &constraints, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].message);
		assert_null(constraints);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_predicates),
		cmocka_unit_test(test_an_agent_without_a_domain_is_in_no_zone),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
