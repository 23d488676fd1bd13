#include "lib/vip_label.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char prefix[] = "VIP_";
enum { MAX_DIGITS = 4, MAX_DNS_LABEL = 63, KEY_SIZE = 64 };

static const char digits[] = "0123456789";

bool vip_label_is(const char *key)
{
	size_t n;

	if (strncmp(key, prefix, strlen(prefix)) != 0)
		return false;
	key += strlen(prefix);
	n = strspn(key, digits);
	return n > 0 && n <= MAX_DIGITS && !key[n];
}

/* All of TEXT, in decimal digits, from LEAST to MOST. */
static bool read_number(const char *text, unsigned least, unsigned most, uint16_t *ret)
{
	unsigned value = 0;
	size_t n = strspn(text, digits);

	if (n == 0 || n > 5 || text[n])
		return false;
	for (; *text; text++)
		value = value * 10 + (unsigned)(*text - '0');
	if (value < least || value > most)
		return false;
	*ret = (uint16_t)value;
	return true;
}

/* ---- where ---- */

/* RFC 1123 2.1, in lower case: names that differ in case only would be two here, and one in DNS. */
static bool is_dns_label(const char *text, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return n > 0 && n <= MAX_DNS_LABEL && strspn(text, allowed) >= n && text[0] != '-' &&
	       text[n - 1] != '-';
}

static bool is_dns_name(const char *text)
{
	for (;;) {
		size_t n = strcspn(text, ".");

		if (!is_dns_label(text, n))
			return false;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

static int check_name(const char *name, struct err *e)
{
	struct in_addr address;

	if (!is_dns_name(name))
		return err_set(e, EINVAL, "'%s' is not a name of DNS in lower case", name);
	if (inet_pton(AF_INET, name, &address) == 1)
		return err_set(e, EINVAL, "the name '%s' is an address", name);
	return 0;
}

static int read_address(struct vip_label *label, struct err *e)
{
	struct in_addr address;
	in_addr_t host;

	if (inet_pton(AF_INET, label->host, &address) != 1)
		return err_set(e, EINVAL, "'%s' is neither an IPv4 address nor '/' and a name",
			       label->host);
	host = ntohl(address.s_addr);
	if (host >> 24 == 0 || host >> 24 == IN_LOOPBACKNET || host >> 24 >= 224)
		return err_set(e, EINVAL, "'%s' is not an address that a service can have",
			       label->host);
	label->address = address.s_addr;
	return 0;
}

/* SIZE bytes of TEXT, without '/'. */
static void copy_name(char *ret, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '/')
			*ret++ = text[i];
	}
	*ret = '\0';
}

int vip_read(const char *text, struct vip_label *ret, struct err *e)
{
	bool is_name = *text == '/';
	const char *host = text + is_name, *colon = strrchr(host, ':');
	size_t size = colon ? (size_t)(colon - host) : 0;

	*ret = (struct vip_label){ .address = 0 };
	if (!colon || size == 0)
		return err_set(e, EINVAL, "'%.300s' is not /NAME:PORT or ADDRESS:PORT", text);
	if (!read_number(colon + 1, 1, UINT16_MAX, &ret->port))
		return err_set(e, EINVAL, "'%.80s' is not a port", colon + 1);
	if (size > VIP_NAME_MAX)
		return err_set(e, EINVAL, "the name has %zu bytes, at most %d can be", size,
			       VIP_NAME_MAX);
	copy_name(ret->host, host, size);
	return is_name ? check_name(ret->host, e) : read_address(ret, e);
}

int vip_label_read(const Mesos__V1__Label *label, struct vip_label *ret, struct err *e)
{
	return vip_read(label->value ? label->value : "", ret, e);
}

/* ---- how ---- */

static int choose_balance(const char *text, const struct ranges *node_ports,
			  struct vip_choices *choices, struct err *e)
{
	static const struct {
		const char *name;
		Tepui__Service__Balance balance;
	} rows[] = {
		{ "roundrobin", TEPUI__SERVICE__BALANCE__ROUND_ROBIN },
		{ "random", TEPUI__SERVICE__BALANCE__RANDOM },
		{ "source", TEPUI__SERVICE__BALANCE__SOURCE },
	};

	(void)node_ports;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcasecmp(text, rows[i].name) == 0) {
			choices->balance = rows[i].balance;
			return 0;
		}
	}
	return err_set(e, EINVAL, "'%.80s' is neither roundrobin, random nor source", text);
}

static int choose_locality(const char *text, const struct ranges *node_ports,
			   struct vip_choices *choices, struct err *e)
{
	(void)node_ports;
	if (strcasecmp(text, "local") != 0)
		return err_set(e, EINVAL, "'%.80s' is not local", text);
	choices->prefers_local = true;
	return 0;
}

static int choose_node_port(const char *text, const struct ranges *node_ports,
			    struct vip_choices *choices, struct err *e)
{
	AUTO_FREE char *those = NULL;
	uint16_t port;

	if (read_number(text, 1, UINT16_MAX, &port) && ranges_contains(node_ports, port, port)) {
		choices->node_port = port;
		return 0;
	}
	those = ranges_format(node_ports);
	return err_set(e, EINVAL, "'%.80s' is not one of the ports that services may have at every"
		       " node: %.80s (--service_node_ports of the master)", text,
		       those && *those ? those : "none");
}

int vip_label_choose(const Mesos__V1__Labels *labels, const Mesos__V1__Label *label, size_t choice,
		     const struct ranges *node_ports, struct vip_choices *choices, struct err *e)
{
	static const struct {
		const char *suffix;
		int (*choose)(const char *text, const struct ranges *node_ports,
			      struct vip_choices *choices, struct err *e);
	} rows[N_VIP_CHOICES] = {
		{ "BALANCE", choose_balance },
		{ "PREFER", choose_locality },
		{ "NODE_PORT", choose_node_port },
	};
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%.40s_%s", label->key, rows[choice].suffix);
	for (size_t i = 0; i < labels->n_labels; i++) {
		const char *value = labels->labels[i]->value ? labels->labels[i]->value : "";

		if (strcmp(labels->labels[i]->key, key) == 0)
			return rows[choice].choose(value, node_ports, choices, e) < 0 ?
			       err_wrap(e, "label '%s'", key) : 0;
	}
	return 0;
}

int vip_weight_read(const char *text, uint16_t *ret, struct err *e)
{
	if (!read_number(text, 0, VIP_WEIGHT_MAX, ret))
		return err_set(e, EINVAL, "label 'weight': '%.80s' is not a number from 0 to %d",
			       text, VIP_WEIGHT_MAX);
	return 0;
}
