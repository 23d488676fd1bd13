/*
 * Regular expressions in time linear in the text: what foreign programs give is compiled to a
 * bounded program and run without backtracking.
 *
 * The syntax is RE2's, and so is the meaning, as far as whether a whole text matches can tell:
 * literals, . [a-z] [^a-z] [[:alpha:]] \d \D \s \S \w \W \t \n \r \f \v \a \xhh \x{h}, groups
 * () (?:) (?P<name>) (?i) (?s) and their like, | * + ? {n} {n,} {n,m} and their lazy forms, ^ $ \A \z.
 * Not known, and refused: \b, \B, \p{..}, \Q, \C, the flag U, and what RE2 refuses as well
 * (backreferences, lookaround).  Without regard to case are letters of ASCII only.  Texts and
 * patterns are UTF-8; a byte that is none stands for itself.
 */
#ifndef LIB_REGEX_H
#define LIB_REGEX_H

#include <stdbool.h>

struct err;
struct regex;

enum {
	REGEX_MAX_PATTERN = 4096,	/* bytes */
	REGEX_MAX_PROGRAM = 1000,	/* steps: what Mesos's bound of 100 for RE2 takes is taken */
	REGEX_MAX_BYTES = 128 << 10,
};

/*
 * -EINVAL: what is wrong with PATTERN, or that it is too complex; -ENOMEM.  *ret is owned: one block of
 * malloc(3), as large as the program that PATTERN makes, and never above REGEX_MAX_BYTES.
 */
int regex_new(const char *pattern, struct regex **ret, struct err *e);
void regex_free(struct regex *regex);

/* Does all of TEXT match? */
bool regex_matches(const struct regex *regex, const char *text);

#endif
