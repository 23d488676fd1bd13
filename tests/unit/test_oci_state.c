#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/signals.h"
#include "containerizer/oci/state.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static char root[PATH_MAX];

static int set_up(void **state)
{
	char directory[] = "/tmp/tepui-oci-state-XXXXXX";

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(root, sizeof(root), "%s/a/b", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		if (rmdir(root) < 0)
			return -1;
		*strrchr(root, '/') = '\0';
	}
	return 0;
}

static char literal_id[] = "c1", literal_path[] = "/b", literal_owner[] = "0", literal_time[] = "t",
	    literal_layout[] = "{}", literal_name[] = "n";

static const struct state example = {
	.id = literal_id, .bundle = literal_path, .rootfs = literal_path, .owner = literal_owner,
	.created = literal_time, .cgroup_layout = literal_layout, .cgroup_name = literal_name,
	.cgroup_made = 2,
};

static void test_a_record_is_read_as_it_was_written(void **unused)
{
	struct state_dir dir = STATE_DIR_INIT;
	struct state state = example;
	struct err e = { 0 };
	struct stat st;
	int fd = state_create(root, "c1", &e);

	(void)unused;
	assert_true(fd >= 0);
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	state.annotations = json_pack("{ss}", "a", "b");
	assert_int_equal(state_set_pid(&state, getpid(), &e), 0);
	assert_int_equal(state_write(fd, &state, &e), 0);
	(void)close(fd);
	free(state.boot_id);
	json_decref(state.annotations);

	assert_int_equal(state_open(root, "c1", true, &dir, &e), 0);
	assert_string_equal(dir.state.id, "c1");
	assert_string_equal(dir.state.bundle, "/b");
	assert_int_equal(dir.state.pid, getpid());
	assert_int_equal(dir.state.cgroup_made, 2);
	assert_string_equal(json_string_value(json_object_get(dir.state.annotations, "a")), "b");
	assert_int_equal(state_remove(root, "c1", dir.fd, &e), 0);
	state_close(&dir);
}

static void test_a_pid_counts_with_its_start_and_boot_alone(void **unused)
{
	struct state state = example;
	struct err e = { 0 };
	int fd;

	(void)unused;
	assert_int_equal(state_open_process(&state, &e), -ESRCH);
	err_clear(&e);
	assert_int_equal(state_set_pid(&state, getpid(), &e), 0);
	fd = state_open_process(&state, &e);
	assert_true(fd >= 0);
	(void)close(fd);
	state.start_ticks++;
	assert_int_equal(state_open_process(&state, &e), -ESRCH);
	err_clear(&e);
	state.start_ticks--;
	state.boot_id[0] ^= 1;
	assert_int_equal(state_open_process(&state, &e), -ESRCH);
	free(state.boot_id);
}

static void test_an_id_is_taken_once_and_gone_when_removed(void **unused)
{
	struct state_dir dir = STATE_DIR_INIT;
	struct err e = { 0 };
	char **names;
	int fd = state_create(root, "c1", &e);

	(void)unused;
	assert_true(fd >= 0);
	assert_int_equal(state_create(root, "c1", &e), -EEXIST);
	assert_string_equal(e.msg, "container 'c1' already exists");
	err_clear(&e);
	assert_int_equal(state_list(root, &names, &e), 0);
	assert_string_equal(names[0], "c1");
	assert_null(names[1]);
	free(names[0]);
	free(names);
	assert_int_equal(state_remove(root, "c1", fd, &e), 0);
	(void)close(fd);
	assert_int_equal(state_open(root, "c1", false, &dir, &e), -ENOENT);
	assert_string_equal(e.msg, "container 'c1' does not exist");
}

static void test_a_torn_record_is_told(void **unused)
{
	struct state_dir dir = STATE_DIR_INIT;
	struct err e = { 0 };
	int fd = state_create(root, "c1", &e), file;

	(void)unused;
	file = openat(fd, "state.json", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, "{\"id\":", 6), 6);
	(void)close(file);
	(void)close(fd);
	assert_int_equal(state_open(root, "c1", true, &dir, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "state of container 'c1': "));
	fd = open(root, O_PATH);
	assert_int_equal(unlinkat(fd, "c1/state.json", 0), 0);
	assert_int_equal(unlinkat(fd, "c1", AT_REMOVEDIR), 0);
	(void)close(fd);
}

/* `list` takes no lock, and may be as slow as it likes. */
static void test_a_reader_keeps_what_it_has_opened(void **unused)
{
	json_auto_t *config = json_pack("{ss}", "ociVersion", "1.0.2");
	struct err e = { 0 };
	char before[4096], after[4096];
	int fd = state_create(root, "c1", &e), reader;
	ssize_t n;

	(void)unused;
	assert_int_equal(state_keep_config(fd, config, true, &e), 0);
	assert_int_equal(state_write(fd, &example, &e), 0);
	reader = openat(fd, "state.json", O_RDONLY);
	n = pread(reader, before, sizeof(before), 0);
	assert_true(n > 0);
	assert_int_equal(state_write(fd, &example, &e), 0);
	assert_int_equal(state_keep_config(fd, config, false, &e), 0);
	assert_int_equal(state_write(fd, &example, &e), 0);
	assert_int_equal(pread(reader, after, sizeof(after), 0), n);
	assert_memory_equal(before, after, (size_t)n);
	assert_int_equal(state_remove(root, "c1", fd, &e), 0);
	(void)close(reader);
	(void)close(fd);
}

static const struct {
	const char *text;
	int signo;
} signals[] = {
	{ "9", 9 }, { "KILL", 9 }, { "SIGKILL", 9 }, { "sigterm", 15 }, { "term", 15 }, { "64", 64 },
	{ "SIGRTMIN", 34 }, { "RTMIN+3", 37 }, { "SIGRTMAX-1", 63 }, { "RTMAX", 64 },
	{ "0", -EINVAL }, { "65", -EINVAL }, { "", -EINVAL }, { "SIG", -EINVAL }, { "-9", -EINVAL },
	{ "+9", -EINVAL }, { "9 ", -EINVAL }, { " 9", -EINVAL }, { "KILLER", -EINVAL },
	{ "RTMIN+31", -EINVAL }, { "RTMIN+-1", -EINVAL }, { "RTMIN+", -EINVAL },
	{ "99999999999999999999", -EINVAL },
};

static void test_signals(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(signal_from_text(signals[i].text), signals[i].signo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_record_is_read_as_it_was_written, set_up,
						tear_down),
		cmocka_unit_test(test_a_pid_counts_with_its_start_and_boot_alone),
		cmocka_unit_test_setup_teardown(test_an_id_is_taken_once_and_gone_when_removed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_torn_record_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reader_keeps_what_it_has_opened, set_up,
						tear_down),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
