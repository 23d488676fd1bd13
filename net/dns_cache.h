/* Answers of others, as long as they hold; beyond a number of them the longest unused go. */
#ifndef NET_DNS_CACHE_H
#define NET_DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct dns_cache;
struct dns_query;

enum { DNS_CACHE_MAX_ANSWER = 4096 };	/* octets; larger ones are not kept */

/* MAX 0: nothing is kept.  NULL: memory is out. */
struct dns_cache *dns_cache_new(size_t max);
void dns_cache_free(struct dns_cache *cache);

/* DATA (copied) holds for TTL seconds from NOW_MS; 0: it is not kept. */
void dns_cache_put(struct dns_cache *cache, const struct dns_query *query, const void *data,
		   size_t size, int64_t now_ms, uint32_t ttl);

/*
 * The answer to QUERY, borrowed until the next put, which is *RET_AGE seconds old: dns_answer_adopt() is still
 * to be done to a copy.  NULL: there is none that holds.
 */
const void *dns_cache_get(struct dns_cache *cache, const struct dns_query *query, int64_t now_ms,
			  size_t *ret_size, uint32_t *ret_age);

size_t dns_cache_count(const struct dns_cache *cache);

#endif
