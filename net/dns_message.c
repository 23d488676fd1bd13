#include "net/dns_message.h"

#include <errno.h>
#include <string.h>

#include "net/dns_wire.h"

enum { OPT_SIZE = 11, MAX_EXTRAS = 16 };

/* ---- queries ---- */

static bool are_options_sound(const struct dns_raw_record *opt)
{
	size_t at = 0;

	while (at + 4 <= opt->size)
		at += 4u + dns_get16(opt->data + at + 2);
	return at == opt->size;
}

/* RFC 6891 6.1: the class is a size, the TTL the version and flags. */
static int read_opt(struct dns_reader *r, const struct dns_raw_record *opt, struct dns_query *ret)
{
	const uint8_t *ttl = r->data + opt->ttl_at;

	if (ret->has_edns || r->data[opt->owner] != 0 || !are_options_sound(opt))
		return DNS_FORMERR;
	ret->has_edns = true;
	ret->wants_dnssec = dns_get16(ttl + 2) & DNS_OPT_DNSSEC_OK;
	if (opt->class > DNS_PLAIN_UDP)
		ret->udp_size = opt->class;
	return ttl[1] == 0 ? 0 : DNS_BADVERS;
}

static int read_extras(struct dns_reader *r, unsigned n, struct dns_query *ret)
{
	struct dns_raw_record record;
	int verdict = 0;

	if (n > MAX_EXTRAS)
		return DNS_FORMERR;
	for (; n > 0; n--) {
		int found;

		if (dns_read_record(r, &record) < 0)
			return DNS_FORMERR;
		found = record.type == DNS_OPT ? read_opt(r, &record, ret) : 0;
		if (found == DNS_FORMERR)
			return found;
		if (found)
			verdict = found;
	}
	return r->at == r->size ? verdict : DNS_FORMERR;
}

/* OPT is no question; TKEY to MAILA (transfers among them) are no types of data that we have. */
static int judge_type(const struct dns_query *query)
{
	if (query->class != DNS_CLASS_IN)
		return DNS_REFUSED;
	if (query->type == DNS_OPT)
		return DNS_FORMERR;
	return query->type >= DNS_TKEY && query->type <= DNS_MAILA ? DNS_NOTIMP : 0;
}

int dns_query_parse(const void *data, size_t size, struct dns_query *ret)
{
	struct dns_reader r = { .data = data, .size = size, .at = DNS_HEADER_SIZE };
	const uint8_t *counts = r.data + DNS_OFF_COUNTS;
	int verdict;

	*ret = (struct dns_query){ .udp_size = DNS_PLAIN_UDP };
	if (size < DNS_HEADER_SIZE || size > DNS_MAX_MESSAGE)
		return -EBADMSG;
	ret->id = dns_get16(r.data);
	ret->flags = dns_get16(r.data + DNS_OFF_FLAGS);
	if (ret->flags & DNS_FLAG_RESPONSE)
		return -EBADMSG;
	if (ret->flags & DNS_MASK_OPCODE)
		return DNS_NOTIMP;
	if (dns_get16(counts) != 1 || dns_get16(counts + 2) || dns_get16(counts + 4) ||
	    dns_read_question(&r, ret) < 0)
		return DNS_FORMERR;
	ret->has_question = true;
	verdict = read_extras(&r, dns_get16(counts + 6), ret);
	return verdict ? verdict : judge_type(ret);
}

bool dns_query_wants_recursion(const struct dns_query *query)
{
	return query->flags & DNS_FLAG_RECURSION;
}

size_t dns_query_key(const struct dns_query *query, uint8_t ret[DNS_KEY_SIZE])
{
	struct dns_name name = query->name;

	dns_name_lower(&name);
	dns_put16(ret, query->type);
	dns_put16(ret + 2, query->class);
	ret[4] = (uint8_t)(query->has_edns | query->wants_dnssec << 1 |
			   !!(query->flags & DNS_FLAG_CHECKING_DISABLED) << 2);
	memcpy(ret + 5, name.wire, name.size);
	return 5u + name.size;
}

static size_t put_opt(uint8_t *p, unsigned rcode, bool wants_dnssec)
{
	memset(p, 0, OPT_SIZE);
	dns_put16(p + 1, DNS_OPT);
	dns_put16(p + 3, DNS_EDNS_UDP);
	p[5] = (uint8_t)(rcode >> 4);
	dns_put16(p + 7, wants_dnssec ? DNS_OPT_DNSSEC_OK : 0);
	return OPT_SIZE;
}

static size_t put_question(uint8_t *p, const struct dns_query *query)
{
	memcpy(p, query->name.wire, query->name.size);
	dns_put16(p + query->name.size, query->type);
	dns_put16(p + query->name.size + 2, query->class);
	return query->name.size + 4u;
}

size_t dns_query_write(const struct dns_query *query, uint16_t id, void *ret)
{
	uint8_t *p = ret;
	size_t size = DNS_HEADER_SIZE;

	memset(p, 0, DNS_HEADER_SIZE);
	dns_put16(p, id);
	dns_put16(p + DNS_OFF_FLAGS, DNS_FLAG_RECURSION | (query->flags & DNS_FLAG_CHECKING_DISABLED));
	dns_put16(p + DNS_OFF_COUNTS, 1);
	size += put_question(p + size, query);
	if (query->has_edns) {
		dns_put16(p + DNS_OFF_ADDITIONAL, 1);
		size += put_opt(p + size, 0, query->wants_dnssec);
	}
	return size;
}

/* ---- replies ---- */

/* SIZE octets of labels that stand at BEGIN, and end there or in a pointer, may be pointed to. */
static void note_names(struct dns_reply *reply, const uint8_t *wire, size_t size, size_t begin)
{
	for (size_t i = 0; i < size && begin + i <= DNS_MAX_POINTED &&
	     reply->n_names < DNS_REPLY_NAMES; i += 1u + wire[i])
		reply->names[reply->n_names++] = (uint16_t)(begin + i);
}

/* Does WIRE stand at AT, in its own case, through pointers of ours? */
static bool stands_at(const struct dns_reply *reply, size_t at, const uint8_t *wire)
{
	for (;;) {
		const uint8_t *p = reply->data + at;

		if ((*p & DNS_POINTER) == DNS_POINTER) {
			at = dns_get16(p) & DNS_MAX_POINTED;
			continue;
		}
		if (*p != *wire || memcmp(p, wire, 1u + *p) != 0)
			return false;
		if (*p == 0)
			return true;
		at += 1u + *p;
		wire += 1u + *wire;
	}
}

static size_t find_name(const struct dns_reply *reply, const uint8_t *wire)
{
	for (size_t i = 0; i < reply->n_names; i++)
		if (stands_at(reply, reply->names[i], wire))
			return reply->names[i];
	return 0;
}

/* Labels up to what stands somewhere already.  False: no room. */
static bool put_name(struct dns_reply *reply, const struct dns_name *name)
{
	size_t begin = reply->size, at = 0, found = 0;

	while (name->wire[at] && !(found = find_name(reply, name->wire + at)))
		at += 1u + name->wire[at];
	if (reply->max - begin < at + 2)
		return false;
	memcpy(reply->data + begin, name->wire, at);
	reply->size += at;
	if (found) {
		dns_put16(reply->data + reply->size, (unsigned)(DNS_POINTER << 8 | found));
		reply->size += 2;
	} else {
		reply->data[reply->size++] = 0;
	}
	note_names(reply, name->wire, at, begin);
	return true;
}

static bool put_octets(struct dns_reply *reply, const void *data, size_t size)
{
	if (reply->max - reply->size < size)
		return false;
	memcpy(reply->data + reply->size, data, size);
	reply->size += size;
	return true;
}

static bool put_srv(struct dns_reply *reply, const struct dns_srv *srv)
{
	uint8_t head[6];

	dns_put16(head, srv->priority);
	dns_put16(head + 2, srv->weight);
	dns_put16(head + 4, srv->port);
	return put_octets(reply, head, sizeof(head)) &&
	       put_octets(reply, srv->target->wire, srv->target->size);
}

static bool put_soa(struct dns_reply *reply, const struct dns_soa *soa)
{
	uint8_t tail[20];

	dns_put32(tail, soa->serial);
	dns_put32(tail + 4, soa->refresh);
	dns_put32(tail + 8, soa->retry);
	dns_put32(tail + 12, soa->expire);
	dns_put32(tail + 16, soa->minimum);
	return put_name(reply, soa->server) && put_name(reply, soa->mailbox) &&
	       put_octets(reply, tail, sizeof(tail));
}

static bool put_data(struct dns_reply *reply, const struct dns_record *record)
{
	switch ((unsigned)record->type) {
	case DNS_A:
		return put_octets(reply, &record->a, sizeof(record->a));
	case DNS_AAAA:
		return put_octets(reply, &record->aaaa, sizeof(record->aaaa));
	case DNS_SRV:
		return put_srv(reply, &record->srv);
	case DNS_SOA:
		return put_soa(reply, &record->soa);
	default:
		return put_name(reply, record->target);
	}
}

static bool put_record(struct dns_reply *reply, const struct dns_record *record)
{
	uint8_t head[10] = { 0 };
	size_t data_at;

	dns_put16(head, record->type);
	dns_put16(head + 2, DNS_CLASS_IN);
	dns_put32(head + 4, record->ttl);
	if (!put_name(reply, record->owner) || !put_octets(reply, head, sizeof(head)))
		return false;
	data_at = reply->size;
	if (!put_data(reply, record))
		return false;
	dns_put16(reply->data + data_at - 2, (unsigned)(reply->size - data_at));
	return true;
}

void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, unsigned flags,
		     void *data, size_t max)
{
	*reply = (struct dns_reply){
		.data = data, .size = DNS_HEADER_SIZE, .max = max,
		.has_edns = query->has_edns, .wants_dnssec = query->wants_dnssec,
	};
	memset(data, 0, DNS_HEADER_SIZE);
	dns_put16(reply->data, query->id);
	dns_put16(reply->data + DNS_OFF_FLAGS, DNS_FLAG_RESPONSE | flags |
	      (query->flags & (DNS_MASK_OPCODE | DNS_FLAG_RECURSION | DNS_FLAG_CHECKING_DISABLED)));
	if (reply->has_edns)
		reply->max -= OPT_SIZE;
	if (!query->has_question)
		return;
	dns_put16(reply->data + DNS_OFF_COUNTS, 1);
	reply->size += put_question(reply->data + DNS_HEADER_SIZE, query);
	note_names(reply, query->name.wire, query->name.size - 1u, DNS_HEADER_SIZE);
}

bool dns_reply_add(struct dns_reply *reply, enum dns_section section,
		   const struct dns_record *record)
{
	uint8_t *count = reply->data + DNS_OFF_COUNTS + 2 + 2 * section;
	size_t size = reply->size, n_names = reply->n_names;

	if (put_record(reply, record)) {
		dns_put16(count, dns_get16(count) + 1u);
		return true;
	}
	reply->size = size;
	reply->n_names = n_names;
	if (section == DNS_ANSWER)
		dns_put16(reply->data + DNS_OFF_FLAGS, dns_get16(reply->data + DNS_OFF_FLAGS) | DNS_TRUNCATED);
	return false;
}

size_t dns_reply_end(struct dns_reply *reply, enum dns_rcode rcode)
{
	uint8_t *flags = reply->data + DNS_OFF_FLAGS, *extras = reply->data + DNS_OFF_ADDITIONAL;

	dns_put16(flags, dns_get16(flags) | (rcode & DNS_MASK_RCODE));
	if (reply->has_edns) {
		dns_put16(extras, dns_get16(extras) + 1u);
		reply->size += put_opt(reply->data + reply->size, rcode, reply->wants_dnssec);
	}
	return reply->size;
}
