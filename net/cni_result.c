#include "net/cni_result.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/err.h"
#include "lib/excerpt.h"
#include "lib/utf8.h"
#include "net/cni_words.h"

enum { MAX_INTERFACES = 64, MAX_ROUTES = 1024, MAX_WORDS = 32, MAX_WORD = 255, MAX_PATH = 4096 };

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* TEXT as one line of at most about MAX bytes. */
static void shorten(const char *text, size_t max, char ret[EXCERPT_SIZE])
{
	excerpt_format(text ? text : "", text ? utf8_cut(text, max) : 0, false, ret);
}

/* Texts come from programs: what is shown of one is one line. */
static int wrong(const char *what, size_t i, const char *text, const char *expected,
		 struct err *e)
{
	char shown[EXCERPT_SIZE];

	shorten(text, 64, shown);
	return err_set(e, EINVAL, "%s[%zu]: '%s' is not %s", what, i, shown, expected);
}

/* The list KEY of RESULT, of at most MAX; absent is empty. */
static int read_list(const json_t *result, const char *key, size_t max, const json_t **ret,
		     struct err *e)
{
	const json_t *list = json_object_get(result, key);

	*ret = json_is_null(list) ? NULL : list;
	if (*ret && !json_is_array(list))
		return err_set(e, EINVAL, "%s: not a list", key);
	if (json_array_size(list) > max)
		return err_set(e, EINVAL, "%s: %zu, which is more than %zu", key,
			       json_array_size(list), max);
	return 0;
}

/* Plugins leave what they do not know empty. */
static bool is_given(const char *text)
{
	return text && *text;
}

static int check_interfaces(const json_t *result, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (read_list(result, "interfaces", MAX_INTERFACES, &list, e) < 0)
		return -e->code;
	json_array_foreach(list, i, item) {
		const char *name = text_of(item, "name"), *mac = text_of(item, "mac");
		const char *sandbox = text_of(item, "sandbox");

		if (!name || !cni_is_interface(name))
			return wrong("interfaces", i, name, "the name of an interface", e);
		if (is_given(mac) && !cni_is_mac(mac))
			return wrong("interfaces", i, mac, "a hardware address", e);
		if (is_given(sandbox) && (sandbox[0] != '/' || strlen(sandbox) > MAX_PATH))
			return wrong("interfaces", i, sandbox, "the path of a namespace", e);
	}
	return 0;
}

/* "version" is there up to 0.4.0. */
static bool is_of_version(const char *version, int family)
{
	return !version || strcmp(version, family == AF_INET ? "4" : "6") == 0;
}

static int check_address(const json_t *item, size_t i, size_t n_interfaces, struct err *e)
{
	const char *address = text_of(item, "address"), *gateway = text_of(item, "gateway");
	const json_t *interface = json_object_get(item, "interface");
	int family = address ? cni_network_family(address) : 0;

	if (family == 0)
		return wrong("ips", i, address, "an address with the length of its network", e);
	if (!is_of_version(text_of(item, "version"), family))
		return wrong("ips", i, address, "of the version that is said of it", e);
	if (is_given(gateway) && cni_address_family(gateway) != family)
		return wrong("ips", i, gateway, "a gateway for that address", e);
	if (interface && (!json_is_integer(interface) || json_integer_value(interface) < 0 ||
			  (size_t)json_integer_value(interface) >= n_interfaces))
		return wrong("ips", i, address, "at an interface that there is", e);
	return 0;
}

static int check_addresses(const json_t *result, struct err *e)
{
	size_t n_interfaces = json_array_size(json_object_get(result, "interfaces")), i;
	const json_t *list, *item;

	if (read_list(result, "ips", CNI_MAX_ADDRESSES, &list, e) < 0)
		return -e->code;
	json_array_foreach(list, i, item) {
		if (check_address(item, i, n_interfaces, e) < 0)
			return -e->code;
	}
	return 0;
}

static int check_routes(const json_t *result, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (read_list(result, "routes", MAX_ROUTES, &list, e) < 0)
		return -e->code;
	json_array_foreach(list, i, item) {
		const char *dst = text_of(item, "dst"), *gw = text_of(item, "gw");

		if (!dst || cni_network_family(dst) == 0)
			return wrong("routes", i, dst, "a network", e);
		if (is_given(gw) && cni_address_family(gw) == 0)
			return wrong("routes", i, gw, "a gateway", e);
	}
	return 0;
}

/* What may stand in a line of resolv.conf(5) among others. */
static bool is_word(const char *text)
{
	size_t size = text ? strlen(text) : 0;

	for (size_t i = 0; i < size; i++) {
		if (!isgraph((unsigned char)text[i]) || strchr(";#", text[i]))
			return false;
	}
	return size > 0 && size <= MAX_WORD;
}

static int check_words(const json_t *dns, const char *key, bool are_addresses, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (read_list(dns, key, MAX_WORDS, &list, e) < 0)
		return err_wrap(e, "dns");
	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);

		if (!is_word(text) || (are_addresses && cni_address_family(text) == 0))
			return wrong(key, i, text, are_addresses ? "an address" : "a word", e);
	}
	return 0;
}

static int check_dns(const json_t *result, struct err *e)
{
	const json_t *dns = json_object_get(result, "dns");
	const char *domain = text_of(dns, "domain");

	if (dns && !json_is_object(dns) && !json_is_null(dns))
		return err_set(e, EINVAL, "dns: not an object");
	if (is_given(domain) && !is_word(domain))
		return wrong("dns.domain", 0, domain, "a domain", e);
	if (check_words(dns, "nameservers", true, e) < 0 || check_words(dns, "search", false, e) < 0)
		return -e->code;
	return check_words(dns, "options", false, e);
}

int cni_result_check(const json_t *result, const char *version, struct err *e)
{
	const char *of = text_of(result, "cniVersion");

	if (!json_is_object(result))
		return err_set(e, EINVAL, "not an object");
	if (!of || strcmp(of, version) != 0)
		return err_set(e, EINVAL, "of version '%.16s', where '%s' was asked for",
			       of ? of : "", version);
	if (check_interfaces(result, e) < 0 || check_addresses(result, e) < 0 ||
	    check_routes(result, e) < 0 || check_dns(result, e) < 0)
		return -e->code;
	return 0;
}

/* The interface at which IP is; NULL: it is not said. */
static const json_t *interface_of(const json_t *result, const json_t *ip)
{
	const json_t *index = json_object_get(ip, "interface");

	return index ? json_array_get(json_object_get(result, "interfaces"),
				      (size_t)json_integer_value(index)) : NULL;
}

int cni_result_addresses(const json_t *result, char *ret[CNI_MAX_ADDRESSES], size_t *ret_n,
			 struct err *e)
{
	const json_t *ip;
	size_t i, n = 0;

	json_array_foreach(json_object_get(result, "ips"), i, ip) {
		const json_t *interface = interface_of(result, ip);

		if (interface && !is_given(text_of(interface, "sandbox")))
			continue;
		ret[n] = strdup(text_of(ip, "address"));
		if (ret[n++])
			continue;
		while (n > 0)
			free(ret[--n]);
		return err_set(e, ENOMEM, "read addresses");
	}
	*ret_n = n;
	return 0;
}

void cni_error_describe(const json_t *error, char *buf, size_t size)
{
	char msg[EXCERPT_SIZE], details[EXCERPT_SIZE];

	shorten(text_of(error, "msg"), 160, msg);
	shorten(text_of(error, "details"), 80, details);
	(void)snprintf(buf, size, "%s%s%s (code %lld)", msg, *details ? ": " : "", details,
		       (long long)json_integer_value(json_object_get(error, "code")));
}
