#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/hash.h"

/* Of the paper's appendix and its authors' vectors: key 00 01 .. 0f, message 00 01 .. of so many bytes. */
static void test_published_vectors(void **state)
{
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	static const struct {
		size_t size;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 },
	};
	unsigned char message[16];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(hash_keyed(key, message, vectors[i].size) == vectors[i].hash);
}

/* What a stranger works out without the key says nothing of where an id lands. */
static void test_a_process_has_a_key_of_its_own(void **state)
{
	static const uint64_t zero[2];
	static const char id[] = "task-1";

	(void)state;
	assert_true(hash_bytes(id, strlen(id)) == hash_bytes("task-1", 6));
	assert_true(hash_bytes(id, strlen(id)) != hash_bytes("task-2", 6));
	assert_true(hash_bytes(id, strlen(id)) != hash_keyed(zero, id, strlen(id)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_a_process_has_a_key_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
