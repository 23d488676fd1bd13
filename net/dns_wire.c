#include "net/dns_wire.h"

#include <errno.h>
#include <string.h>

uint16_t dns_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t dns_get32(const uint8_t *p)
{
	return (uint32_t)dns_get16(p) << 16 | dns_get16(p + 2);
}

void dns_put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

void dns_put32(uint8_t *p, uint32_t value)
{
	dns_put16(p, value >> 16);
	dns_put16(p + 2, value & 0xffff);
}

/* One without pointers: what a question has. */
static int read_name(struct dns_reader *r, struct dns_name *ret)
{
	size_t begin = r->at;

	for (;;) {
		uint8_t length;

		if (r->at >= r->size)
			return -EBADMSG;
		length = r->data[r->at];
		if (length > DNS_MAX_LABEL)
			return -EBADMSG;
		r->at += 1u + length;
		if (r->at - begin > DNS_MAX_NAME || r->at > r->size)
			return -EBADMSG;
		if (length == 0)
			break;
	}
	ret->size = (uint8_t)(r->at - begin);
	memcpy(ret->wire, r->data + begin, ret->size);
	return 0;
}

/*
 * One that may end in a pointer.  Each pointer leads to before the labels that it follows, so that
 * it ends; what it leads to is looked at, for who reads the message after us.
 */
static int skip_name(struct dns_reader *r)
{
	size_t at = r->at, begin = at, n = 0;
	bool has_jumped = false;

	for (;;) {
		uint8_t length;

		if (at >= r->size)
			return -EBADMSG;
		length = r->data[at];
		if ((length & DNS_POINTER) == DNS_POINTER) {
			size_t target;

			if (at + 2 > r->size)
				return -EBADMSG;
			target = dns_get16(r->data + at) & DNS_MAX_POINTED;
			if (!has_jumped)
				r->at = at + 2;
			has_jumped = true;
			if (target >= begin || target < DNS_HEADER_SIZE)
				return -EBADMSG;
			begin = at = target;
			continue;
		}
		if (length > DNS_MAX_LABEL)
			return -EBADMSG;
		n += 1u + length;
		at += 1u + length;
		if (n > DNS_MAX_NAME || at > r->size)
			return -EBADMSG;
		if (length == 0)
			break;
	}
	if (!has_jumped)
		r->at = at;
	return 0;
}

int dns_read_record(struct dns_reader *r, struct dns_raw_record *ret)
{
	const uint8_t *p;

	ret->owner = r->at;
	if (skip_name(r) < 0 || r->size - r->at < 10)
		return -EBADMSG;
	p = r->data + r->at;
	ret->type = dns_get16(p);
	ret->class = dns_get16(p + 2);
	ret->ttl_at = r->at + 4;
	ret->size = dns_get16(p + 8);
	ret->data = p + 10;
	r->at += 10;
	if (r->size - r->at < ret->size)
		return -EBADMSG;
	r->at += ret->size;
	return 0;
}

int dns_read_question(struct dns_reader *r, struct dns_query *ret)
{
	if (read_name(r, &ret->name) < 0 || r->size - r->at < 4)
		return -EBADMSG;
	ret->type = dns_get16(r->data + r->at);
	ret->class = dns_get16(r->data + r->at + 2);
	r->at += 4;
	return 0;
}
