#include "net/dns_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "net/dns_message.h"

struct entry {
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) link;
	int64_t since_ms, until_ms;
	size_t key_size, size;
	uint8_t octets[];		/* the key, then the answer */
};

struct dns_cache {
	struct entry *entries;		/* by key */
	TAILQ_HEAD(entry_list, entry) by_use;	/* the longest unused first */
	size_t n, max;
};

struct dns_cache *dns_cache_new(size_t max)
{
	struct dns_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->max = max;
	TAILQ_INIT(&cache->by_use);
	return cache;
}

static void drop(struct dns_cache *cache, struct entry *entry)
{
	HASH_DEL(cache->entries, entry);
	TAILQ_REMOVE(&cache->by_use, entry, link);
	cache->n--;
	free(entry);
}

void dns_cache_free(struct dns_cache *cache)
{
	if (!cache)
		return;
	while (!TAILQ_EMPTY(&cache->by_use))
		drop(cache, TAILQ_FIRST(&cache->by_use));
	free(cache);
}

static struct entry *find(const struct dns_cache *cache, const uint8_t *key, size_t size)
{
	struct entry *entry;

	HASH_FIND(hh, cache->entries, key, size, entry);
	return entry;
}

void dns_cache_put(struct dns_cache *cache, const struct dns_query *query, const void *data,
		   size_t size, int64_t now_ms, uint32_t ttl)
{
	uint8_t key[DNS_KEY_SIZE];
	size_t key_size = dns_query_key(query, key);
	struct entry *entry = find(cache, key, key_size);

	if (entry)
		drop(cache, entry);
	if (ttl == 0 || size > DNS_CACHE_MAX_ANSWER || cache->max == 0)
		return;
	if (cache->n == cache->max)
		drop(cache, TAILQ_FIRST(&cache->by_use));
	entry = calloc(1, sizeof(*entry) + key_size + size);
	if (!entry)
		return;
	entry->since_ms = now_ms;
	entry->until_ms = now_ms + (int64_t)ttl * 1000;
	entry->key_size = key_size;
	entry->size = size;
	memcpy(entry->octets, key, key_size);
	memcpy(entry->octets + key_size, data, size);
	HASH_ADD_KEYPTR(hh, cache->entries, entry->octets, key_size, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return;
	}
	TAILQ_INSERT_TAIL(&cache->by_use, entry, link);
	cache->n++;
}

const void *dns_cache_get(struct dns_cache *cache, const struct dns_query *query, int64_t now_ms,
			  size_t *ret_size, uint32_t *ret_age)
{
	uint8_t key[DNS_KEY_SIZE];
	struct entry *entry = find(cache, key, dns_query_key(query, key));

	if (entry && now_ms >= entry->until_ms) {
		drop(cache, entry);
		entry = NULL;
	}
	if (!entry)
		return NULL;
	TAILQ_REMOVE(&cache->by_use, entry, link);
	TAILQ_INSERT_TAIL(&cache->by_use, entry, link);
	*ret_size = entry->size;
	*ret_age = (uint32_t)((now_ms - entry->since_ms) / 1000);
	return entry->octets + entry->key_size;
}

size_t dns_cache_count(const struct dns_cache *cache)
{
	return cache->n;
}
