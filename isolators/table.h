/* The rows of isolator_table, one in each file. */
#ifndef ISOLATORS_TABLE_H
#define ISOLATORS_TABLE_H

#include "isolators/isolator.h"

extern const struct isolator isolator_cgroup;
extern const struct isolator isolator_cpu;
extern const struct isolator isolator_cpuset;
extern const struct isolator isolator_memory;
extern const struct isolator isolator_pids;
extern const struct isolator isolator_io;
extern const struct isolator isolator_hugetlb;
extern const struct isolator isolator_rdma;
extern const struct isolator isolator_devices;
extern const struct isolator isolator_unified;
extern const struct isolator isolator_join;
extern const struct isolator isolator_time;
extern const struct isolator isolator_user;
extern const struct isolator isolator_namespaces;
extern const struct isolator isolator_network;
extern const struct isolator isolator_sysctls;
extern const struct isolator isolator_apparmor;
extern const struct isolator isolator_filesystem;
extern const struct isolator isolator_personality;
extern const struct isolator isolator_scheduler;
extern const struct isolator isolator_rlimits;
extern const struct isolator isolator_credentials;
extern const struct isolator isolator_no_new_privs;
extern const struct isolator isolator_seccomp;

#endif
