/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_postfix - recipients in a mail log of Postfix
 *
 *	STAMP HOST postfix/smtpd[1]: 4XQ: client=gw.example[192.0.2.7]
 *	STAMP HOST postfix/qmgr[1]: 4XQ: from=<bob@example.com>, size=712, nrcpt=1 (queue active)
 *	STAMP HOST postfix/smtp[1]: 4XQ: to=<gen.ames@army.ml>, relay=..., status=...
 *	STAMP HOST postfix/smtpd[1]: NOQUEUE: reject: RCPT from gw.example[192.0.2.7]: 550 ...; from=<a@b> to=<c@d> proto=...
 *
 * Only what stands where Postfix writes it counts: "to=<...>" inside a header or a reply of a server is somebody else's text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"
#include "rfc3339.h"
#include "rules_recipients.h"

enum {
	SLOTS = 1 << 16,
	QUEUE_ID_MAX = 32,
	SENDER_MAX = 512,
	STAMP_MAX = 40,
};

/* What was told about a queue id. A newer one with the same slot takes its place. */
struct slot {
	char id[QUEUE_ID_MAX]; /* NUL-padded */
	char *sender;	       /* NULL: not told */
	size_t sender_len;
	struct rules_client client;
};

struct postfix_log {
	struct slot *slots[SLOTS]; /* NULL: free */
};

/* A piece of a line. */
struct span {
	const char *p, *end;
};

struct postfix_log *
postfix_log_new(void)
{
	return calloc(1, sizeof(struct postfix_log));
}

void
postfix_log_free(struct postfix_log *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < SLOTS; i++) {
		if (p->slots[i] != NULL)
			free(p->slots[i]->sender);
		free(p->slots[i]);
	}
	free(p);
}

static bool
starts(const struct span *s, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(s->end - s->p) >= len && memcmp(s->p, text, len) == 0;
}

/* Behind "postfix.../daemon[pid]: ", the syslog tag: the first word that ends with a colon. */
static bool
skip_tag(struct span *s)
{
	const char *word, *p = s->p;

	do {
		while (p < s->end && *p == ' ')
			p++;
		word = p;
		while (p < s->end && *p != ' ')
			p++;
		if (p == s->end)
			return false;
	} while (p[-1] != ':');
	if (p - word <= 8 || memcmp(word, "postfix", 7) != 0 ||
	    memchr(word, '/', (size_t)(p - word)) == NULL)
		return false;
	s->p = p + 1;
	return true;
}

bool
postfix_log_is(const char *line, size_t len)
{
	struct span s = {line, line + len};

	return skip_tag(&s);
}

/* The word before ": "; letters and digits only. */
static bool
read_id(struct span *s, char id[QUEUE_ID_MAX])
{
	static const char good[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *p = s->p;
	size_t len;

	while (p < s->end && *p != '\0' && strchr(good, *p) != NULL)
		p++;
	len = (size_t)(p - s->p);
	if (len == 0 || len >= QUEUE_ID_MAX || s->end - p < 2 || p[0] != ':' || p[1] != ' ')
		return false;
	memset(id, 0, QUEUE_ID_MAX);
	memcpy(id, s->p, len);
	s->p = p + 2;
	return true;
}

/* What stands between the < at s->p and its >; a quoted local part may hold one. */
static bool
read_path(struct span *s, struct span *ret)
{
	bool quoted = false;
	const char *p;

	for (p = s->p; p < s->end; p++) {
		if (quoted && *p == '\\' && p + 1 < s->end) {
			p++;
		} else if (*p == '"') {
			quoted = !quoted;
		} else if (!quoted && *p == '>') {
			*ret = (struct span){s->p, p};
			s->p = p + 1;
			return true;
		}
	}
	/* A quote that never ends was no quote. */
	p = memchr(s->p, '>', (size_t)(s->end - s->p));
	if (p == NULL)
		return false;
	*ret = (struct span){s->p, p};
	s->p = p + 1;
	return true;
}

/* host[192.0.2.7], up to the bracket. */
static void
read_client(struct span s, struct rules_client *ret)
{
	const char *open = memchr(s.p, '[', (size_t)(s.end - s.p)), *close;

	memset(ret, 0, sizeof(*ret));
	close = open != NULL ? memchr(open, ']', (size_t)(s.end - open)) : NULL;
	if (close != NULL)
		rules_client_read(open + 1, (size_t)(close - open) - 1, ret);
}

static struct slot **
slot_of(struct postfix_log *p, const char id[QUEUE_ID_MAX])
{
	return &p->slots[hash64(id, QUEUE_ID_MAX, 0) % SLOTS];
}

/* What was told about @id, or NULL. */
static const struct slot *
find(struct postfix_log *p, const char id[QUEUE_ID_MAX])
{
	const struct slot *s = *slot_of(p, id);

	return s != NULL && memcmp(s->id, id, QUEUE_ID_MAX) == 0 ? s : NULL;
}

/* The slot made that of @id; what belonged to another is gone. NULL: out of memory. */
static struct slot *
claim(struct postfix_log *p, const char id[QUEUE_ID_MAX])
{
	struct slot **at = slot_of(p, id);

	if (*at == NULL)
		*at = calloc(1, sizeof(**at));
	if (*at == NULL || memcmp((*at)->id, id, QUEUE_ID_MAX) == 0)
		return *at;
	free((*at)->sender);
	memset(*at, 0, sizeof(**at));
	memcpy((*at)->id, id, QUEUE_ID_MAX);
	return *at;
}

/* False: out of memory. */
static bool
keep_sender(struct slot *slot, const struct span *path)
{
	size_t len = (size_t)(path->end - path->p);
	char *copy;

	if (len > SENDER_MAX)
		return true;
	copy = malloc(len + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, path->p, len);
	free(slot->sender);
	slot->sender = copy;
	slot->sender_len = len;
	return true;
}

/* The RFC 3339 time at the line's beginning; 0: there is none. */
static uint64_t
read_stamp(const char *line, size_t len)
{
	const char *blank = memchr(line, ' ', len);
	char stamp[STAMP_MAX];
	uint64_t ns;
	size_t n = blank != NULL ? (size_t)(blank - line) : 0;

	if (n < 10 || n >= sizeof(stamp))
		return 0;
	memcpy(stamp, line, n);
	stamp[n] = '\0';
	return rfc3339_parse(stamp, &ns) == 0 ? ns : 0;
}

static int
take_path(const struct span *path, struct rules_question *q, rules_recipients_take take, void *ctx)
{
	q->address = path->p;
	q->len = (size_t)(path->end - path->p);
	return take(ctx, q);
}

/* RCPT from gw.example[192.0.2.7]: 550 5.1.1 ...; from=<a@b> to=<c@d> proto=ESMTP */
static int
take_rejected(struct span s, struct rules_question *q, rules_recipients_take take, void *ctx)
{
	struct span sender, path;

	read_client(s, &q->client);
	/* What stands in brackets before it, such as the recipient, may look the same. */
	while (s.p < s.end && !starts(&s, "; from=<")) {
		if (*s.p++ == '<' && !read_path(&s, &path))
			return 0;
	}
	if (s.p == s.end)
		return 0;
	s.p += strlen("; from=<");
	if (!read_path(&s, &sender) || !starts(&s, " to=<"))
		return 0;
	s.p += strlen(" to=<");
	q->sender = sender.p;
	q->sender_len = (size_t)(sender.end - sender.p);
	return read_path(&s, &path) ? take_path(&path, q, take, ctx) : 0;
}

int
postfix_log_line(struct postfix_log *p, const char *line, size_t len, rules_recipients_take take,
		 void *ctx)
{
	struct rules_question q = {.sender = "", .is_path = true, .ts_ns = read_stamp(line, len)};
	struct span s = {line, line + len}, path;
	char id[QUEUE_ID_MAX];
	const struct slot *told;
	struct slot *slot;

	if (!skip_tag(&s))
		return 0; /* somebody else's line */
	if (!read_id(&s, id))
		return 0;
	if (starts(&s, "reject: RCPT from ")) {
		s.p += strlen("reject: RCPT from ");
		return take_rejected(s, &q, take, ctx);
	}
	if (starts(&s, "client=")) {
		slot = claim(p, id);
		if (slot == NULL)
			return -ENOMEM;
		read_client(s, &slot->client);
	} else if (starts(&s, "from=<")) {
		s.p += strlen("from=<");
		slot = claim(p, id);
		if (slot == NULL || (read_path(&s, &path) && !keep_sender(slot, &path)))
			return -ENOMEM;
	} else if (starts(&s, "to=<")) {
		s.p += strlen("to=<");
		told = find(p, id);
		if (told != NULL) {
			q.sender = told->sender != NULL ? told->sender : "";
			q.sender_len = told->sender_len;
			q.client = told->client;
		}
		if (read_path(&s, &path))
			return take_path(&path, &q, take, ctx);
	}
	return 0;
}
