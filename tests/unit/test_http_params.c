/* Queries and forms: what clients write, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/http_params.h"

enum { TEXT = 1 << 16 };

static const struct {
	const char *text, *read;	/* "name|value;" of all; NULL: -EINVAL */
} forms[] = {
	{ "", "" },
	{ "&&", "" },
	{ "a=1", "a|1;" },
	{ "a", "a|;" },
	{ "a=", "a|;" },
	{ "=1", "|1;" },
	{ "a=1&a=2&b=3", "a|1;a|2;b|3;" },
	{ "a=1&", "a|1;" },
	{ "a=b=c", "a|b=c;" },
	{ "a%3Db=c%26d", "a=b|c&d;" },
	{ "a=x+y%20z", "a|x y z;" },
	{ "slaveId=s-S0&resources=[\n {\"name\": \"cpus\"}\n]",
	  "slaveId|s-S0;resources|[\n {\"name\": \"cpus\"}\n];" },
	{ "a=%zz", NULL },
	{ "%=1", NULL },
	{ "a=%00", NULL },
	{ "a=1&b=%ff", NULL },
};

static void reads_what_clients_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		AUTO(http_params_done) struct http_params params = { 0 };
		char text[512] = "";
		int r = http_params_read(forms[i].text, strlen(forms[i].text), HTTP_CODE_FORM,
					 &params);

		assert_int_equal(r, forms[i].read ? 0 : -EINVAL);
		for (size_t k = 0; k < params.n; k++)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|%s;",
				       params.items[k].name, params.items[k].value);
		assert_string_equal(text, forms[i].read ? forms[i].read : "");
	}
}

static void the_ith_of_a_name_is_found(void **state)
{
	static const char text[] = "a=1&b=2&a=3";
	AUTO(http_params_done) struct http_params params = { 0 };

	(void)state;
	assert_int_equal(http_params_read(text, sizeof(text) - 1, HTTP_CODE_QUERY, &params), 0);
	assert_string_equal(http_params_get(&params, "a", 0), "1");
	assert_string_equal(http_params_get(&params, "a", 1), "3");
	assert_null(http_params_get(&params, "a", 2));
	assert_null(http_params_get(&params, "c", 0));
}

static void their_number_is_bounded(void **state)
{
	static char text[TEXT];
	struct http_params params = { 0 };

	(void)state;
	for (int i = 0; i < HTTP_MAX_PARAMS; i++)
		strcat(text, "&a=b");
	assert_int_equal(http_params_read(text, strlen(text), HTTP_CODE_FORM, &params), 0);
	assert_int_equal(params.n, HTTP_MAX_PARAMS);
	http_params_done(&params);
	strcat(text, "&a");
	assert_int_equal(http_params_read(text, strlen(text), HTTP_CODE_FORM, &params), -EINVAL);
	assert_null(params.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_clients_write),
		cmocka_unit_test(the_ith_of_a_name_is_found),
		cmocka_unit_test(their_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
