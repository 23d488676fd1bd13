#include "lib/excerpt.h"

#include <string.h>

#include "lib/utf8.h"

static const char cut_mark[] = "...", bad_mark[] = "\xef\xbf\xbd";

enum kind { TEXT, BLANK, BAD, NOTHING };

/* Of a terminal's sequence "ESC [ parameters letter" at the start of TEXT; 0: there is none. */
static size_t escape_length(const char *text, size_t size)
{
	size_t n = 2;

	if (size < 2 || text[0] != '\x1b' || text[1] != '[')
		return 0;
	while (n < size && text[n] >= 0x20 && text[n] <= 0x3f)
		n++;
	return n < size ? n + 1 : size;
}

/* C0, DEL and C1, which terminals obey, and the blank itself. */
static bool is_blank(const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;

	return size == 1 ? s[0] <= ' ' || s[0] == 0x7f : size == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

static enum kind next_kind(const char *text, size_t size, size_t *ret_length)
{
	size_t n = escape_length(text, size);

	*ret_length = n;
	if (n > 0)
		return NOTHING;
	n = utf8_length(text, size);
	*ret_length = n > 0 ? n : 1;
	if (n == 0)
		return BAD;
	return is_blank(text, n) ? BLANK : TEXT;
}

/* What a cut left of its first character. */
static size_t count_continuations(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && n < 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

void excerpt_format(const char *bytes, size_t size, bool is_cut, char ret[EXCERPT_SIZE])
{
	enum kind last = BLANK, kind;
	char *out = ret, *end;

	if (is_cut)
		out = stpcpy(out, cut_mark);
	end = out;
	for (size_t i = is_cut ? count_continuations(bytes, size) : 0, n; i < size; i += n) {
		kind = next_kind(bytes + i, size - i, &n);
		if (kind == NOTHING || (kind == last && kind != TEXT))
			continue;
		last = kind;
		if (kind == BLANK) {
			*out++ = ' ';
			continue;
		}
		out = kind == BAD ? stpcpy(out, bad_mark) : (char *)mempcpy(out, bytes + i, n);
		end = out;
	}
	/* Blanks at the end, or all that there was of a cut text. */
	*(end == ret + strlen(cut_mark) && is_cut ? ret : end) = '\0';
}
