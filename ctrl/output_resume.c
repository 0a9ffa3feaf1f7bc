/* SPDX-License-Identifier: BSD-3-Clause */
#include "output_resume.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* event.sequence of @line when it is of the store, else 0. */
static uint64_t
sequence_of(const char *line, size_t len, const char *store_id)
{
	json_t *root, *id;
	uint64_t sequence = 0;

	/* Quick refusal before parsing: the id stands in the line in clear. */
	if (memmem(line, len, store_id, strlen(store_id)) == NULL)
		return 0;
	root = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	id = json_object_get(json_object_get(root, "postern"), "store_id");
	if (json_is_string(id) && strcmp(json_string_value(id), store_id) == 0)
		sequence = (uint64_t)json_integer_value(json_object_get(json_object_get(root, "event"), "sequence"));
	json_decref(root);
	return sequence;
}

static uint64_t
last_sequence(const char *text, size_t len, const char *store_id)
{
	uint64_t sequence = 0;

	while (len > 0 && sequence == 0) {
		const char *before = memrchr(text, '\n', len - 1);
		size_t start = before == NULL ? 0 : (size_t)(before + 1 - text);

		sequence = sequence_of(text + start, len - start, store_id);
		len = start;
	}
	return sequence;
}

/* May this be the beginning of a record, or none of it? Anything else is somebody's, and not for us to cut. */
static bool
is_record_head(const char *text, size_t len)
{
	static const char head[] = "{\"@timestamp\":\"";
	size_t n = len < sizeof(head) - 1 ? len : sizeof(head) - 1;

	return memcmp(text, head, n) == 0;
}

int
output_resume(int fd, const char *store_id, uint64_t *ret_sequence)
{
	const char *text, *end;
	struct stat st;
	size_t whole;
	int rc = 0;

	*ret_sequence = 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		return -errno;
	end = memrchr(text, '\n', (size_t)st.st_size);
	whole = end == NULL ? 0 : (size_t)(end + 1 - text);
	if (is_record_head(text + whole, (size_t)st.st_size - whole))
		*ret_sequence = last_sequence(text, whole, store_id);
	else
		rc = -EBADMSG;
	munmap((void *)(uintptr_t)text, (size_t)st.st_size);
	if (rc < 0)
		return rc;
	if (whole < (size_t)st.st_size && ftruncate(fd, (off_t)whole) < 0)
		rc = -errno;
	if (lseek(fd, 0, SEEK_END) < 0)
		rc = -errno;
	return rc;
}
