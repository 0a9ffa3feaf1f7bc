/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_out.h"

#include <stdlib.h>
#include <string.h>

#include "rfc3339.h"

static const char hex[] = "0123456789ABCDEF";

void
json_out_free(struct json_out *o)
{
	if (o == NULL)
		return;
	free(o->buf);
	*o = (struct json_out){ 0 };
}

/* Room for @n more octets; NULL when there is no memory. */
static char *
reserve(struct json_out *o, size_t n)
{
	size_t cap = o->cap == 0 ? 4096 : o->cap;
	char *buf;

	if (o->failed)
		return NULL;
	if (o->cap - o->len >= n)
		return o->buf + o->len;
	while (cap - o->len < n) {
		if (cap > SIZE_MAX / 2)
			break;
		cap *= 2;
	}
	buf = cap - o->len < n ? NULL : realloc(o->buf, cap);
	if (buf == NULL) {
		o->failed = true;
		return NULL;
	}
	o->buf = buf;
	o->cap = cap;
	return buf + o->len;
}

void
json_raw(struct json_out *o, const void *s, size_t len)
{
	char *p = reserve(o, len);

	if (p == NULL || len == 0)
		return;
	memcpy(p, s, len);
	o->len += len;
}

/* A value or key follows: put a comma unless it is the first. */
static void
separate(struct json_out *o)
{
	char last;

	if (o->len == 0 || reserve(o, 1) == NULL)
		return;
	last = o->buf[o->len - 1];
	/* The text of a string never ends a token: its closing quote does. */
	if (last != '{' && last != '[' && last != ':' && last != '\n')
		o->buf[o->len++] = ',';
}

void
json_open(struct json_out *o, char bracket)
{
	separate(o);
	json_raw(o, &bracket, 1);
}

void
json_close(struct json_out *o, char bracket)
{
	json_raw(o, &bracket, 1);
}

void
json_key(struct json_out *o, const char *key)
{
	size_t n = strlen(key);
	char *p;

	separate(o);
	p = reserve(o, n + 3);
	if (p == NULL)
		return;
	p[0] = '"';
	memcpy(p + 1, key, n);
	p[n + 1] = '"';
	p[n + 2] = ':';
	o->len += n + 3;
}

void
json_u64(struct json_out *o, uint64_t v)
{
	char tmp[20];
	size_t i = sizeof(tmp);

	separate(o);
	do {
		tmp[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	json_raw(o, tmp + i, sizeof(tmp) - i);
}

void
json_bool(struct json_out *o, bool v)
{
	separate(o);
	json_raw(o, v ? "true" : "false", v ? 4 : 5);
}

void
json_put_null(struct json_out *o)
{
	separate(o);
	json_raw(o, "null", 4);
}

/* RFC 3629 section 4, table of well-formed sequences. */
unsigned int
json_utf8_len(const uint8_t *s, size_t len)
{
	unsigned int n, i;
	uint8_t lo = 0x80, hi = 0xbf;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f; /* no surrogates */
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (n > len || s[1] < lo || s[1] > hi)
		return 0;
	for (i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

/* Code points that are shown escaped: they do something to a terminal or a reader instead of being seen. */
static bool
is_unseen(uint32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9f) || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff || cp == 0x61c;
}

static char *
put_u(char *p, uint32_t cp)
{
	*p++ = '\\';
	*p++ = 'u';
	*p++ = hex[cp >> 12 & 15];
	*p++ = hex[cp >> 8 & 15];
	*p++ = hex[cp >> 4 & 15];
	*p++ = hex[cp & 15];
	return p;
}

/* One or more octets at @s that need care; *ret_used are used up. */
static char *
put_special(char *p, const uint8_t *s, size_t len, size_t *ret_used, bool *ret_valid)
{
	unsigned int n;
	uint32_t cp;

	*ret_used = 1;
	if (*s == '"' || *s == '\\') {
		*p++ = '\\';
		*p++ = (char)*s;
		return p;
	}
	if (*s < 0x20 || *s == 0x7f)
		return put_u(p, *s);
	n = json_utf8_len(s, len);
	if (n == 0) {
		/* Shown as \xHH; the backslash itself is escaped by JSON. */
		*ret_valid = false;
		*p++ = '\\';
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[*s >> 4];
		*p++ = hex[*s & 15];
		return p;
	}
	*ret_used = n;
	cp = n == 2 ? (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f)
	   : n == 3 ? (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f) : 0x10000;
	if (is_unseen(cp))
		return put_u(p, cp);
	memcpy(p, s, n);
	return p + n;
}

bool
json_text(struct json_out *o, const void *s_, size_t len)
{
	const uint8_t *s = s_;
	bool valid = true;
	size_t i = 0;
	char *p;

	separate(o);
	p = len > (SIZE_MAX - 2) / 6 ? NULL : reserve(o, len * 6 + 2);
	if (p == NULL) {
		o->failed = true;
		return true;
	}
	*p++ = '"';
	while (i < len) {
		size_t used = 1;

		if (s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
			*p++ = (char)s[i];
		else
			p = put_special(p, s + i, len - i, &used, &valid);
		i += used;
	}
	*p++ = '"';
	o->len = (size_t)(p - o->buf);
	return valid;
}

void
json_cstr(struct json_out *o, const char *s)
{
	(void)json_text(o, s, strlen(s));
}

void
json_base64(struct json_out *o, const void *s_, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *s = s_;
	size_t i;
	char *p;

	separate(o);
	p = len > SIZE_MAX / 2 ? NULL : reserve(o, (len + 2) / 3 * 4 + 2);
	if (p == NULL) {
		o->failed = true;
		return;
	}
	*p++ = '"';
	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)s[i + 1] << 8;
		if (i + 2 < len)
			v |= s[i + 2];
		*p++ = set[v >> 18];
		*p++ = set[v >> 12 & 63];
		*p++ = i + 1 < len ? set[v >> 6 & 63] : '=';
		*p++ = i + 2 < len ? set[v & 63] : '=';
	}
	*p++ = '"';
	o->len = (size_t)(p - o->buf);
}

void
json_time(struct json_out *o, uint64_t ts_ns)
{
	char tmp[RFC3339_LEN + 3];

	separate(o);
	tmp[0] = '"';
	rfc3339_format(ts_ns, tmp + 1);
	tmp[RFC3339_LEN + 1] = '"';
	json_raw(o, tmp, RFC3339_LEN + 2);
}

void
json_kv_u64(struct json_out *o, const char *key, uint64_t v)
{
	json_key(o, key);
	json_u64(o, v);
}

void
json_kv_bool(struct json_out *o, const char *key, bool v)
{
	json_key(o, key);
	json_bool(o, v);
}

void
json_kv_null(struct json_out *o, const char *key)
{
	json_key(o, key);
	json_put_null(o);
}

void
json_kv_cstr(struct json_out *o, const char *key, const char *s)
{
	json_key(o, key);
	json_cstr(o, s);
}

bool
json_kv_text(struct json_out *o, const char *key, const void *s, size_t len)
{
	json_key(o, key);
	return json_text(o, s, len);
}
