/*
 * Any bytes as DNS messages: what is read is within them; what we ask and answer is what we would take; an answer that
 * was taken is still one after it was adopted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_sound)
{
	if (!is_sound)
		abort();
}

static void check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name lower = *name;

	check(name->size >= 1 && name->wire[name->size - 1] == 0);
	dns_name_format(name, text);
	check(strlen(text) < sizeof(text));
	dns_name_lower(&lower);
	check(dns_name_split(&lower, name) == 0);
}

static void check_asked(const struct dns_query *query)
{
	struct dns_query again;
	uint8_t asked[DNS_PLAIN_UDP];
	size_t size = dns_query_write(query, 7, asked);

	check(size <= sizeof(asked));
	check(dns_query_parse(asked, size, &again) == 0);
	check(again.type == query->type && again.has_edns == query->has_edns);
	check(dns_name_split(&again.name, &query->name) == 0);
}

/* With as many records as there is room for, in so much of it as the input says. */
static void check_answered(const struct dns_query *query, int verdict, size_t max)
{
	static uint8_t data[DNS_MAX_MESSAGE];
	struct dns_name target = query->name;
	struct dns_record records[] = {
		{ .owner = &query->name, .type = DNS_A, .ttl = 60 },
		{ .owner = &query->name, .type = DNS_PTR, .ttl = 60, .target = &target },
		{ .owner = &target, .type = DNS_SRV, .ttl = 60, .srv = { .target = &target } },
	};
	struct dns_answer answer;
	struct dns_reply reply;
	size_t size, n = 0;

	max = DNS_PLAIN_UDP + max % (sizeof(data) - DNS_PLAIN_UDP);
	dns_reply_begin(&reply, query, DNS_RECURSES, data, max);
	for (; n < 64 && query->has_question; n++)
		if (!dns_reply_add(&reply, n < 48 ? DNS_ANSWER : DNS_ADDITIONAL,
				   &records[n % 3]))
			break;
	size = dns_reply_end(&reply, verdict > 0 ? (enum dns_rcode)verdict : DNS_NOERROR);
	check(size <= max);
	if (query->has_question)
		check(dns_answer_parse(data, size, query, query->id, &answer) == 0);
}

static void check_told_again(const uint8_t *data, size_t size, const struct dns_query *query,
			     uint16_t id)
{
	struct dns_answer answer, again;
	uint8_t *copy;

	if (dns_answer_parse(data, size, query, id, &answer) < 0 || answer.is_truncated)
		return;
	copy = malloc(size);
	check(copy != NULL);
	memcpy(copy, data, size);
	dns_answer_adopt(copy, size, query, 10, 3600);
	check(dns_answer_parse(copy, size, query, query->id, &again) == 0);
	check(again.rcode == answer.rcode && again.ttl <= answer.ttl && again.ttl <= 3600);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_query query;
	uint8_t *asked;
	int verdict = dns_query_parse(data, size, &query);

	if (verdict >= 0) {
		if (query.has_question)
			check_name(&query.name);
		if (verdict == 0)
			check_asked(&query);
		check_answered(&query, verdict, size * 31);
	}
	if (size < DNS_HEADER_SIZE)
		return 0;
	/* The question of an answer, as if we had asked it. */
	asked = malloc(size);
	check(asked != NULL);
	memcpy(asked, data, size);
	asked[2] &= 0x07;
	memset(asked + 6, 0, 6);
	for (size_t n = DNS_HEADER_SIZE; n <= size && n <= DNS_HEADER_SIZE + DNS_MAX_NAME + 4; n++) {
		if (dns_query_parse(asked, n, &query) == 0) {
			check_told_again(data, size, &query, query.id);
			break;
		}
	}
	free(asked);
	return 0;
}
