/* Tokens: as RFC 7515 has them, and refused when anything of them is another's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/jwt.h"

static const uint8_t key[JWT_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[JWT_KEY_BYTES] = "0123456789abcdef0123456789abcdX";

static char *sample(void)
{
	json_t *claims = json_pack("{s:s, s:s, s:s}", "fid", "f-1", "eid", "e?~", "cid", "c-1");
	char *token = jwt_sign(key, claims);

	json_decref(claims);
	assert_non_null(token);
	return token;
}

/* Reckoned with Python's hmac, hashlib and base64. */
static void is_as_published(void **state)
{
	AUTO_FREE char *token = sample();

	(void)state;
	assert_string_equal(token,
			    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
			    "eyJjaWQiOiJjLTEiLCJlaWQiOiJlP34iLCJmaWQiOiJmLTEifQ."
			    "UEBEcz_JLhlh6ZjjQlTOwJTyoSyaHGUabVHj4FsWUZY");
}

static void comes_back(void **state)
{
	AUTO_FREE char *token = sample();
	struct err e = { 0 };
	json_t *claims;

	(void)state;
	assert_int_equal(jwt_verify(key, token, &claims, &e), 0);
	assert_string_equal(json_string_value(json_object_get(claims, "eid")), "e?~");
	json_decref(claims);
}

static void assert_refused(const uint8_t with[JWT_KEY_BYTES], const char *token)
{
	struct err e = { 0 };
	json_t *claims;

	assert_int_equal(jwt_verify(with, token, &claims, &e), -EACCES);
	assert_true(*e.msg);
}

static void is_refused_under_another_key(void **state)
{
	AUTO_FREE char *token = sample();

	(void)state;
	assert_refused(other_key, token);
}

static void is_refused_with_any_byte_changed(void **state)
{
	AUTO_FREE char *token = sample();

	(void)state;
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_refused(key, token);
		token[i] = was;
	}
}

static void is_refused_cut_anywhere(void **state)
{
	AUTO_FREE char *token = sample();

	(void)state;
	for (size_t n = strlen(token); n > 0; n--) {
		token[n - 1] = '\0';
		assert_refused(key, token);
	}
}

/* {"alg":"none"}, and a signed payload that is no object. */
static void is_refused_unsigned_or_without_claims(void **state)
{
	json_t *list = json_pack("[s]", "fid");
	AUTO_FREE char *signed_list = jwt_sign(key, list);

	(void)state;
	json_decref(list);
	assert_refused(key, "eyJhbGciOiJub25lIn0.eyJmaWQiOiJmLTEifQ.");
	assert_refused(key, signed_list);
	assert_refused(key, "");
	assert_refused(key, "..");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_published),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(is_refused_under_another_key),
		cmocka_unit_test(is_refused_with_any_byte_changed),
		cmocka_unit_test(is_refused_cut_anywhere),
		cmocka_unit_test(is_refused_unsigned_or_without_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
