/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libfyaml.h>

struct builder {
	const char *file;
	struct arena *arena;
	struct rule_errors *errs;
	struct fy_parser *parser;
	struct yaml_node *root;
	struct yaml_node *open[YAML_DEPTH_MAX];
	unsigned int depth;
	unsigned int documents;
	size_t nodes;
	size_t syntax_errors;
};

/* Length of the character at @p as YAML 1.2 §5.1 allows it, 0: not allowed. */
static size_t
character_len(const uint8_t *p, size_t len)
{
	uint32_t cp;

	if (p[0] < 0x80)
		return p[0] == '\n' || p[0] == '\r' || (p[0] >= 0x20 && p[0] != 0x7f) ? 1 : 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf && len >= 2 && (p[1] & 0xc0) == 0x80)
		return p[0] > 0xc2 || p[1] >= 0xa0 ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef && len >= 3 && (p[1] & 0xc0) == 0x80 &&
	    (p[2] & 0xc0) == 0x80) {
		cp = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
		return cp >= 0x800 && (cp < 0xd800 || cp > 0xdfff) && cp < 0xfffe && cp != 0xfeff
			       ? 3
			       : 0;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4 && len >= 4 && (p[1] & 0xc0) == 0x80 &&
	    (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80) {
		cp = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		     (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
		return cp >= 0x10000 && cp <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

/*
 * The first octet that can't stand in such a file is an error; the parser would stop there with less to say. Tabs, too:
 * YAML does not indent with them, and libfyaml 0.7.12 crashes while it shows some lines that have many.
 */
static bool
check_octets(const char *file, const char *octets, size_t len, struct rule_errors *errs)
{
	const uint8_t *p = (const uint8_t *)octets;
	struct rule_place at = {file, 1, 1};
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = character_len(p + i, len - i);
		if (n == 0 && p[i] == '\t') {
			rule_errors_add(errs, RULE_ERROR, &at, "use blanks; inside double quotes write \\t",
					"a tab stands here");
			return false;
		}
		if (n == 0) {
			rule_errors_add(
				errs, RULE_ERROR, &at,
				p[i] < 0x80 ? "remove it; inside double quotes it can be written "
					      "as \\xHH"
					    : "save the file as UTF-8 without byte order mark",
				"octet 0x%02x %s", p[i],
				p[i] < 0x80 ? "is a control character" : "is not valid UTF-8 here");
			return false;
		}
		if (p[i] == '\n' || (p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n'))) {
			at.line++;
			at.column = 1;
		} else {
			at.column++;
		}
	}
	return true;
}

static struct rule_place
place(const struct builder *b, struct fy_token *token)
{
	const struct fy_mark *mark = token != NULL ? fy_token_start_mark(token) : NULL;
	struct rule_place at = {b->file, 0, 0};

	if (mark != NULL) {
		at.line = mark->line + 1;
		at.column = mark->column + 1;
	}
	return at;
}

static bool
refuse(struct builder *b, struct fy_token *token, const char *what, const char *hint)
{
	struct rule_place at = place(b, token);

	rule_errors_add(b->errs, RULE_ERROR, &at, hint, "%s", what);
	return false;
}

static bool
add_node(struct builder *b, enum yaml_type type, struct fy_token *token, struct yaml_node **ret)
{
	struct yaml_node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;
	struct yaml_node *n;

	if (++b->nodes > YAML_NODES_MAX)
		return refuse(b, token, "the file has too many entries",
			      "split it into several files of one folder");
	if (parent != NULL && parent->type == YAML_MAPPING && parent->nb % 2 == 0 &&
	    type != YAML_SCALAR)
		return refuse(b, token, "a key must be a plain word, not a list or mapping", NULL);
	n = arena_alloc(b->arena, sizeof(*n));
	if (n == NULL)
		return false;
	n->type = type;
	n->at = place(b, token);
	/* An empty value has no place of its own: that of its key helps. */
	if (n->at.line == 0 && parent != NULL)
		n->at = parent->last != NULL ? parent->last->at : parent->at;
	if (parent == NULL) {
		b->root = n;
	} else {
		if (parent->last != NULL)
			parent->last->next = n;
		else
			parent->first = n;
		parent->last = n;
		parent->nb++;
	}
	*ret = n;
	return true;
}

/* Tags and anchors make a node unusable, but what follows is still read: all faults at once. */
static bool
has_extras(struct builder *b, struct fy_token *tag, struct fy_token *anchor)
{
	if (tag != NULL)
		refuse(b, tag, "tags (!...) have no meaning here", "remove the tag");
	if (anchor != NULL)
		refuse(b, anchor, "anchors (&...) are not read here",
		       "write the value out");
	return tag != NULL || anchor != NULL;
}

static bool
add_scalar(struct builder *b, const struct fy_event_scalar_data *scalar)
{
	struct yaml_node *n;
	const char *text;
	size_t len = 0;

	if (!add_node(b, YAML_SCALAR, scalar->value, &n))
		return false;
	n->is_refused = has_extras(b, scalar->tag, scalar->anchor);
	text = scalar->value != NULL ? fy_token_get_text(scalar->value, &len) : "";
	if (text == NULL)
		len = 0;
	if (len > 0 && memchr(text, '\0', len) != NULL) {
		refuse(b, scalar->value, "a value can't hold a NUL octet", "remove \\0");
		n->is_refused = true;
	}
	n->is_plain = scalar->value == NULL || fy_token_scalar_style(scalar->value) == FYSS_PLAIN;
	n->text = arena_string(b->arena, text, len);
	n->len = n->is_refused ? 0 : len;
	return n->text != NULL;
}

static bool
add_alias(struct builder *b, struct fy_token *anchor)
{
	struct yaml_node *n;

	refuse(b, anchor, "aliases (*...) are not read here",
	       "write the value out; put a name that begins with * in quotes");
	if (!add_node(b, YAML_SCALAR, anchor, &n))
		return false;
	n->is_refused = true;
	n->text = "";
	return true;
}

static bool
open_node(struct builder *b, enum yaml_type type, struct fy_token *start, struct fy_token *tag,
	  struct fy_token *anchor)
{
	struct yaml_node *n;

	if (b->depth == YAML_DEPTH_MAX)
		return refuse(b, start, "nested too deeply",
			      "5 levels are always enough");
	if (!add_node(b, type, start, &n))
		return false;
	has_extras(b, tag, anchor); /* what is inside is good */
	b->open[b->depth++] = n;
	return true;
}

static bool
take_event(struct builder *b, const struct fy_event *e)
{
	switch (e->type) {
	case FYET_DOCUMENT_START:
		if (++b->documents > 1)
			return refuse(b, e->document_start.document_start,
				      "a second document begins here",
				      "one file holds one document: remove the --- line or use two "
				      "files");
		return true;
	case FYET_SCALAR:
		return add_scalar(b, &e->scalar);
	case FYET_MAPPING_START:
		return open_node(b, YAML_MAPPING, e->mapping_start.mapping_start,
				 e->mapping_start.tag, e->mapping_start.anchor);
	case FYET_SEQUENCE_START:
		return open_node(b, YAML_LIST, e->sequence_start.sequence_start,
				 e->sequence_start.tag, e->sequence_start.anchor);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		b->depth--;
		return true;
	case FYET_ALIAS:
		return add_alias(b, e->alias.anchor);
	default:
		return true;
	}
}

/*
 * What libfyaml says about octets that are no YAML: "<input>:LINE:COLUMN: error: TEXT", then the source line in pieces
 * that are not wanted. Its own way of collecting errors leaks them (0.7.12).
 */
static void
on_diag(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	struct builder *b = user;
	struct rule_place at = {b->file, 0, 0};
	char copy[512], *p;
	int from = 0;

	len = len < sizeof(copy) ? len : sizeof(copy) - 1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	p = strchr(copy, '>');
	if (copy[0] != '<' || p == NULL ||
	    sscanf(p, ">:%d:%d: error: %n", &at.line, &at.column, &from) != 2 || from == 0)
		return;
	p[strcspn(p, "\n")] = '\0';
	rule_errors_add(b->errs, RULE_ERROR, &at,
			"look at indentation, colons and quotes here and just above",
			"this is no YAML: %s", p + from);
	b->syntax_errors++;
}

struct yaml_node *
yaml_tree_read(const char *file, const char *octets, size_t len, struct arena *arena,
	       struct rule_errors *errs)
{
	struct builder b = {.file = file, .arena = arena, .errs = errs};
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DISABLE_DEPTH_LIMIT |
					    FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
	struct rule_place whole = {file, 0, 0};
	struct fy_event *e;
	bool good = true;

	if (len > YAML_LEN_MAX) {
		rule_errors_add(errs, RULE_ERROR, &whole,
				"split it into several files of one folder",
				"the file is larger than %d MiB", YAML_LEN_MAX >> 20);
		return NULL;
	}
	if (len == 0 || !check_octets(file, octets, len, errs))
		return NULL;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = on_diag;
	diag_cfg.user = &b;
	diag_cfg.colorize = false;
	cfg.diag = fy_diag_create(&diag_cfg);
	if (cfg.diag == NULL)
		goto out;
	b.parser = fy_parser_create(&cfg);
	if (b.parser == NULL || fy_parser_set_string(b.parser, octets, len) != 0)
		goto out;
	while (good && (e = fy_parser_parse(b.parser)) != NULL) {
		good = take_event(&b, e);
		fy_parser_event_free(b.parser, e);
	}
	if (good && fy_parser_get_stream_error(b.parser)) {
		if (b.syntax_errors == 0)
			rule_errors_add(errs, RULE_ERROR, &whole, NULL, "this is no YAML");
		good = false;
	}
	if (!good)
		b.root = NULL;
out:
	if (cfg.diag == NULL || b.parser == NULL)
		arena->failed = true;
	fy_parser_destroy(b.parser);
	fy_diag_unref(cfg.diag);
	return b.root;
}

bool
yaml_is_null(const struct yaml_node *n)
{
	return n->type == YAML_SCALAR && n->is_plain &&
	       (n->len == 0 || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}
