/* Messages about nftables: which tell of a change to a table, and what does not is no harm. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "net/nft_watch.h"

struct message {
	struct nlmsghdr head;
	struct nfgenmsg body;
	struct nlattr attribute;
	char value[16];
};

static struct message make(int type, int attribute, const char *value, size_t size)
{
	struct message m = { 0 };

	m.attribute.nla_type = (uint16_t)attribute;
	m.attribute.nla_len = (uint16_t)(sizeof(m.attribute) + size);
	memcpy(m.value, value, size);
	m.head.nlmsg_len = (uint32_t)(offsetof(struct message, value) + size);
	m.head.nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	m.head.nlmsg_pid = 77;
	return m;
}

static void test_a_change_names_its_table(void **state)
{
	static const struct {
		int type, attribute;
		const char *value;
		size_t size;
		bool concerns;
	} rows[] = {
		{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "tepui", 6, true },
		{ NFT_MSG_NEWRULE, NFTA_RULE_TABLE, "tepui", 6, true },
		{ NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_TABLE, "tepui", 6, true },
		{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "other", 6, false },
		{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "tepuis", 7, false },
		{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "tepui", 5, false },
		{ NFT_MSG_DELTABLE, NFTA_TABLE_FLAGS, "tepui", 6, false },
		{ NFT_MSG_NEWGEN, NFTA_GEN_ID, "tepui", 6, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message m = make(rows[i].type, rows[i].attribute, rows[i].value, rows[i].size);
		struct message two[2] = { make(NFT_MSG_NEWRULE, NFTA_RULE_TABLE, "others0123", 10), m };

		assert_int_equal(nft_watch_concerns(&m, m.head.nlmsg_len, "tepui"), rows[i].concerns);
		/* As the second of two, too: lengths are rounded up. */
		two[0].head.nlmsg_len = sizeof(two[0]);
		assert_int_equal(nft_watch_concerns(two, sizeof(two[0]) + m.head.nlmsg_len, "tepui"),
				 rows[i].concerns);
		m.head.nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | rows[i].type);
		assert_false(nft_watch_concerns(&m, m.head.nlmsg_len, "tepui"));
	}
}

static void test_a_generation_is_that_of_the_answer(void **state)
{
	struct message m = make(NFT_MSG_NEWGEN, NFTA_GEN_ID, "\0\0\1\2", 4);
	uint32_t generation = 7;

	(void)state;
	assert_false(nft_watch_generation(&m, m.head.nlmsg_len, 78, &generation));
	assert_int_equal(generation, 7);
	assert_true(nft_watch_generation(&m, m.head.nlmsg_len, 77, &generation));
	assert_int_equal(generation, 258);
	m.attribute.nla_len--;
	assert_false(nft_watch_generation(&m, m.head.nlmsg_len, 77, &generation));
}

/* In memory that ends where the message does. */
static bool is_concerned(const struct message *m, size_t size)
{
	char *copy = malloc(size);
	bool is;

	assert_non_null(copy);
	memcpy(copy, m, size);
	is = nft_watch_concerns(copy, size, "tepui");
	free(copy);
	return is;
}

/* Cut anywhere, and with any lengths: nothing beyond the end is looked at. */
static void test_malformed_messages_are_none(void **state)
{
	const struct message whole = make(NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "tepui", 6);
	uint32_t generation;

	(void)state;
	for (size_t size = 0; size < whole.head.nlmsg_len; size++) {
		char *cut = malloc(size);

		assert_non_null(cut);
		memcpy(cut, &whole, size);
		assert_false(nft_watch_concerns(cut, size, "tepui"));
		assert_false(nft_watch_generation(cut, size, 77, &generation));
		free(cut);
	}
	for (unsigned length = 0; length < 64; length++) {
		struct message m = whole;

		m.head.nlmsg_len = length;
		(void)is_concerned(&m, whole.head.nlmsg_len);
		m = whole;
		m.attribute.nla_len = (uint16_t)length;
		assert_int_equal(is_concerned(&m, whole.head.nlmsg_len),
				 length == whole.attribute.nla_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change_names_its_table),
		cmocka_unit_test(test_a_generation_is_that_of_the_answer),
		cmocka_unit_test(test_malformed_messages_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
