/* Roles that an operator names when the master starts, and weights: what is refused, and what is kept. */
#include "tests/unit/master_harness.h"

#include <errno.h>

#include "master_stub/role_list.h"

#define IN_ROLES(roles) \
	"{\"user\":\"u\",\"name\":\"n\",\"roles\":[" roles "]," \
	"\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}"

static void test_lists(void **state)
{
	static const struct { const char *list, *role; bool is_in; } rows[] = {
		{ NULL, "a", true }, { "", "a", true }, { "a", "a", true }, { "b,a", "a", true },
		{ "a,b", "a", true }, { "ab", "a", false }, { "a", "ab", false }, { "b,,a", "a", true },
		{ "a/b", "a", false }, { "a", "a/b", false }, { "b", "*", true }, { "b", "", false },
	};
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (role_list_has(rows[i].list, rows[i].role) != rows[i].is_in)
			fail_msg("row %zu", i);
	}
	assert_int_equal(role_list_check("a,*,b/c,", &e), 0);
	assert_int_equal(role_list_check("a,b c", &e), -EINVAL);
	assert_string_equal(e.msg, "read roles 'a,b c': 'b c' is none");
}

static struct cluster *cluster_of(const char *roles, const char *weights)
{
	struct cluster *cluster = cluster_new();

	cluster->options.roles = roles;
	cluster->options.weights = weights;
	cluster_restart(cluster);
	return cluster;
}

static void test_frameworks_in_other_roles_are_refused(void **state)
{
	static const struct { const char *info, *refusal; } rows[] = {
		{ IN_ROLES("\"eng\""), NULL },
		{ IN_ROLES("\"eng\",\"*\""), NULL },
		{ "{\"user\":\"u\",\"name\":\"n\"}", NULL },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"eng\"}", NULL },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"dev\"}",
		  "Roles { dev } are not present in the master's --roles" },
		{ IN_ROLES("\"eng\",\"dev\",\"ops/db\",\"ops\""),
		  "Roles { dev, ops } are not present in the master's --roles" },
	};
	struct cluster *cluster = cluster_of("eng,ops/db", NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_framework framework = { 0 };
		struct err e = { 0 };
		int r = framework_try_subscribe(cluster, &framework, rows[i].info, &e);

		assert_int_equal(r, rows[i].refusal ? -EINVAL : 0);
		if (rows[i].refusal)
			assert_string_equal(e.msg, rows[i].refusal);
		framework_forget(&framework);
	}
	cluster_free(cluster);
}

static int weigh(struct cluster *cluster, char *role, double weight, struct err *e)
{
	Mesos__V1__WeightInfo info = MESOS__V1__WEIGHT_INFO__INIT, *infos[] = { &info };

	info.role = role;
	info.weight = weight;
	return master_update_weights(cluster->master, infos, 1, e);
}

static void test_other_roles_have_neither_quota_nor_weight(void **state)
{
	Mesos__V1__Quota__QuotaConfig config = MESOS__V1__QUOTA__QUOTA_CONFIG__INIT,
		*configs[] = { &config };
	struct cluster *cluster = cluster_of("eng", NULL);
	char eng[] = "eng", dev[] = "dev";
	struct err e = { 0 };

	(void)state;
	assert_int_equal(weigh(cluster, eng, 2, &e), 0);
	assert_int_equal(weigh(cluster, dev, 2, &e), -EINVAL);
	assert_string_equal(e.msg, "Failed to validate update weights request JSON: Unknown role"
			    " 'dev'");
	err_clear(&e);
	config.role = eng;
	assert_int_equal(master_update_quota(cluster->master, configs, 1, true, &e), 0);
	config.role = dev;
	assert_int_equal(master_update_quota(cluster->master, configs, 1, true, &e), -EINVAL);
	assert_string_equal(e.msg, "Invalid QuotaConfig: 'dev' is not on the roles whitelist");
	cluster_free(cluster);
}

static void expect_weights(struct cluster *cluster, const char *expected)
{
	json_t *json = master_weights_json(cluster->master);
	char *text = json_dumps(json, PB_JSON_DUMP | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void test_weights_hold_until_others_are_kept(void **state)
{
	struct cluster *cluster = cluster_of(NULL, "ops=0.5,eng=2");
	char ops[] = "ops";
	struct err e = { 0 };

	(void)state;
	expect_weights(cluster, "[{\"role\":\"eng\",\"weight\":2.0},{\"role\":\"ops\",\"weight\":0.5}]");
	assert_int_equal(weigh(cluster, ops, 3, &e), 0);
	cluster_restart(cluster);
	expect_weights(cluster, "[{\"role\":\"eng\",\"weight\":2.0},{\"role\":\"ops\",\"weight\":3.0}]");
	assert_non_null(strstr(cluster->explained_all, "the weights 'ops=0.5,eng=2' are ignored"));
	cluster_free(cluster);
}

static void test_a_master_with_wrong_ones_does_not_start(void **state)
{
	static const struct { const char *roles, *weights, *told; } rows[] = {
		{ "a b", NULL, "'a b' is none" },
		{ NULL, "a=0", "Weights must be positive" },
		{ NULL, "a=-1", "Weights must be positive" },
		{ NULL, "a", "use weights 'a'" },
		{ NULL, "a=", "use weights 'a='" },
		{ NULL, "a=1x", "use weights 'a=1x'" },
		{ NULL, "a=inf", "use weights 'a=inf'" },
		{ NULL, "a b=1", "Invalid role 'a b'" },
		{ "eng", "dev=1", "Unknown role 'dev'" },
	};
	struct cluster *cluster = cluster_new();
	const struct master_io io = { .explain = harness_explain, .wall_ms = harness_wall_ms,
				      .arg = cluster };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct master *master;
		struct store *store;
		struct err e = { 0 };

		assert_int_equal(store_open_memory(&store, &e), 0);
		cluster->options.roles = rows[i].roles;
		cluster->options.weights = rows[i].weights;
		assert_int_equal(master_new(&cluster->options, &io, store, &cluster->rng,
					    cluster->now_ms, &master, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].told))
			fail_msg("row %zu: %s", i, e.msg);
		store_close(store);
	}
	cluster_free(cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_frameworks_in_other_roles_are_refused),
		cmocka_unit_test(test_other_roles_have_neither_quota_nor_weight),
		cmocka_unit_test(test_weights_hold_until_others_are_kept),
		cmocka_unit_test(test_a_master_with_wrong_ones_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
