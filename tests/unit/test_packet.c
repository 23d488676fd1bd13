#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"

static int ends[2];

static int make_ends(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_ends(void **state)
{
	(void)state;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return 0;
}

static struct iovec part(void *data, size_t size)
{
	return (struct iovec){ .iov_base = data, .iov_len = size };
}

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)close(fd);
	return fd;
}

static void test_parts_and_descriptors_arrive_together(void **state)
{
	char out[] = "headtail", in[8] = "";
	struct iovec sent[] = { part(out, 4), part(out + 4, 4) };
	struct iovec got[] = { part(in, 6), part(in + 6, 2) };
	struct packet_fds fds = { 0 }, copies = { 0 };
	struct stat a, b;
	struct err e = { 0 };

	(void)state;
	for (fds.n = 0; fds.n < PACKET_MAX_FDS; fds.n++)
		fds.fd[fds.n] = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(packet_send(ends[0], sent, 2, &fds, &e), 0);
	assert_int_equal(packet_recv(ends[1], 0, got, 2, &copies, &e), 8);
	assert_memory_equal(in, "headtail", 8);
	assert_int_equal(copies.n, PACKET_MAX_FDS);
	for (size_t i = 0; i < copies.n; i++) {
		assert_int_equal(fcntl(copies.fd[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(fstat(fds.fd[i], &a), 0);
		assert_int_equal(fstat(copies.fd[i], &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
	}
	packet_fds_done(&fds);
	packet_fds_done(&copies);
	assert_int_equal(copies.n, 0);
}

static void test_descriptors_that_nobody_wants_are_closed(void **state)
{
	char data[8] = "x";
	struct iovec one = part(data, 1);
	struct packet_fds fds = { .n = 1 };
	struct err e = { 0 };
	int before;

	(void)state;
	fds.fd[0] = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(packet_send(ends[0], &one, 1, &fds, &e), 0);
	packet_fds_done(&fds);
	before = lowest_free();
	assert_int_equal(packet_recv(ends[1], 0, &one, 1, NULL, &e), 1);
	assert_int_equal(lowest_free(), before);
}

static void test_what_is_too_large_is_refused_with_its_descriptors(void **state)
{
	char data[8] = "12345678";
	struct iovec all = part(data, 8), half = part(data, 4);
	struct packet_fds fds = { .n = 1 }, copies = { 0 };
	struct err e = { 0 };
	int before;

	(void)state;
	fds.fd[0] = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(packet_send(ends[0], &all, 1, &fds, &e), 0);
	packet_fds_done(&fds);
	before = lowest_free();
	assert_int_equal(packet_recv(ends[1], 0, &half, 1, &copies, &e), -EPROTO);
	assert_int_equal(copies.n, 0);
	assert_int_equal(lowest_free(), before);
}

static void test_nothing_and_the_end(void **state)
{
	char data[8];
	struct iovec one = part(data, sizeof(data));
	struct err e = { 0 };

	(void)state;
	assert_int_equal(packet_recv(ends[1], MSG_DONTWAIT, &one, 1, NULL, &e), -EAGAIN);
	assert_int_equal(e.code, 0);
	fd_close(&ends[0]);
	assert_int_equal(packet_recv(ends[1], 0, &one, 1, NULL, &e), 0);
	assert_int_equal(packet_send(ends[1], &one, 1, NULL, &e), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_ends, close_ends)
		TEST(test_parts_and_descriptors_arrive_together),
		TEST(test_descriptors_that_nobody_wants_are_closed),
		TEST(test_what_is_too_large_is_refused_with_its_descriptors),
		TEST(test_nothing_and_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
