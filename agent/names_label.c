#include "agent/names_label.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/hash.h"

enum { HASH_DIGITS = 5, HASH_BITS = 5 };
/* Of one label; the hash and two '-' are the rest. */
enum { MAX_AGENT = 16, MAX_TASK = DNS_MAX_LABEL - MAX_AGENT - HASH_DIGITS - 2 };

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* SIZE bytes of TEXT; returns how many RET has. */
static size_t make_label(const char *text, size_t size, const char *dashes, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < size && n < DNS_MAX_LABEL; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (is_plain(c))
			ret[n++] = c;
		else if (n > 0 && c && strchr(dashes, c))
			ret[n++] = '-';
	}
	while (n > 0 && ret[n - 1] == '-')
		n--;
	ret[n] = '\0';
	return n;
}

void names_label(const char *text, char ret[NAMES_LABEL_SIZE])
{
	(void)make_label(text, strlen(text), "-./_ ", ret);
}

/* The same on all nodes, so that the key is nobody's secret. */
static void hash_text(const char *text, char ret[HASH_DIGITS + 1])
{
	static const char digits[] = "ybndrfg8ejkmcpqxot1uwisza345h769";
	static const uint64_t key[2] = { 0, 0 };
	uint64_t hash = hash_keyed(key, text, strlen(text));

	for (size_t i = 0; i < HASH_DIGITS; i++)
		ret[i] = digits[hash >> (i * HASH_BITS) & ((1 << HASH_BITS) - 1)];
	ret[HASH_DIGITS] = '\0';
}

void names_label_instance(const char *task_label, const char *task_id, const char *agent_id,
			  char ret[NAMES_LABEL_SIZE])
{
	const char *tail = strrchr(agent_id, '-');
	char agent[NAMES_LABEL_SIZE], hash[HASH_DIGITS + 1];

	names_label(tail ? tail : agent_id, agent);
	hash_text(task_id, hash);
	(void)snprintf(ret, NAMES_LABEL_SIZE, "%.*s-%s-%.*s", MAX_TASK, task_label, hash, MAX_AGENT,
		       agent);
}

int names_labels(const char *text, struct dns_name *ret)
{
	char name[DNS_MAX_NAME + 1], label[NAMES_LABEL_SIZE];
	size_t n = 0;

	while (*text) {
		size_t size = strcspn(text, "."), made = make_label(text, size, "-_ ", label);

		if (made > 0 && n + made + 1 >= sizeof(name))
			return -EINVAL;
		if (made > 0)
			n += (size_t)sprintf(name + n, "%s%s", n ? "." : "", label);
		text += size + (text[size] == '.');
	}
	name[n] = '\0';
	return n > 0 ? dns_name_parse(name, ret) : -EINVAL;
}
