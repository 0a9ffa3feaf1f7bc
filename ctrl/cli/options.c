/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "safe_text.h"
#include "suggest.h"

enum {
	OPTIONS_MAX = 64,
	SHOWN_MAX = 256, /* octets of a wrong argument that are repeated in a message */
};

void
cli_init(struct cli_parser *p, const char *command, const struct cli_option *options, int argc,
	 char **argv)
{
	memset(p, 0, sizeof(*p));
	p->command = command;
	p->options = options;
	p->argc = argc;
	p->argv = argv;
	p->next = 1;
}

int
cli_usage_error(const char *command, const char *fmt, ...)
{
	char text[1024], shown[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe_text(shown, sizeof(shown), text, strlen(text));
	fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", command, shown, command);
	return 2;
}

static int
unknown_long(const struct cli_parser *p, const char *name, size_t len)
{
	const char *names[OPTIONS_MAX], *meant;
	char word[SHOWN_MAX];
	size_t nb = 0;

	snprintf(word, sizeof(word), "%.*s", (int)(len < SHOWN_MAX ? len : SHOWN_MAX - 1), name);
	while (nb < OPTIONS_MAX && p->options[nb].name != NULL) {
		names[nb] = p->options[nb].name;
		nb++;
	}
	meant = suggest_word(word, names, nb);
	if (meant != NULL)
		cli_usage_error(p->command, "unknown option --%s; did you mean --%s?", word, meant);
	else
		cli_usage_error(p->command, "unknown option --%s", word);
	return CLI_ERROR;
}

static int
next_long(struct cli_parser *p, const char *arg, const char **ret_value)
{
	size_t len = strcspn(arg, "=");
	const struct cli_option *o;
	int i;

	for (i = 0; p->options[i].name != NULL; i++)
		if (strlen(p->options[i].name) == len && memcmp(p->options[i].name, arg, len) == 0)
			break;
	o = &p->options[i];
	if (o->name == NULL)
		return unknown_long(p, arg, len);
	if (o->metavar == NULL && arg[len] == '=') {
		cli_usage_error(p->command, "--%s takes no value", o->name);
		return CLI_ERROR;
	}
	if (o->metavar != NULL && arg[len] == '=') {
		*ret_value = arg + len + 1;
	} else if (o->metavar != NULL) {
		if (p->next >= p->argc) {
			cli_usage_error(p->command, "--%s needs a value: --%s %s", o->name, o->name,
					o->metavar);
			return CLI_ERROR;
		}
		*ret_value = p->argv[p->next++];
	}
	return i;
}

static int
next_short(struct cli_parser *p, const char *arg, const char **ret_value)
{
	char letter = arg[p->in_cluster];
	const struct cli_option *o;
	int i;

	for (i = 0; p->options[i].name != NULL && p->options[i].letter != letter; i++)
		;
	o = &p->options[i];
	if (o->name == NULL) {
		cli_usage_error(p->command, "unknown option -%c", letter);
		return CLI_ERROR;
	}
	p->in_cluster++;
	if (o->metavar != NULL) {
		if (arg[p->in_cluster] == '\0' && p->next + 1 >= p->argc) {
			cli_usage_error(p->command, "-%c needs a value: -%c %s", letter, letter,
					o->metavar);
			return CLI_ERROR;
		}
		*ret_value = arg[p->in_cluster] != '\0' ? arg + p->in_cluster : p->argv[++p->next];
	}
	if (o->metavar != NULL || arg[p->in_cluster] == '\0') {
		p->in_cluster = 0;
		p->next++;
	}
	return i;
}

int
cli_next(struct cli_parser *p, const char **ret_value)
{
	const char *arg;

	*ret_value = NULL;
	if (p->next >= p->argc)
		return CLI_END;
	arg = p->argv[p->next];
	if (p->in_cluster > 0)
		return next_short(p, arg, ret_value);
	if (p->operands_only || arg[0] != '-' || arg[1] == '\0') {
		p->next++;
		*ret_value = arg;
		return CLI_OPERAND;
	}
	if (arg[1] != '-') {
		p->in_cluster = 1;
		return next_short(p, arg, ret_value);
	}
	p->next++;
	if (arg[2] == '\0') {
		p->operands_only = true;
		return cli_next(p, ret_value);
	}
	return next_long(p, arg + 2, ret_value);
}

void
cli_print_options(const struct cli_option *options)
{
	const struct cli_option *o;
	char left[64];

	for (o = options; o->name != NULL; o++) {
		snprintf(left, sizeof(left), "%c%c%c --%s%s%s", o->letter != '\0' ? '-' : ' ',
			 o->letter != '\0' ? o->letter : ' ', o->letter != '\0' ? ',' : ' ',
			 o->name, o->metavar != NULL ? " " : "",
			 o->metavar != NULL ? o->metavar : "");
		printf("  %-28s %s\n", left, o->help);
	}
}
