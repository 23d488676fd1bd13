/* What a definition says of its container, as the task carries it. */
#include "tests/unit/controller_world.h"

/* The app's first task, launched. */
static const Mesos__V1__TaskInfo *launch(const char *definition)
{
	post(definition);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	return task_at(0)->info;
}

static const char *variable_of(const Mesos__V1__TaskInfo *info, const char *name)
{
	const Mesos__V1__Environment *env = info->command->environment;

	for (size_t i = 0; i < env->n_variables; i++) {
		if (strcmp(env->variables[i]->name, name) == 0)
			return env->variables[i]->value;
	}
	return NULL;
}

static void test_an_image_is_run_and_told_to_the_task(void **state)
{
	const Mesos__V1__TaskInfo *info =
		launch("{\"id\":\"/web\",\"args\":[\"-v\"],\"container\":{\"docker\":"
		       "{\"image\":\"busybox:1\",\"network\":\"HOST\"}}}");

	(void)state;
	assert_string_equal(info->container->mesos->image->docker->name, "busybox:1");
	assert_int_equal(info->container->type, MESOS__V1__CONTAINER_INFO__TYPE__MESOS);
	assert_string_equal(variable_of(info, "MARATHON_APP_DOCKER_IMAGE"), "busybox:1");
	/* The entrypoint's, which is the image's to name. */
	assert_null(info->command->value);
	assert_string_equal(info->command->arguments[0], "-v");
}

static void test_a_profile_is_named_to_the_node(void **state)
{
	const Mesos__V1__TaskInfo *info =
		launch("{\"id\":\"/web\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\",\"linuxInfo\":"
		       "{\"seccomp\":{\"profileName\":\"strict\"},\"ipcInfo\":{\"mode\":\"PRIVATE\"}}}}");

	(void)state;
	assert_string_equal(info->container->linux_info->seccomp->profile_name, "strict");
	assert_false(info->container->linux_info->seccomp->unconfined);
	assert_int_equal(info->container->linux_info->ipc_mode,
			 MESOS__V1__LINUX_INFO__IPC_MODE__PRIVATE);
}

static void test_no_profile_may_be_asked_for(void **state)
{
	const Mesos__V1__TaskInfo *info =
		launch("{\"id\":\"/web\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\",\"linuxInfo\":"
		       "{\"seccomp\":{\"unconfined\":true}}}}");

	(void)state;
	assert_true(info->container->linux_info->seccomp->unconfined);
	assert_null(info->container->linux_info->seccomp->profile_name);
	assert_false(info->container->linux_info->has_ipc_mode);
}

static void test_without_a_container_the_task_has_none(void **state)
{
	(void)state;
	assert_null(launch("{\"id\":\"/web\",\"cmd\":\"x\"}")->container);
}

static void test_volumes_of_the_host_keep_their_mode(void **state)
{
	const Mesos__V1__TaskInfo *info =
		launch("{\"id\":\"/web\",\"cmd\":\"x\",\"container\":{\"type\":\"MESOS\",\"volumes\":["
		       "{\"containerPath\":\"/a\",\"hostPath\":\"/h\",\"mode\":\"RO\"},"
		       "{\"containerPath\":\"b\",\"hostPath\":\"/i\",\"mode\":\"RW\"}]}}");

	(void)state;
	assert_int_equal(info->container->n_volumes, 2);
	assert_int_equal(info->container->volumes[0]->mode, MESOS__V1__VOLUME__MODE__RO);
	assert_string_equal(info->container->volumes[0]->host_path, "/h");
	assert_int_equal(info->container->volumes[1]->mode, MESOS__V1__VOLUME__MODE__RW);
	assert_string_equal(info->container->volumes[1]->container_path, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_an_image_is_run_and_told_to_the_task),
		WORLD_TEST(test_a_profile_is_named_to_the_node),
		WORLD_TEST(test_no_profile_may_be_asked_for),
		WORLD_TEST(test_without_a_container_the_task_has_none),
		WORLD_TEST(test_volumes_of_the_host_keep_their_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
