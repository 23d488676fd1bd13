/* Small readers of the API's JSON, shared by the commands. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>

struct cli;

/* The member, or "" / 0 when it is missing or of another type. */
const char *member_text(const json_t *object, const char *key);
double member_number(const json_t *object, const char *key);

/* --json: the document as it came, indented. */
void print_json(const json_t *json);

#endif
