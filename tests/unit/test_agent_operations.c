/* Operations on the agent: in the store with what they change, until they are acknowledged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/agent.h"
#include "agent/dynamic_reservations.h"
#include "agent/operations.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/store.h"

#define RESERVE(cpus) "\"type\":\"RESERVE\",\"reserve\":{\"resources\":[{\"name\":\"cpus\"," \
	"\"type\":\"SCALAR\",\"scalar\":{\"value\":" cpus "},\"reservations\":[{\"type\":\"DYNAMIC\"," \
	"\"role\":\"db\"}]}]}"
#define ASKED ",\"framework\":{\"user\":\"u\",\"name\":\"f\",\"id\":{\"value\":\"F\"}}," \
	"\"uuid\":{\"value\":\"QUFBQUFBQUFBQUFBQUFBQQ==\"}"
#define WITH_ID(id, operation) "{\"operation\":{\"id\":{\"value\":\"" id "\"}," operation "}" ASKED "}"

static ProtobufCMessage *read_message(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	ProtobufCMessage *message;
	struct err e = { 0 };

	assert_non_null(json);
	assert_int_equal(pb_from_json(descriptor, json, &message, &e), 0);
	json_decref(json);
	return message;
}

static void start_agent(struct agent *a, struct store *store)
{
	struct err e = { 0 };

	*a = (struct agent){ .store = store };
	TAILQ_INIT(&a->todo);
	strcpy(a->node.hostname, "n1");
	a->node.total.scalar[RESOURCE_CPUS] = 2000;
	rng_seed(&a->rng, 1);
	assert_int_equal(dynamic_reservations_load(a, &e), 0);
	assert_int_equal(operations_load(a, &e), 0);
	a->self = (Tepui__AgentRecord *)read_message(&tepui__agent_record__descriptor,
						     "{\"agent_id\":{\"value\":\"S\"}}");
	assert_int_equal(agent_describe(a, agent_id(a), &e), 0);
}

static void end_agent(struct agent *a)
{
	operations_free(a);
	assert_int_equal(a->descriptions, 0);
	assert_true(TAILQ_EMPTY(&a->todo));
	mesos__v1__agent_info__free_unpacked(a->info, NULL);
	tepui__agent_record__free_unpacked(a->self, NULL);
	resources_done(&a->node.total);
}

static int apply(struct agent *a, const char *text)
{
	Tepui__AgentEvent__Apply *message = (Tepui__AgentEvent__Apply *)read_message(
		&tepui__agent_event__apply__descriptor, text);
	struct err e = { 0 };
	int r = operations_apply(a, message, &e);

	pb_free(&message->base);
	return r;
}

static void acknowledge(struct agent *a, const char *id, const ProtobufCBinaryData *uuid)
{
	Tepui__AgentEvent__AcknowledgeOperation ack = TEPUI__AGENT_EVENT__ACKNOWLEDGE_OPERATION__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__OperationID operation = MESOS__V1__OPERATION_ID__INIT;

	framework.value = (char *)(uintptr_t)"F";
	operation.value = (char *)(uintptr_t)id;
	ack.framework_id = &framework;
	ack.operation_id = &operation;
	ack.uuid = *uuid;
	operations_acknowledge(a, &ack);
}

static const Mesos__V1__OperationStatus *status_of(const struct agent *a, const char *key)
{
	struct operation *operation = NULL;

	HASH_FIND_STR(a->operations, key, operation);
	return operation ? operation->record->operation->latest_status : NULL;
}

/* CPUs of role db. */
static double reserved(const struct agent *a)
{
	json_t *json = resources_reserved_to_json(&a->node.total);
	double value = json_number_value(json_object_get(json_object_get(json, "db"), "cpus"));

	json_decref(json);
	return value;
}

static struct store *open_store(void)
{
	struct store *store;
	struct err e = { 0 };

	assert_int_equal(store_open_memory(&store, &e), 0);
	return store;
}

static void test_kept_with_its_effect_until_acknowledged(void **state)
{
	struct store *store = open_store();
	const Mesos__V1__OperationStatus *status;
	ProtobufCBinaryData other = { 16, (uint8_t *)(uintptr_t)"0123456789abcdef" };
	struct err e = { 0 };
	struct agent a;

	(void)state;
	start_agent(&a, store);
	assert_int_equal(apply(&a, WITH_ID("o", RESERVE("1"))), 0);
	end_agent(&a);
	/* Killed before the commit: neither. */
	store_close(store);
	store = open_store();
	start_agent(&a, store);
	assert_null(a.operations);
	assert_int_equal(apply(&a, WITH_ID("o", RESERVE("1"))), 0);
	assert_int_equal(store_commit(store, &e), 0);
	end_agent(&a);
	start_agent(&a, store);
	assert_true(reserved(&a) == 1);
	status = status_of(&a, "F/o");
	assert_int_equal(status->state, MESOS__V1__OPERATION_STATE__OPERATION_FINISHED);
	assert_string_equal(status->agent_id->value, "S");
	assert_int_equal(status->n_converted_resources, 1);
	assert_int_equal(a.operations->record->operation->uuid->value.data[0], 'A');
	acknowledge(&a, "o", &other);
	acknowledge(&a, "p", &status->uuid->value);
	assert_non_null(a.operations);
	acknowledge(&a, "o", &status->uuid->value);
	assert_null(a.operations);
	assert_int_equal(store_commit(store, &e), 0);
	end_agent(&a);
	start_agent(&a, store);
	assert_null(a.operations);
	assert_true(reserved(&a) == 1);
	end_agent(&a);
	store_close(store);
}

static void test_what_cannot_be_done_has_failed(void **state)
{
	struct store *store = open_store();
	const Mesos__V1__OperationStatus *status;
	struct agent a;

	(void)state;
	start_agent(&a, store);
	/* The stream ends with it, and the next subscription tells what there is. */
	assert_int_equal(apply(&a, WITH_ID("o", RESERVE("3"))), -ENOSPC);
	status = status_of(&a, "F/o");
	assert_int_equal(status->state, MESOS__V1__OPERATION_STATE__OPERATION_FAILED);
	assert_non_null(strstr(status->message, "the node has not so much that is free"));
	assert_int_equal(status->n_converted_resources, 0);
	assert_true(reserved(&a) == 0);
	end_agent(&a);
	store_close(store);
}

static void test_an_id_that_waits_is_not_applied_again(void **state)
{
	struct store *store = open_store();
	struct agent a;

	(void)state;
	start_agent(&a, store);
	assert_int_equal(apply(&a, WITH_ID("o", RESERVE("1"))), 0);
	assert_int_equal(apply(&a, WITH_ID("o", RESERVE("1"))), -EEXIST);
	assert_true(reserved(&a) == 1);
	assert_int_equal(apply(&a, "{\"operation\":{" RESERVE("1") "}}"), 0);
	assert_true(reserved(&a) == 2);
	assert_int_equal(HASH_COUNT(a.operations), 1);
	operations_forget(&a);
	assert_null(a.operations);
	end_agent(&a);
	store_close(store);
}

static void test_a_record_that_cannot_be_read_is_left_out(void **state)
{
	struct store *store = open_store();
	struct agent a;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_put(store, "operation", "F/x", "\xff", 1, &e), 0);
	assert_int_equal(store_commit(store, &e), 0);
	start_agent(&a, store);
	assert_null(a.operations);
	assert_int_equal(a.counters.recovery_errors, 1);
	end_agent(&a);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_with_its_effect_until_acknowledged),
		cmocka_unit_test(test_what_cannot_be_done_has_failed),
		cmocka_unit_test(test_an_id_that_waits_is_not_applied_again),
		cmocka_unit_test(test_a_record_that_cannot_be_read_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
