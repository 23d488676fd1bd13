/* Quotas and weights in the whole core: what is refused, what is offered, what a restart keeps. */
#include "tests/unit/master_harness.h"

#define ROLE_FRAMEWORK(role) \
	"{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"" role "\"]," \
	"\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}"

static int update(struct cluster *cluster, const char *configs, bool force, struct err *e)
{
	Mesos__V1__Quota__QuotaStatus *status = (Mesos__V1__Quota__QuotaStatus *)
		message(&mesos__v1__quota__quota_status__descriptor, "{\"configs\":[%s]}", configs);
	int r = master_update_quota(cluster->master, status->configs, status->n_configs, force, e);

	protobuf_c_message_free_unpacked(&status->base, NULL);
	cluster_turn(cluster);
	return r;
}

static void must_update(struct cluster *cluster, const char *configs)
{
	struct err e = { 0 };

	if (update(cluster, configs, true, &e) < 0)
		fail_msg("%s", e.msg);
}

static int update_weight(struct cluster *cluster, char *role, double weight, struct err *e)
{
	Mesos__V1__WeightInfo info = MESOS__V1__WEIGHT_INFO__INIT, *infos[] = { &info };
	int r;

	info.role = role;
	info.weight = weight;
	r = master_update_weights(cluster->master, infos, 1, e);
	cluster_turn(cluster);
	return r;
}

static void assert_json(json_t *json, const char *expected)
{
	char *text = json_dumps(json, PB_JSON_DUMP | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

#define CPUS(value) "{\"cpus\":{\"value\":" value "}}"

static void test_a_quota_that_is_wrong_changes_nothing(void **state)
{
	static const struct { const char *configs, *words; } rows[] = {
		{ "{\"role\":\"a/b\",\"limits\":" CPUS("1") "}",
		  "Updating quota on nested role 'a/b' is not supported yet" },
		{ "{\"role\":\"..\",\"limits\":" CPUS("1") "}", "Invalid 'QuotaConfig.role'" },
		{ "{\"role\":\"a\",\"limits\":{\"tea\":{\"value\":1}}}",
		  "'tea' is not a resource that this master knows" },
		{ "{\"role\":\"a\",\"limits\":" CPUS("-1") "}",
		  "Invalid limit configuration {'cpus': -1}: Negative values not supported" },
		{ "{\"role\":\"a\",\"guarantees\":" CPUS("1e300") "}",
		  "values greater than 1 trillion (1000000000000) are not supported" },
		{ "{\"role\":\"a\",\"limits\":{\"mem\":{\"value\":2e12}}}",
		  "values greater than 1 exabyte (1099511627776) are not supported" },
		{ "{\"role\":\"a\",\"guarantees\":" CPUS("2") ",\"limits\":" CPUS("1") "}",
		  "'QuotaConfig.guarantees' {cpus:2} is not contained within the"
		  " 'QuotaConfig.limits' {cpus:1}" },
		{ "{\"role\":\"a\",\"guarantees\":" CPUS("3") "},"
		  "{\"role\":\"b\",\"guarantees\":" CPUS("2") "}",
		  "total quota guarantees 'cpus:5' exceed cluster capacity 'cpus:4; mem:1024' (use"
		  " 'force' flag to bypass this check)" },
		/* The first of them is right. */
		{ "{\"role\":\"a\",\"limits\":" CPUS("1") "},{\"role\":\"b\",\"limits\":" CPUS("-1")
		  "}", "Negative values" },
	};
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(update(cluster, rows[i].configs, false, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].words))
			fail_msg("'%s' is not in '%s'", rows[i].words, e.msg);
		assert_json(master_quota_json(cluster->master), "{\"configs\":[],\"infos\":[]}");
	}
	agent_forget(&agent);
	cluster_free(cluster);
}

#define A_JSON \
	"{\"configs\":[{\"guarantees\":{\"cpus\":{\"value\":1.0}}," \
	"\"limits\":{\"cpus\":{\"value\":2.0}},\"role\":\"a\"}],\"infos\":[{\"guarantee\":" \
	"[{\"name\":\"cpus\",\"role\":\"*\",\"scalar\":{\"value\":1.0},\"type\":\"SCALAR\"}]," \
	"\"role\":\"a\"}]}"

static void test_an_offer_is_cut_to_the_limit_also_after_a_restart(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	const Mesos__V1__Offer *offer;

	(void)state;
	must_update(cluster,
		    "{\"role\":\"a\",\"guarantees\":" CPUS("1") ",\"limits\":" CPUS("2") "}");
	cluster_restart(cluster);
	assert_json(master_quota_json(cluster->master), A_JSON);
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, ROLE_FRAMEWORK("a/below"));
	offer = framework_offer(&framework);
	assert_non_null(offer);
	assert_float_equal(scalar_of(offer->resources, offer->n_resources, "cpus"), 2, 0);
	assert_float_equal(scalar_of(offer->resources, offer->n_resources, "mem"), 1024, 0);
	/* Without guarantee and limit there is no quota any more. */
	must_update(cluster, "{\"role\":\"a\"}");
	cluster_restart(cluster);
	assert_json(master_quota_json(cluster->master), "{\"configs\":[],\"infos\":[]}");
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

/* What is offered beyond a new limit, or would be needed for a new guarantee, is taken back. */
static void test_offers_make_room_for_a_new_quota(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 }, other = { 0 };
	const Mesos__V1__Offer *offer;

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, ROLE_FRAMEWORK("a"));
	must_update(cluster, "{\"role\":\"a\",\"limits\":" CPUS("3") "}");
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND),
			 1);
	offer = framework_offer(&framework);
	assert_float_equal(scalar_of(offer->resources, offer->n_resources, "cpus"), 3, 0);
	framework_subscribe(cluster, &other, ROLE_FRAMEWORK("b"));
	must_update(cluster, "{\"role\":\"b\",\"guarantees\":" CPUS("2") "}");
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND),
			 2);
	offer = framework_offer(&other);
	assert_non_null(offer);
	assert_true(scalar_of(offer->resources, offer->n_resources, "cpus") >= 2);
	framework_forget(&framework);
	framework_forget(&other);
	agent_forget(&agent);
	cluster_free(cluster);
}

static size_t rescinds(const struct fake_framework *framework)
{
	return framework_count(framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND);
}

/* Another role may lack what nobody can give it. */
static void test_offers_are_rescinded_only_for_a_role_that_lacks_its_guarantee(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	must_update(cluster, "{\"role\":\"poor\",\"guarantees\":{\"gpus\":{\"value\":8}}}");
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, ROLE_FRAMEWORK("a"));
	assert_non_null(framework_offer(&framework));
	must_update(cluster, "{\"role\":\"b\",\"limits\":" CPUS("2") "}");
	must_update(cluster, "{\"role\":\"a\",\"guarantees\":" CPUS("1") "}");
	/* What lacks is not of what is offered. */
	must_update(cluster, "{\"role\":\"poor\",\"guarantees\":{\"gpus\":{\"value\":9}}}");
	assert_int_equal(rescinds(&framework), 0);
	/* All that is offered to it it may have anyway. */
	must_update(cluster, "{\"role\":\"a\",\"guarantees\":" CPUS("4") "}");
	must_update(cluster, "{\"role\":\"c\",\"guarantees\":" CPUS("1") "}");
	assert_int_equal(rescinds(&framework), 0);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

/* From FIRST on: "r0", "r1"..., each with the most that there may be. */
static int update_many(struct cluster *cluster, size_t first, size_t n, struct err *e)
{
	Mesos__V1__Quota__QuotaConfig__GuaranteesEntry entry =
		MESOS__V1__QUOTA__QUOTA_CONFIG__GUARANTEES_ENTRY__INIT, *entries[] = { &entry };
	Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
	Mesos__V1__Quota__QuotaConfig *configs = calloc(n, sizeof(*configs)),
				      **list = calloc(n, sizeof(*list));
	char (*names)[16] = calloc(n, sizeof(*names));
	int r;

	entry.key = (char *)(uintptr_t)"mem";
	entry.value = &scalar;
	scalar.value = 1024.0 * 1024 * 1024 * 1024;
	for (size_t i = 0; i < n; i++) {
		mesos__v1__quota__quota_config__init(&configs[i]);
		(void)snprintf(names[i], sizeof(names[i]), "r%zu", first + i);
		configs[i].role = names[i];
		configs[i].guarantees = entries;
		configs[i].n_guarantees = 1;
		list[i] = &configs[i];
	}
	r = master_update_quota(cluster->master, list, n, true, e);
	free(names);
	free(list);
	free(configs);
	return r;
}

static void test_the_number_of_quotas_is_bounded(void **state)
{
	enum { AT_ONCE = 1000, IN_ALL = 8000 };
	struct cluster *cluster = cluster_new();
	struct err e = { 0 }, full = { 0 };

	(void)state;
	assert_int_equal(update_many(cluster, 0, AT_ONCE + 1, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "1001 quotas are set at once, at most 1000 can be"));
	for (size_t n = 0; n < IN_ALL; n += AT_ONCE) {
		e = (struct err){ 0 };
		assert_int_equal(update_many(cluster, n, AT_ONCE, &e), 0);
	}
	assert_int_equal(update_many(cluster, IN_ALL, 1, &full), -EINVAL);
	assert_non_null(strstr(full.msg, "more than 8000 roles would have a quota"));
	/* What is there is changed all the same. */
	assert_int_equal(update_many(cluster, 0, AT_ONCE, &e), 0);
	cluster_free(cluster);
}

static void test_the_number_of_weights_in_a_call_is_bounded(void **state)
{
	enum { AT_ONCE = 1000 };
	struct cluster *cluster = cluster_new();
	Mesos__V1__WeightInfo info = MESOS__V1__WEIGHT_INFO__INIT, *infos[AT_ONCE + 1];
	char role[] = "a";
	struct err e = { 0 };

	(void)state;
	info.role = role;
	info.weight = 2;
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
		infos[i] = &info;
	assert_int_equal(master_update_weights(cluster->master, infos, AT_ONCE + 1, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "1001 weights are set at once, at most 1000 can be"));
	e = (struct err){ 0 };
	assert_int_equal(master_update_weights(cluster->master, infos, AT_ONCE, &e), 0);
	cluster_free(cluster);
}

static int set_old(struct cluster *cluster, const char *request, struct err *e)
{
	ProtobufCMessage *m = message(&mesos__v1__quota__quota_request__descriptor, "%s", request);
	int r = master_set_quota(cluster->master, (const Mesos__V1__Quota__QuotaRequest *)m, e);

	protobuf_c_message_free_unpacked(m, NULL);
	return r;
}

#define GUARANTEE(more) \
	"\"guarantee\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2}" more "}]"

static void test_the_older_form_guarantees_and_limits_the_same(void **state)
{
	static const struct { const char *request, *words; int r; } rows[] = {
		{ "{" GUARANTEE("") "}", "QuotaInfo must specify a role", -EINVAL },
		{ "{\"role\":\"a\"}", "QuotaInfo with empty 'guarantee'", -EINVAL },
		{ "{\"role\":\"a/b\"," GUARANTEE("") "}", "nested role 'a/b'", -EINVAL },
		{ "{\"role\":\"a\"," GUARANTEE(",\"disk\":{}") "}", "DiskInfo", -EINVAL },
		{ "{\"role\":\"a\"," GUARANTEE(",\"revocable\":{}") "}", "RevocableInfo", -EINVAL },
		{ "{\"role\":\"a\"," GUARANTEE("") "}", "Quota guarantees overcommit the cluster"
		  " (use 'force' to bypass this check)", -EEXIST },
		{ "{\"role\":\"a\",\"force\":true," GUARANTEE("") "}", "", 0 },
		{ "{\"role\":\"a\",\"force\":true," GUARANTEE("") "}",
		  "Cannot set quota for role 'a' which already has quota", -EINVAL },
	};
	struct cluster *cluster = cluster_new();
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err why = { 0 };

		assert_int_equal(set_old(cluster, rows[i].request, &why), rows[i].r);
		if (!strstr(why.msg, rows[i].words))
			fail_msg("'%s' is not in '%s'", rows[i].words, why.msg);
	}
	assert_json(master_quota_json(cluster->master),
		    "{\"configs\":[{\"guarantees\":{\"cpus\":{\"value\":2.0}},"
		    "\"limits\":{\"cpus\":{\"value\":2.0}},\"role\":\"a\"}],\"infos\":[{"
		    "\"guarantee\":[{\"name\":\"cpus\",\"role\":\"*\",\"scalar\":{\"value\":2.0},"
		    "\"type\":\"SCALAR\"}],\"role\":\"a\"}]}");
	assert_int_equal(master_remove_quota(cluster->master, "a", &e), 0);
	assert_int_equal(master_remove_quota(cluster->master, "a", &e), -EINVAL);
	assert_string_equal(e.msg, "Failed to remove quota: Role 'a' has no quota set");
	cluster_free(cluster);
}

static void test_weights_are_kept_and_offers_made_by_them(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(update_weight(cluster, (char[]){ "a" }, 0, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "Weights must be positive"));
	err_clear(&e);
	assert_int_equal(update_weight(cluster, (char[]){ "a//b" }, 1, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "Invalid role 'a//b'"));
	err_clear(&e);
	assert_int_equal(update_weight(cluster, (char[]){ "a/b" }, 2.5, &e), 0);
	cluster_restart(cluster);
	assert_json(master_weights_json(cluster->master), "[{\"role\":\"a/b\",\"weight\":2.5}]");
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, ROLE_FRAMEWORK("a/b"));
	assert_int_equal(update_weight(cluster, (char[]){ "nobodys" }, 2, &e), 0);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND),
			 0);
	assert_int_equal(update_weight(cluster, (char[]){ "a/b" }, 1, &e), 0);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND),
			 1);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

static void test_shares_and_quotas_are_metrics(void **state)
{
	static const char of[] = "allocator/mesos/quota/roles/a/resources/cpus";
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	must_update(cluster,
		    "{\"role\":\"a\",\"guarantees\":" CPUS("1") ",\"limits\":" CPUS("2") "}");
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, ROLE_FRAMEWORK("a"));
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/resources/cpus/total"), 4, 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/resources/cpus/"
					  "offered_or_allocated"), 2, 0);
	/* All of the memory was offered with half of the cpus. */
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/roles/a/shares/dominant"), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/guarantee", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/limit", of), 2, 0);
	assert_float_equal(cluster_metric(cluster, "%s/offered_or_allocated", of), 2, 0);
	/* An offer is not used. */
	assert_float_equal(cluster_metric(cluster, "master/cpus_used"), 0, 0);
	framework_launch(&framework, "t", 1.5, 64, 31000);
	assert_float_equal(cluster_metric(cluster, "master/cpus_used"), 1.5, 0);
	assert_float_equal(cluster_metric(cluster, "master/tasks_staging"), 1, 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/offer_filters/roles/a/active"), 1, 0);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quota_that_is_wrong_changes_nothing),
		cmocka_unit_test(test_an_offer_is_cut_to_the_limit_also_after_a_restart),
		cmocka_unit_test(test_offers_make_room_for_a_new_quota),
		cmocka_unit_test(
			test_offers_are_rescinded_only_for_a_role_that_lacks_its_guarantee),
		cmocka_unit_test(test_the_number_of_quotas_is_bounded),
		cmocka_unit_test(test_the_number_of_weights_in_a_call_is_bounded),
		cmocka_unit_test(test_the_older_form_guarantees_and_limits_the_same),
		cmocka_unit_test(test_weights_are_kept_and_offers_made_by_them),
		cmocka_unit_test(test_shares_and_quotas_are_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
