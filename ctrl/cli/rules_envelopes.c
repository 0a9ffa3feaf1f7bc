/* SPDX-License-Identifier: BSD-3-Clause */
/* rules_envelopes - recipients of an envelope record (postern-records(5)) */
#include <errno.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "rfc3339.h"
#include "rules_recipients.h"

enum {
	OCTETS_MAX = 64 << 10,
};

/* Octets of a text: "KEY_raw" in base64 where it stands, else "KEY". @buf has OCTETS_MAX. False: there is none. */
static bool
octets_of(const json_t *object, const char *key, const char *key_raw, char *buf, const char **ret,
	  size_t *ret_len)
{
	const json_t *value = json_object_get(object, key), *raw = json_object_get(object, key_raw);
	int n;

	if (json_is_string(raw)) {
		n = b64_pton(json_string_value(raw), (unsigned char *)buf, OCTETS_MAX);
		if (n < 0)
			return false;
		*ret = buf;
		*ret_len = (size_t)n;
		return true;
	}
	if (!json_is_string(value))
		return false;
	*ret = json_string_value(value);
	*ret_len = json_string_length(value);
	return true;
}

/* What holds for all recipients of the record. */
static void
read_envelope(const json_t *record, struct rules_question *q, char *buf)
{
	const char *ts = json_string_value(json_object_get(record, "ts"));
	const char *client =
		json_string_value(json_object_get(json_object_get(record, "flow"), "src_ip"));

	if (!octets_of(record, "sender", "sender_raw", buf, &q->sender, &q->sender_len)) {
		q->sender = "";
		q->sender_len = 0;
	}
	if (ts == NULL || rfc3339_parse(ts, &q->ts_ns) < 0)
		q->ts_ns = 0;
	if (client != NULL)
		rules_client_read(client, strlen(client), &q->client);
}

static int
take_all(struct rules_recipients *r, const json_t *record, char *sender, char *address)
{
	const json_t *list = json_object_get(record, "recipients"),
		     *omitted = json_object_get(record, "recipients_omitted");
	struct rules_question q = {.sender = "", .is_path = true};
	size_t i;
	int rc = 0;

	if (!json_is_array(list))
		return 1;
	read_envelope(record, &q, sender);
	for (i = 0; i < json_array_size(list) && rc == 0; i++) {
		const json_t *one = json_array_get(list, i),
			     *length = json_object_get(one, "address_length");

		if (!octets_of(one, "address", "address_raw", address, &q.address, &q.len))
			return 1;
		q.is_cut =
			json_is_integer(length) && json_integer_value(length) > (json_int_t)q.len;
		rc = r->take(r->ctx, &q);
	}
	if (rc == 0 && json_is_integer(omitted) && json_integer_value(omitted) > 0)
		r->nb_omitted += (uint64_t)json_integer_value(omitted);
	return rc;
}

int
rules_envelope_line(struct rules_recipients *r, const char *line, size_t len)
{
	char *sender = malloc(OCTETS_MAX), *address = malloc(OCTETS_MAX);
	json_t *record = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	int rc = 1;

	if (sender == NULL || address == NULL)
		rc = -ENOMEM;
	else if (json_is_object(record))
		rc = take_all(r, record, sender, address);
	json_decref(record);
	free(sender);
	free(address);
	return rc;
}
