/* Small readers of the API's JSON, shared by the commands. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdarg.h>

struct cli;

/* The member, or "" / 0 when it is missing or of another type. */
const char *member_text(const json_t *object, const char *key);
double member_number(const json_t *object, const char *key);
/* What OBJECT speaks of: its member "app", or else "pod"; NULL: neither. */
const json_t *member_subject(const json_t *object);
/* The same where it is an id; "" when there is none. */
const char *member_subject_id(const json_t *object);

/* A line "LABEL   text" for people, without control bytes. */
void print_field(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a task calls itself must not steer the reader's terminal: no control byte is left. */
void print_tame(char *text);

/* FORMAT filled in and tamed: owned, NULL when memory is out. */
char *print_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* --json: the document as it came, indented, its numbers with at most 15 digits. */
void print_json(const json_t *json);

#endif
