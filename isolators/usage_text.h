/* Pressure stall information: one format for cgroups and for the node. */
#ifndef ISOLATORS_USAGE_TEXT_H
#define ISOLATORS_USAGE_TEXT_H

struct usage_pressure;

/*
 * "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and, but for cpu on old kernels, a line "full".
 * -EINVAL; RET is written only on success.
 */
int usage_parse_pressure(const char *text, struct usage_pressure *ret);

#endif
