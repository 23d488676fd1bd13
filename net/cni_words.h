/* The words of CNI that several of its files judge: versions, names, addresses.  Pure. */
#ifndef NET_CNI_WORDS_H
#define NET_CNI_WORDS_H

#include <stdbool.h>

/* Of a bound list: what CNI_ARGS is. */
#define CNI_VARIABLES "CNI_ARGS"

enum { CNI_N_VERSIONS = 5 };
extern const char *const cni_versions[CNI_N_VERSIONS];	/* from the lowest on */

/* TEXT's place among those, from 1 on; 0: we do not know it. */
unsigned cni_version(const char *text);
enum { CNI_VERSION_CHECK = 3, CNI_VERSION_GC = 5 };	/* 0.4.0 and 1.1.0: the first with that verb */

/* A network's, plugin's or container's: letters and digits, after the first also "_.-". */
bool cni_is_name(const char *text);

/* An interface's that the kernel takes. */
bool cni_is_interface(const char *text);

bool cni_is_mac(const char *text);

/* AF_INET or AF_INET6 of the address TEXT or, of cni_network_family(), "ADDRESS/LENGTH"; 0: none. */
int cni_address_family(const char *text);
int cni_network_family(const char *text);

/* "KEY=VALUE;KEY=VALUE", of printable characters. */
bool cni_are_variables(const char *text);

#endif
