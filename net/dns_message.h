/*
 * DNS messages as bytes: queries read strictly, replies written, foreign answers walked.
 * RFC 1035, 2181, 2308, 3597, 4343, 6891.  Pure: no allocation, no clock, no socket.
 */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_PORT = 53,
	DNS_HEADER_SIZE = 12,
	DNS_MAX_NAME = 255,		/* octets of a name, lengths and the root's included */
	DNS_MAX_LABEL = 63,
	DNS_NAME_TEXT_SIZE = 4 * DNS_MAX_NAME,	/* each octet may be "\ddd" */
	DNS_PLAIN_UDP = 512,		/* what a client without EDNS takes */
	DNS_EDNS_UDP = 1232,		/* what we take and send: never cut into fragments */
	DNS_MAX_MESSAGE = 65535,
};

enum dns_rcode {
	DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4,
	DNS_REFUSED = 5, DNS_BADVERS = 16,
};

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28, DNS_SRV = 33,
	DNS_OPT = 41, DNS_TKEY = 249, DNS_MAILA = 254, DNS_ANY = 255,
};

enum { DNS_CLASS_IN = 1 };

/* ---- names ---- */

/* Uncompressed, as on the wire: labels after their lengths, then the root's zero. */
struct dns_name {
	uint8_t size;			/* from 1 */
	uint8_t wire[DNS_MAX_NAME];
};

/* "web.marathon.mesos", with or without a dot at its end; no escapes.  -EINVAL. */
int dns_name_parse(const char *text, struct dns_name *ret);
/* With a dot at its end; what is no letter, digit, '-' or '_' is escaped.  RET has DNS_NAME_TEXT_SIZE. */
void dns_name_format(const struct dns_name *name, char *ret);
/* ASCII letters only (RFC 4343). */
void dns_name_lower(struct dns_name *name);
/* Where in NAME the labels of DOMAIN begin, whatever their case; -ENOENT: it is not in DOMAIN. */
int dns_name_split(const struct dns_name *name, const struct dns_name *domain);
/* PREFIX's labels before those of NAME that begin at AT.  -ENAMETOOLONG. */
int dns_name_join(const struct dns_name *prefix, const struct dns_name *name, size_t at,
		  struct dns_name *ret);
/* "4.3.2.1.in-addr.arpa" or under "ip6.arpa". */
void dns_name_reverse(int family, const void *address, struct dns_name *ret);

/* ---- queries ---- */

struct dns_query {
	uint16_t id, flags;		/* as they came, host order */
	struct dns_name name;		/* in the case it was asked in */
	uint16_t type, class;
	bool has_question;		/* what is above was there; else it is not repeated */
	bool has_edns, wants_dnssec;
	uint16_t udp_size;		/* that the client takes, at least DNS_PLAIN_UDP */
};

/*
 * One question of opcode QUERY, alone but for an OPT record.  0: it may be answered; positive: the
 * rcode to answer with; -EBADMSG: nothing is to be answered (no whole header, or a response).
 * RET is filled as far as a reply needs it.
 */
int dns_query_parse(const void *data, size_t size, struct dns_query *ret);
bool dns_query_wants_recursion(const struct dns_query *query);

/*
 * What an answer depends on: queries of one key have one answer, but for its id and the case of its name.
 * Returns its size.
 */
enum { DNS_KEY_SIZE = DNS_MAX_NAME + 5 };
size_t dns_query_key(const struct dns_query *query, uint8_t ret[DNS_KEY_SIZE]);

/* QUERY with ID, for another server; returns its size, at most DNS_PLAIN_UDP. */
size_t dns_query_write(const struct dns_query *query, uint16_t id, void *ret);

/* ---- replies ---- */

struct dns_soa {
	const struct dns_name *server, *mailbox;
	uint32_t serial, refresh, retry, expire, minimum;	/* seconds */
};

struct dns_srv {
	uint16_t priority, weight, port;
	const struct dns_name *target;	/* never compressed (RFC 2782) */
};

struct dns_record {
	const struct dns_name *owner;
	enum dns_type type;
	uint32_t ttl;
	union {
		struct in_addr a;
		struct in6_addr aaaa;
		const struct dns_name *target;	/* NS, CNAME, PTR */
		struct dns_srv srv;
		struct dns_soa soa;
	};
};

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

enum { DNS_REPLY_NAMES = 32 };

/* One being written. */
struct dns_reply {
	uint8_t *data;			/* borrowed */
	size_t size, max;
	uint16_t names[DNS_REPLY_NAMES];	/* where names begin that others may end with */
	size_t n_names;
	bool has_edns, wants_dnssec;
};

enum dns_flag { DNS_AUTHORITATIVE = 0x0400, DNS_TRUNCATED = 0x0200, DNS_RECURSES = 0x0080 };

/* Into DATA of MAX octets, at least DNS_PLAIN_UDP.  FLAGS: of enum dns_flag. */
void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, unsigned flags,
		     void *data, size_t max);
/*
 * Sections in their order.  False: there is no room for it, and an answer without room makes the
 * reply a truncated one; nothing more is to be added to that section.
 */
bool dns_reply_add(struct dns_reply *reply, enum dns_section section,
		   const struct dns_record *record);
/* Returns its size. */
size_t dns_reply_end(struct dns_reply *reply, enum dns_rcode rcode);

/* ---- answers of others ---- */

struct dns_answer {
	uint16_t rcode;
	bool is_truncated;
	bool is_negative;		/* there is no such name, or nothing of that type (RFC 2308) */
	uint32_t ttl;			/* seconds for which it may be told again; 0: not at all */
};

/*
 * Is DATA the answer to QUERY as it was sent with ID?  -ENOMSG: to another, or none; -EBADMSG: it
 * is malformed.
 */
int dns_answer_parse(const void *data, size_t size, const struct dns_query *query, uint16_t id,
		     struct dns_answer *ret);
/*
 * Make sound DATA, an answer to the same question, that of QUERY: its id, its case, its RD, and
 * TTLs of at most MAX_TTL less AGE seconds.
 */
void dns_answer_adopt(void *data, size_t size, const struct dns_query *query, uint32_t age,
		      uint32_t max_ttl);

#endif
