/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_list - files that hold one name a line
 *
 * What:      blanks around a name, empty lines and what stands behind a # are passed over; line
 * ends may be CR LF. Each name is handed on as a scalar with its place in the list, so that it is
 * read and reported as one of the rule file. Hostile:   any octets up to YAML_LEN_MAX.
 */
#include "rule_file.h"

#include <string.h>

enum {
	PATH_LEN_MAX = 4096,
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* One line without its end. Was there something on it? */
static bool
read_line(struct rule_reader *r, const char *line, size_t len, const struct rule_place *at,
	  void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
	  void *object)
{
	const char *comment = memchr(line, '#', len);
	struct yaml_node name = {.type = YAML_SCALAR, .is_plain = true, .at = *at};
	size_t from = 0;

	if (comment != NULL)
		len = (size_t)(comment - line);
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	while (from < len && is_blank(line[from]))
		from++;
	if (from == len)
		return false;
	name.at.column = (int)from + 1;
	name.len = len - from;
	/* Text has no NUL in it anywhere: names are handled as strings. */
	if (memchr(line + from, '\0', name.len) != NULL) {
		reader_error(r, &name.at, "write one name on a line", "the line has a NUL octet");
		return true;
	}
	name.text = arena_string(&r->model->arena, line + from, name.len);
	if (name.text != NULL) /* else the arena remembers it */
		each(r, &name, object);
	return true;
}

/* Number of names. */
static size_t
read_lines(struct rule_reader *r, const char *file, const char *octets, size_t len,
	   void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
	   void *object)
{
	struct rule_place at = {file, 1, 1};
	size_t from = 0, nb = 0, line;
	const char *end;

	if (len >= 3 &&
	    memcmp(octets, "\xef\xbb\xbf", 3) == 0) /* the mark some editors begin with */
		from = 3;
	for (; from < len; from += line + 1, at.line++) {
		end = memchr(octets + from, '\n', len - from);
		line = end != NULL ? (size_t)(end - octets) - from : len - from;
		nb += read_line(r, octets + from, line, &at, each, object);
	}
	return nb;
}

/* A relative path counts from the folder of the rule file. */
static const char *
resolve(struct rule_reader *r, const char *path)
{
	const char *slash = strrchr(r->file, '/');
	size_t folder = slash != NULL ? (size_t)(slash + 1 - r->file) : 0, len = strlen(path);
	char *whole;

	if (path[0] == '/' || folder == 0)
		return path;
	whole = arena_alloc(&r->model->arena, folder + len + 1);
	if (whole != NULL) {
		memcpy(whole, r->file, folder);
		memcpy(whole + folder, path, len);
	}
	return whole;
}

void
rule_list_read(struct rule_reader *r, const struct yaml_node *path, const char *what,
	       void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
	       void *object)
{
	const char *file, *octets;
	size_t len = 0;
	int rc;

	if (!reader_string(r, path, what, PATH_LEN_MAX, &file))
		return;
	if (r->source == NULL) {
		reader_error(r, &path->at, "put the names here, or the rules into a file",
			     "%s can't be named where rules do not come from a file", what);
		return;
	}
	file = resolve(r, file);
	if (file == NULL)
		return;
	rc = r->source->read(r->source->ctx, file, &octets, &len);
	if (rc < 0)
		reader_error(
			r, &path->at,
			"name a file with one domain on each line; a relative name counts from "
			"the folder of the rule file",
			"%s \"%.300s\" can't be read: %s", what, file, strerror(-rc));
	else if (len > YAML_LEN_MAX)
		reader_error(r, &path->at, "split it", "%s \"%.300s\" is larger than 16 MiB", what,
			     file);
	else if (read_lines(r, file, octets, len, each, object) == 0)
		reader_warning(r, &path->at, "put names in or remove the line",
			       "%s \"%.300s\" has no name in it", what, file);
}
