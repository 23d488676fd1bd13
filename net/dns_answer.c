#include <errno.h>
#include <string.h>

#include "net/dns_wire.h"

/* Two names, a serial number and four times (RFC 1035 3.3.13); the last is that of RFC 2308. */
enum { MIN_SOA = 22, MINIMUM_SIZE = 4 };

/* We have no authority for it, and did not look at signatures. */
enum { NOT_TOLD_ON = DNS_AUTHORITATIVE | DNS_FLAG_AUTHENTIC | DNS_FLAG_RECURSION };

struct counts {
	unsigned answers, authorities, extras;
};

static struct counts read_counts(const uint8_t *data)
{
	const uint8_t *p = data + DNS_OFF_COUNTS + 2;

	return (struct counts){ dns_get16(p), dns_get16(p + 2), dns_get16(p + 4) };
}

static int check_question(struct dns_reader *r, const struct dns_query *query)
{
	struct dns_query found;

	if (dns_get16(r->data + DNS_OFF_COUNTS) != 1 || dns_read_question(r, &found) < 0)
		return -ENOMSG;
	if (found.name.size != query->name.size || dns_name_split(&found.name, &query->name) != 0 ||
	    found.type != query->type || found.class != query->class)
		return -ENOMSG;
	return 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A TTL with its top bit set is none (RFC 2181 8). */
static uint32_t read_ttl(const uint8_t *p)
{
	uint32_t ttl = dns_get32(p);

	return ttl > INT32_MAX ? 0 : ttl;
}

/* Of answers and authorities; others are no part of what was asked. */
static int read_records(struct dns_reader *r, const struct counts *n, struct dns_answer *ret)
{
	unsigned total = n->answers + n->authorities + n->extras;
	bool has_soa = false;
	uint32_t ttl = UINT32_MAX;

	for (unsigned i = 0; i < total; i++) {
		struct dns_raw_record record;

		if (dns_read_record(r, &record) < 0)
			return -EBADMSG;
		if (i >= n->answers + n->authorities)
			continue;
		ttl = least(ttl, read_ttl(r->data + record.ttl_at));
		if (i < n->answers || record.type != DNS_SOA)
			continue;
		if (record.size < MIN_SOA)
			return -EBADMSG;
		has_soa = true;
		ttl = least(ttl, read_ttl(record.data + record.size - MINIMUM_SIZE));
	}
	if (r->at != r->size)
		return -EBADMSG;
	ret->is_negative = ret->rcode == DNS_NXDOMAIN || n->answers == 0 || has_soa;
	ret->ttl = ret->is_negative && !has_soa ? 0 : ttl;
	return 0;
}

int dns_answer_parse(const void *data, size_t size, const struct dns_query *query, uint16_t id,
		     struct dns_answer *ret)
{
	struct dns_reader r = { .data = data, .size = size, .at = DNS_HEADER_SIZE };
	struct counts counts;
	uint16_t flags;
	int result;

	if (size < DNS_HEADER_SIZE || dns_get16(r.data) != id)
		return -ENOMSG;
	flags = dns_get16(r.data + DNS_OFF_FLAGS);
	if (!(flags & DNS_FLAG_RESPONSE) || flags & DNS_MASK_OPCODE)
		return -ENOMSG;
	result = check_question(&r, query);
	if (result < 0)
		return result;
	*ret = (struct dns_answer){ .rcode = flags & DNS_MASK_RCODE,
				    .is_truncated = flags & DNS_TRUNCATED };
	counts = read_counts(r.data);
	/* What was cut may have been cut anywhere. */
	if (ret->is_truncated)
		return 0;
	result = read_records(&r, &counts, ret);
	if (result >= 0 && ret->rcode != DNS_NOERROR && ret->rcode != DNS_NXDOMAIN)
		ret->ttl = 0;
	return result;
}

void dns_answer_adopt(void *data, size_t size, const struct dns_query *query, uint32_t age,
		      uint32_t max_ttl)
{
	struct dns_reader r = { .data = data, .size = size,
				.at = DNS_HEADER_SIZE + query->name.size + 4u };
	struct counts counts = read_counts(data);
	uint8_t *p = data;
	uint16_t flags = dns_get16(p + DNS_OFF_FLAGS) & (uint16_t)~NOT_TOLD_ON;
	struct dns_raw_record record;

	dns_put16(p, query->id);
	dns_put16(p + DNS_OFF_FLAGS,
		  flags | DNS_RECURSES | (query->flags & DNS_FLAG_RECURSION));
	memcpy(p + DNS_HEADER_SIZE, query->name.wire, query->name.size);
	for (unsigned n = counts.answers + counts.authorities + counts.extras;
	     n > 0 && dns_read_record(&r, &record) >= 0; n--) {
		uint32_t ttl = least(read_ttl(p + record.ttl_at), max_ttl);

		if (record.type != DNS_OPT)
			dns_put32(p + record.ttl_at, ttl > age ? ttl - age : 0);
	}
}
