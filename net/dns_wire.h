/* What DNS messages are made of, for the files that read and write them; others use dns_message.h. */
#ifndef NET_DNS_WIRE_H
#define NET_DNS_WIRE_H

#include "net/dns_message.h"

/* Of the header's second word (RFC 1035 4.1.1, RFC 4035 3.1.6). */
enum {
	DNS_FLAG_RESPONSE = 0x8000, DNS_FLAG_RECURSION = 0x0100,
	DNS_FLAG_AUTHENTIC = 0x0020, DNS_FLAG_CHECKING_DISABLED = 0x0010,
	DNS_MASK_OPCODE = 0x7800, DNS_MASK_RCODE = 0x000f,
};
enum { DNS_OFF_FLAGS = 2, DNS_OFF_COUNTS = 4, DNS_OFF_ADDITIONAL = 10 };
enum { DNS_OPT_DNSSEC_OK = 0x8000, DNS_POINTER = 0xc0, DNS_MAX_POINTED = 0x3fff };

uint16_t dns_get16(const uint8_t *p);
uint32_t dns_get32(const uint8_t *p);
void dns_put16(uint8_t *p, unsigned value);
void dns_put32(uint8_t *p, uint32_t value);

/* Each read moves AT behind what it read, or returns -EBADMSG. */
struct dns_reader {
	const uint8_t *data;
	size_t size, at;
};

struct dns_raw_record {
	size_t owner;			/* where it begins */
	uint16_t type, class;
	size_t ttl_at;
	const uint8_t *data;
	uint16_t size;
};

int dns_read_question(struct dns_reader *r, struct dns_query *ret);
int dns_read_record(struct dns_reader *r, struct dns_raw_record *ret);

#endif
