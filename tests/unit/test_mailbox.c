/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "mailbox.h"

#define S(s) (s), sizeof(s) - 1

struct row {
	const char *arg;
	size_t len;
	const char *domains; /* of all readings, in order, separated by blanks */
	const char *local;   /* of the first */
	const char *address;
	const char *params;
	uint32_t flags;
};

static const struct row rows[] = {
	/* clang-format off */
	{ S("<x@army.ml>"), "army.ml", "x", "x@army.ml", "", MAILBOX_STRICT },
	{ S("<X@ARMY.ML> SIZE=100 BODY=8BITMIME"), "army.ml", "X", "X@ARMY.ML", "SIZE=100 BODY=8BITMIME", MAILBOX_STRICT },
	{ S("<>"), "", "", "", "", MAILBOX_STRICT | MAILBOX_NULL },
	{ S("<> SIZE=1"), "", "", "", "SIZE=1", MAILBOX_STRICT | MAILBOX_NULL },
	{ S("<postmaster>"), "", "postmaster", "postmaster", "", MAILBOX_STRICT | MAILBOX_NO_DOMAIN },
	{ S("<Postmaster> NOTIFY=NEVER"), "", "Postmaster", "Postmaster", "NOTIFY=NEVER", MAILBOX_STRICT | MAILBOX_NO_DOMAIN },
	{ S("postmaster"), "", "postmaster", "postmaster", "", MAILBOX_NO_DOMAIN },
	{ S("<\"a b\"@army.ml>"), "army.ml", "\"a b\"", "\"a b\"@army.ml", "", MAILBOX_STRICT },
	{ S("<\"RCPT TO:<x@army.ml>\"@example.com>"), "example.com", "\"RCPT TO:<x@army.ml>\"", "\"RCPT TO:<x@army.ml>\"@example.com", "", MAILBOX_STRICT },
	{ S("\"RCPT TO:<x@army.ml>\"@example.com"), "example.com army.ml", "\"RCPT TO:<x@army.ml>\"", "\"RCPT TO:<x@army.ml>\"@example.com", "", MAILBOX_AMBIGUOUS },
	{ S("<x@[1.2.3.4]>"), "[1.2.3.4]", "x", "x@[1.2.3.4]", "", MAILBOX_STRICT },
	{ S("<x@[IPv6:2001:db8::1]>"), "[ipv6:2001:db8::1]", "x", "x@[IPv6:2001:db8::1]", "", MAILBOX_STRICT },
	{ S("<x@[army.ml]>"), "[army.ml] army.ml", "x", "x@[army.ml]", "", MAILBOX_AMBIGUOUS },
	{ S("<@a.example,@b.example:user@c.example>"), "c.example a.example b.example", "user", "@a.example,@b.example:user@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<@army.ml:user@c.example>"), "c.example army.ml", "user", "@army.ml:user@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("@army.ml:user@c.example"), "c.example army.ml", "user", "@army.ml:user@c.example", "", MAILBOX_AMBIGUOUS },
	{ S("< x@army.ml >"), "army.ml", "x", " x@army.ml ", "", 0 },
	{ S("x @ army.ml"), "army.ml", "x", "x", "", 0 },
	{ S("x@army .ml"), "army army.ml", "x", "x@army", "", MAILBOX_AMBIGUOUS },
	{ S("<x @ army . ml>"), "army army.ml", "x", "x @ army . ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("x@army.ml>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("<<x@army.ml>>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("Gen X <x@army.ml>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("\"Gen X\" <x@army.ml> SIZE=3"), "army.ml", "x", "x@army.ml", "SIZE=3", 0 },
	{ S("<x(c)@army.ml>"), "army.ml", "x(c)", "x(c)@army.ml", "", 0 },
	{ S("<x@(a(b)c)army.ml>"), "army.ml", "x", "x@(a(b)c)army.ml", "", 0 },
	{ S("<x@army(c).ml>"), "army army.ml", "x", "x@army(c).ml", "", MAILBOX_AMBIGUOUS },
	{ S("x@army.ml(comment)"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("x@army.ml (comment) SIZE=1"), "army.ml", "x", "x@army.ml", "SIZE=1", 0 },
	{ S("<user%army.ml@relay.example>"), "relay.example army.ml", "user%army.ml", "user%army.ml@relay.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<army.ml!user>"), "army.ml", "user", "army.ml!user", "", 0 },
	{ S("army.ml!user"), "army.ml", "user", "army.ml!user", "", 0 },
	{ S("<a!b!user@c.example>"), "c.example b a", "a!b!user", "a!b!user@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<army.ml!user%b.example@c.example>"), "c.example army.ml b.example", "army.ml!user%b.example", "army.ml!user%b.example@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml.>"), "army.ml", "x", "x@army.ml.", "", 0 },
	{ S("<x@army.ml...>"), "army.ml", "x", "x@army.ml...", "", 0 },
	{ S("<x@army..ml>"), "army..ml", "x", "x@army..ml", "", 0 },
	{ S("<x@army.ml>SIZE=100"), "army.ml", "x", "x@army.ml", "SIZE=100", 0 },
	{ S("x@army.ml SIZE=100"), "army.ml", "x", "x@army.ml", "SIZE=100", 0 },
	{ S("x@army.mlSIZE"), "army.mlsize", "x", "x@army.mlSIZE", "", 0 },
	{ S("x@army.mlSIZE=100"), "army.mlsize=100", "x", "x@army.mlSIZE=100", "", 0 },
	{ S("<x@army.ml.example.com>"), "army.ml.example.com", "x", "x@army.ml.example.com", "", MAILBOX_STRICT },
	{ S("<x@army.ml@example.com>"), "example.com army.ml", "x@army.ml", "x@army.ml@example.com", "", MAILBOX_AMBIGUOUS },
	{ S("x@army.ml@example.com@foo"), "foo army.ml example.com", "x@army.ml@example.com", "x@army.ml@example.com@foo", "", MAILBOX_AMBIGUOUS },
	{ S("<x@\"army.ml\">"), "army.ml", "x", "x@\"army.ml\"", "", 0 },
	{ S("x@'army.ml'"), "'army.ml'", "x", "x@'army.ml'", "", 0 },
	{ S("<x\\@army.ml>"), "army.ml", "x\\", "x\\@army.ml", "", 0 },
	{ S("<x@army\\.ml>"), "army.ml", "x", "x@army\\.ml", "", 0 },
	{ S("<x@"), "", "x@", "x@", "", MAILBOX_NO_DOMAIN },
	{ S("@"), "", "@", "@", "", MAILBOX_NO_DOMAIN },
	{ S("<@>"), "", "@", "@", "", MAILBOX_NO_DOMAIN },
	{ S("<@army.ml>"), "army.ml", "", "@army.ml", "", 0 },
	{ S("< >"), "", "", " ", "", MAILBOX_NULL },
	{ S("("), "", "(", "(", "", MAILBOX_NO_DOMAIN },
	{ S("x@(army.ml"), "army.ml", "x", "x@(army.ml", "", 0 },
	{ S("\"x@army.ml"), "army.ml", "\"x", "\"x@army.ml", "", 0 },
	{ S("<x@army.ml;y@b.example>"), "b.example army.ml", "x@army.ml;y", "x@army.ml;y@b.example", "", MAILBOX_AMBIGUOUS },
	{ S("<x@b.example,y@army.ml>"), "army.ml b.example", "x@b.example,y", "x@b.example,y@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@e.example ORCPT=rfc822;x@army.ml"), "e.example", "x", "x@e.example", "ORCPT=rfc822;x@army.ml", 0 },
	{ S("x@e.example ORCPT=rfc822;x@army.ml"), "e.example", "x", "x@e.example", "ORCPT=rfc822;x@army.ml", 0 },
	{ S("<x@e.example>ORCPT=rfc822;<x@army.ml>"), "e.example", "x", "x@e.example", "ORCPT=rfc822;<x@army.ml>", 0 },
	{ S("<x@e.example> <y@army.ml>"), "e.example army.ml", "x", "x@e.example", "<y@army.ml>", MAILBOX_AMBIGUOUS },
	{ S("x@army.ml SMTPUTF8"), "army.ml", "x", "x@army.ml", "SMTPUTF8", 0 },
	{ S("x@army. ml"), "army army.ml", "x", "x@army.", "", MAILBOX_AMBIGUOUS },
	{ S("x@e.example x@army.ml"), "army.ml e.example e.examplex", "x@e.example x", "x@e.example", "", MAILBOX_AMBIGUOUS },
	{ S("Gen <X> <x@army.ml>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("<x@b\303\274cher.example>"), "b\303\274cher.example", "x", "x@b\303\274cher.example", "", MAILBOX_STRICT | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<x@army.ml>.example.com"), "army.ml", "x", "x@army.ml", ".example.com", 0 },
	{ S("<x>@army.ml"), "army.ml", "<x>", "<x>@army.ml", "", 0 },
	{ S("(c) x@army.ml"), "army.ml", "(c) x", "(c) x@army.ml", "", 0 },
	{ S(""), "", "", "", "", MAILBOX_NO_DOMAIN },
	{ S("   "), "", "", "", "", MAILBOX_NO_DOMAIN },
	{ S(" <x@army.ml>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("\t<x@army.ml>"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("<x.y+tag@sub.army.ml>"), "sub.army.ml", "x.y+tag", "x.y+tag@sub.army.ml", "", MAILBOX_STRICT },
	{ S("<x@army.ml>\tSIZE=1"), "army.ml", "x", "x@army.ml", "SIZE=1", MAILBOX_STRICT },
	{ S("<x@army.ml> "), "army.ml", "x", "x@army.ml", "", MAILBOX_STRICT },
	{ S("<x@army.ml>  SIZE=1  BODY=7BIT "), "army.ml", "x", "x@army.ml", "SIZE=1  BODY=7BIT", MAILBOX_STRICT },
	{ S("<x@army.ml> ENVID=QQ= "), "army.ml", "x", "x@army.ml", "ENVID=QQ=", MAILBOX_STRICT },
	{ S("<> "), "", "", "", "", MAILBOX_STRICT | MAILBOX_NULL },
	{ S(" <>"), "", "", "", "", MAILBOX_NULL },
	{ S("<>SIZE=1"), "", "", "", "SIZE=1", MAILBOX_NULL },
	{ S("<\"a\\\"b\"@army.ml>"), "army.ml", "\"a\\\"b\"", "\"a\\\"b\"@army.ml", "", MAILBOX_STRICT },
	{ S("<\"a\\\\\"@army.ml>"), "army.ml", "\"a\\\\\"", "\"a\\\\\"@army.ml", "", MAILBOX_STRICT },
	{ S("<\"\"@army.ml>"), "army.ml", "\"\"", "\"\"@army.ml", "", MAILBOX_STRICT },
	{ S("<\"a@army.ml\"@example.com>"), "example.com", "\"a@army.ml\"", "\"a@army.ml\"@example.com", "", MAILBOX_STRICT },
	{ S("<\"a%army.ml\"@example.com>"), "example.com army.ml", "\"a%army.ml\"", "\"a%army.ml\"@example.com", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("\"a b\"@army.ml"), "army.ml", "\"a b\"", "\"a b\"@army.ml", "", 0 },
	{ S("\"a b\"@army.ml SIZE=1"), "army.ml", "\"a b\"", "\"a b\"@army.ml", "SIZE=1", 0 },
	{ S("<a b@army.ml>"), "army.ml", "a b", "a b@army.ml", "", 0 },
	{ S("<x@[IPv6:::1]>"), "[ipv6:::1]", "x", "x@[IPv6:::1]", "", MAILBOX_STRICT },
	{ S("<x@[X-tag:foo]>"), "[x-tag:foo]", "x", "x@[X-tag:foo]", "", MAILBOX_STRICT },
	{ S("<x@[256.1.1.1]>"), "[256.1.1.1]", "x", "x@[256.1.1.1]", "", 0 },
	{ S("<x@[1.2.3]>"), "[1.2.3]", "x", "x@[1.2.3]", "", 0 },
	{ S("<x@[1.2.3.4.5]>"), "[1.2.3.4.5]", "x", "x@[1.2.3.4.5]", "", 0 },
	{ S("<x@[1.2.3.]>"), "[1.2.3.]", "x", "x@[1.2.3.]", "", 0 },
	{ S("<x@[ 1.2.3.4 ]>"), "[1.2.3.4]", "x", "x@[ 1.2.3.4 ]", "", 0 },
	{ S("<x@1.2.3.4>"), "1.2.3.4", "x", "x@1.2.3.4", "", MAILBOX_STRICT },
	{ S("<@a.example:user@army.ml>"), "army.ml a.example", "user", "@a.example:user@army.ml", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<@a.example,@a.example:user@a.example>"), "a.example", "user", "@a.example,@a.example:user@a.example", "", MAILBOX_STRICT },
	{ S("<@a.example:postmaster>"), "a.example", "", "@a.example:postmaster", "", 0 },
	{ S("<@a.example:>"), "a.example", "", "@a.example:", "", 0 },
	{ S("<@a.example user@army.ml>"), "army.ml a.example a.exampleuser", "@a.example user", "@a.example user@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("@a.example,@b.example:user@army.ml"), "army.ml a.example b.example", "user", "@a.example,@b.example:user@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<@a.example, @b.example : user@army.ml>"), "army.ml a.example b.example", "user", "@a.example, @b.example : user@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x\t@\tarmy.ml>"), "army.ml", "x", "x\t@\tarmy.ml", "", 0 },
	{ S("<x@army.ml  >"), "army.ml", "x", "x@army.ml  ", "", 0 },
	{ S("<x@ army.ml>"), "army.ml", "x", "x@ army.ml", "", 0 },
	{ S("<x @army.ml>"), "army.ml", "x", "x @army.ml", "", 0 },
	{ S("<x@army\t.ml>"), "army army.ml", "x", "x@army\t.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@a r m y.ml>"), "a army.ml", "x", "x@a r m y.ml", "", MAILBOX_AMBIGUOUS },
	{ S("x@ army.ml"), "army.ml", "x", "x@", "", 0 },
	{ S("x @army.ml SIZE=9"), "army.ml", "x", "x", "SIZE=9", 0 },
	{ S("x @ army . ml SIZE=9"), "army army.ml", "x", "x", "SIZE=9", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml SIZE=9>"), "army.ml army.mlsize=9", "x", "x@army.ml SIZE=9", "", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("x@army.ml> SIZE=9"), "army.ml", "x", "x@army.ml", "SIZE=9", 0 },
	{ S("<<x@army.ml> SIZE=9"), "army.ml", "x", "x@army.ml", "SIZE=9", 0 },
	{ S("<<<x@army.ml>>> SIZE=9"), "army.ml", "x", "x@army.ml", "SIZE=9", 0 },
	{ S(">x@army.ml<"), "army.ml", ">x", ">x@army.ml<", "", 0 },
	{ S("x@<army.ml>"), "army.ml", "x", "x@<army.ml>", "", 0 },
	{ S("<x>@<army.ml>"), "army.ml", "<x>", "<x>@<army.ml>", "", 0 },
	{ S("Gen X <x@army.ml"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("Gen X x@army.ml>"), "army.ml", "Gen X x", "Gen", "", 0 },
	{ S("x@army.ml <y@example.com>"), "example.com army.ml", "y", "y@example.com", "", MAILBOX_AMBIGUOUS },
	{ S("\"x@army.ml\" <y@example.com>"), "example.com army.ml", "y", "y@example.com", "", MAILBOX_AMBIGUOUS },
	{ S("<y@example.com> \"x@army.ml\""), "example.com army.ml", "y", "y@example.com", "\"x@army.ml\"", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml(comment)>"), "army.ml", "x", "x@army.ml(comment)", "", 0 },
	{ S("<(comment)x@army.ml>"), "army.ml", "(comment)x", "(comment)x@army.ml", "", 0 },
	{ S("<x(a@b.example)@army.ml>"), "army.ml b.example", "x(a@b.example)", "x(a@b.example)@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@(evil@b.example)army.ml>"), "army.ml b.example", "x", "x@(evil@b.example)army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml(evil@b.example)>"), "army.ml b.example", "x", "x@army.ml(evil@b.example)", "", MAILBOX_AMBIGUOUS },
	{ S("<x@(a\\)b)army.ml>"), "army.ml", "x", "x@(a\\)b)army.ml", "", 0 },
	{ S("<x@army.(c)ml>"), "army army.ml", "x", "x@army.(c)ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml(>"), "army.ml", "x", "x@army.ml(", "", 0 },
	{ S("<x@army.ml)>"), "army.ml", "x", "x@army.ml)", "", 0 },
	{ S("<x@army(.ml>"), "army army.ml", "x", "x@army(.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<user%a.example%b.example@c.example>"), "c.example a.example b.example", "user%a.example%b.example", "user%a.example%b.example@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<user%army.ml@[1.2.3.4]>"), "[1.2.3.4] army.ml", "user%army.ml", "user%army.ml@[1.2.3.4]", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<50%off@example.com>"), "example.com off", "50%off", "50%off@example.com", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<%@example.com>"), "example.com", "%", "%@example.com", "", MAILBOX_STRICT },
	{ S("<!@example.com>"), "example.com", "!", "!@example.com", "", MAILBOX_STRICT },
	{ S("user%army.ml"), "army.ml", "user", "user%army.ml", "", 0 },
	{ S("<user%army.ml>"), "army.ml", "user", "user%army.ml", "", 0 },
	{ S("<user % army.ml @ relay.example>"), "relay.example army.ml", "user % army.ml", "user % army.ml @ relay.example", "", MAILBOX_AMBIGUOUS },
	{ S("<a.example!b.example!user>"), "b.example a.example", "user", "a.example!b.example!user", "", MAILBOX_AMBIGUOUS },
	{ S("<relay.example!army.ml!user@c.example>"), "c.example army.ml relay.example", "relay.example!army.ml!user", "relay.example!army.ml!user@c.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml..>"), "army.ml", "x", "x@army.ml..", "", 0 },
	{ S("<x@.army.ml>"), ".army.ml", "x", "x@.army.ml", "", 0 },
	{ S("<.x@army.ml>"), "army.ml", ".x", ".x@army.ml", "", 0 },
	{ S("<x..y@army.ml>"), "army.ml", "x..y", "x..y@army.ml", "", 0 },
	{ S("<x.@army.ml>"), "army.ml", "x.", "x.@army.ml", "", 0 },
	{ S("<x@-army.ml>"), "-army.ml", "x", "x@-army.ml", "", 0 },
	{ S("<x@army-.ml>"), "army-.ml", "x", "x@army-.ml", "", 0 },
	{ S("<x@army_x.ml>"), "army_x.ml", "x", "x@army_x.ml", "", 0 },
	{ S("<x@xn--rmy-0ra.ml>"), "xn--rmy-0ra.ml", "x", "x@xn--rmy-0ra.ml", "", MAILBOX_STRICT },
	{ S("<x@ARMY.ML.> SIZE=1"), "army.ml", "x", "x@ARMY.ML.", "SIZE=1", 0 },
	{ S("x@army.ml. SIZE=1"), "army.ml", "x", "x@army.ml.", "SIZE=1", 0 },
	{ S("<x@army.ml>BODY=8BITMIME SIZE=2"), "army.ml", "x", "x@army.ml", "BODY=8BITMIME SIZE=2", 0 },
	{ S("<x@army.ml>,<y@example.com>"), "army.ml example.com", "x", "x@army.ml", ",<y@example.com>", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml>foo"), "army.ml", "x", "x@army.ml", "foo", 0 },
	{ S("<x@army.ml>@example.com"), "army.ml example.com", "x", "x@army.ml", "@example.com", MAILBOX_AMBIGUOUS },
	{ S("x@army.ml.example.com"), "army.ml.example.com", "x", "x@army.ml.example.com", "", 0 },
	{ S("x@army.mlx"), "army.mlx", "x", "x@army.mlx", "", 0 },
	{ S("<a@army.ml@b.example@c.example>"), "c.example army.ml b.example", "a@army.ml@b.example", "a@army.ml@b.example@c.example", "", MAILBOX_AMBIGUOUS },
	{ S("<@@army.ml>"), "army.ml", "@", "@@army.ml", "", 0 },
	{ S("<x@@army.ml>"), "army.ml", "x@", "x@@army.ml", "", 0 },
	{ S("<x@army.ml@>"), "army.ml", "x", "x@army.ml@", "", 0 },
	{ S("<a:x@army.ml>"), "army.ml", "a:x", "a:x@army.ml", "", 0 },
	{ S("<mailto:x@army.ml>"), "army.ml", "mailto:x", "mailto:x@army.ml", "", 0 },
	{ S("<x@army.ml:25>"), "army.ml", "x", "x@army.ml:25", "", 0 },
	{ S("\"x\"@\"army.ml\""), "army.ml", "\"x\"", "\"x\"@\"army.ml\"", "", 0 },
	{ S("<x@\"army\".ml>"), "army.ml army", "x", "x@\"army\".ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@\"army ml\">"), "armyml army", "x", "x@\"army ml\"", "", MAILBOX_AMBIGUOUS },
	{ S("<\"x\"y@army.ml>"), "army.ml", "\"x\"y", "\"x\"y@army.ml", "", 0 },
	{ S("<x\001@army.ml>"), "army.ml", "x", "x\001@army.ml", "", 0 },
	{ S("<x@army\177.ml>"), "army army.ml", "x", "x@army\177.ml", "", MAILBOX_AMBIGUOUS },
	{ S("<x@army.ml\015>"), "army.ml", "x", "x@army.ml\015", "", 0 },
	{ S("<x%40army.ml@relay.example>"), "relay.example 40army.ml", "x%40army.ml", "x%40army.ml@relay.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS },
	{ S("<x@army%2eml>"), "army%2eml", "x", "x@army%2eml", "", 0 },
	{ S("<x@arm\303\277.ml>"), "arm\303\277.ml", "x", "x@arm\303\277.ml", "", MAILBOX_STRICT | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<\303\274@army.ml>"), "army.ml", "\303\274", "\303\274@army.ml", "", MAILBOX_STRICT | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<x@\377.ml>"), "\377.ml", "x", "x@\377.ml", "", MAILBOX_EIGHT_BIT },
	{ S("<\377@army.ml>"), "army.ml", "\377", "\377@army.ml", "", MAILBOX_EIGHT_BIT },
	{ S("<x@\300\256.ml>"), "\300\256.ml", "x", "x@\300\256.ml", "", MAILBOX_EIGHT_BIT },
	{ S("<x@\355\240\200.ml>"), "\355\240\200.ml", "x", "x@\355\240\200.ml", "", MAILBOX_EIGHT_BIT },
	{ S("<x@\364\220\200\200.ml>"), "\364\220\200\200.ml", "x", "x@\364\220\200\200.ml", "", MAILBOX_EIGHT_BIT },
	{ S("<x@\342\202>"), "\342\202", "x", "x@\342\202", "", MAILBOX_EIGHT_BIT },
	{ S("<x@army\343\200\202ml>"), "army\343\200\202ml", "x", "x@army\343\200\202ml", "", MAILBOX_STRICT | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<x\357\274\240army.ml>"), "", "x\357\274\240army.ml", "x\357\274\240army.ml", "", MAILBOX_NO_DOMAIN | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<x@\360\235\220\232rmy.ml>"), "\360\235\220\232rmy.ml", "x", "x@\360\235\220\232rmy.ml", "", MAILBOX_STRICT | MAILBOX_EIGHT_BIT | MAILBOX_UTF8 },
	{ S("<x@army.ml\\>"), "army.ml", "x", "<x@army.ml\\>", "", 0 },
	{ S("<x@army.ml\\"), "army.ml", "x", "x@army.ml", "", 0 },
	{ S("x\\ y@army.ml"), "army.ml", "x\\ y", "x\\ y@army.ml", "", 0 },
	{ S("<\\x@army.ml>"), "army.ml", "\\x", "\\x@army.ml", "", 0 },
	{ S("<postmaster@>"), "", "postmaster@", "postmaster@", "", MAILBOX_NO_DOMAIN },
	{ S("<Postmaster>SIZE=1"), "", "Postmaster", "Postmaster", "SIZE=1", MAILBOX_NO_DOMAIN },
	{ S("postmaster SIZE=1"), "", "postmaster", "postmaster", "SIZE=1", MAILBOX_NO_DOMAIN },
	{ S("<postmaste>"), "", "postmaste", "postmaste", "", MAILBOX_NO_DOMAIN },
	{ S("<root>"), "", "root", "root", "", MAILBOX_NO_DOMAIN },
	{ S("root"), "", "root", "root", "", MAILBOX_NO_DOMAIN },
	{ S("<root> SIZE=1"), "", "root", "root", "SIZE=1", MAILBOX_NO_DOMAIN },
	{ S("\"x@army.ml\""), "army.ml", "\"x", "\"x@army.ml\"", "", 0 },
	{ S("<\"x@army.ml\">"), "army.ml", "\"x", "\"x@army.ml\"", "", 0 },
	{ S("<\"x@army.ml>"), "army.ml", "\"x", "\"x@army.ml", "", 0 },
	{ S("x@army.ml\""), "army.ml", "x", "x@army.ml\"", "", 0 },
	{ S("x@army.ml SIZE"), "army.ml army.mlsize", "x", "x@army.ml", "", MAILBOX_AMBIGUOUS },
	{ S("x@army.ml requiretls"), "army.ml", "x", "x@army.ml", "requiretls", 0 },
	{ S("x@e.example NOTIFY=NEVER ORCPT=rfc822;y@army.ml"), "e.example", "x", "x@e.example", "NOTIFY=NEVER ORCPT=rfc822;y@army.ml", 0 },
	{ S("x SIZE=@army.ml"), "army.ml", "x SIZE=", "x", "SIZE=@army.ml", 0 },
	{ S("<x@e.example> ORCPT=rfc822;y@army.ml"), "e.example", "x", "x@e.example", "ORCPT=rfc822;y@army.ml", MAILBOX_STRICT },
	{ S("<x@e.example> AUTH=<>"), "e.example", "x", "x@e.example", "AUTH=<>", MAILBOX_STRICT },
	{ S("<x@e.example> foo@army.ml"), "e.example army.ml", "x", "x@e.example", "foo@army.ml", MAILBOX_AMBIGUOUS },
	{ S("<x@a.x@b.x@c.x@d.x@e.x@f.x@g.x@h.x@i.x>"), "i.x a.x b.x c.x d.x e.x f.x g.x", "x@a.x@b.x@c.x@d.x@e.x@f.x@g.x@h.x", "x@a.x@b.x@c.x@d.x@e.x@f.x@g.x@h.x@i.x", "", MAILBOX_AMBIGUOUS | MAILBOX_MORE_READINGS },
	{ S("<a!b!c!d!e!f!g!h!i!army.ml!user@z.example>"), "z.example army.ml a b c d e f", "a!b!c!d!e!f!g!h!i!army.ml!user", "a!b!c!d!e!f!g!h!i!army.ml!user@z.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS | MAILBOX_MORE_READINGS },
	{ S("<u%army.ml%b%c%d%e%f%g%h%i@z.example>"), "z.example army.ml b c d e f g", "u%army.ml%b%c%d%e%f%g%h%i", "u%army.ml%b%c%d%e%f%g%h%i@z.example", "", MAILBOX_STRICT | MAILBOX_AMBIGUOUS | MAILBOX_MORE_READINGS },
	/* clang-format on */
};

/* Read a copy that is exactly as long, so that the address sanitizer sees a step beyond it. */
static uint8_t *
read_copy(const char *arg, size_t len, bool is_cut, struct mailbox *ret)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, arg, len);
	memset(ret, 0xa5, sizeof(*ret));
	mailbox_read(copy, len, is_cut, ret);
	return copy;
}

static void
domains_of(const struct mailbox *m, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < m->nb_readings; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i > 0 ? " " : "", m->readings[i].domain);
}

static bool
span_is(const uint8_t *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

static void
test_rows(void **state)
{
	unsigned int i, failed = 0;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct mailbox m;
		char domains[4096];
		uint8_t *copy = read_copy(r->arg, r->len, false, &m);
		size_t local_len = m.nb_readings > 0 ? m.readings[0].local_len : 0;

		domains_of(&m, domains, sizeof(domains));
		if (strcmp(domains, r->domains) != 0 || m.flags != r->flags ||
		    !span_is(local_len > 0 ? m.readings[0].local : copy, local_len, r->local) ||
		    !span_is(m.address, m.address_len, r->address) ||
		    !span_is(m.params, m.params_len, r->params)) {
			print_error("%s: domains \"%s\", address \"%.*s\", params \"%.*s\", flags %#x\n", r->arg,
				    domains, (int)m.address_len, m.address, (int)m.params_len, m.params, m.flags);
			failed++;
		}
		free(copy);
	}
	assert_int_equal(failed, 0);
}

/* The argument goes on: what touches its end is not known, what ended before is. */
static void
test_cut(void **state)
{
	static const struct {
		const char *arg, *domains;
		bool strict;
	} cases[] = {
		{ "<x@army.ml", "", false },
		{ "<x@army.ml>", "army.ml", false },
		{ "<x@army.ml> ", "army.ml", true },
		{ "<x@army.ml> SIZE=1", "army.ml", true },
		{ "x@army.ml", "", false },
		{ "x@army.ml ", "army.ml", false },
		{ "x@army.ml .exa", "army.ml", false },
		{ "<x@army.ml@exa", "army.ml", false },
		{ "<x@army.ml:a@exa", "army.ml", false },
		{ "<user%army.ml", "", false },
		{ "army.ml!us", "", false },
		{ "<x", "", false },
		{ "", "", false },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mailbox m;
		char domains[4096];
		uint8_t *copy = read_copy(cases[i].arg, strlen(cases[i].arg), true, &m);

		domains_of(&m, domains, sizeof(domains));
		assert_string_equal(domains, cases[i].domains);
		assert_int_equal((m.flags & MAILBOX_STRICT) != 0, cases[i].strict);
		free(copy);
	}
}

static void
test_tail(void **state)
{
	static const struct {
		const char *tail, *domains;
	} cases[] = {
		{ "aaaa@army.ml>", "army.ml" },
		{ "aaaa@army.ml> SIZE=1", "army.ml" },
		{ "aaaa @ army . ml >", "army army.ml" },
		{ "@army.ml", "army.ml" },
		{ "aa\" b\"@army.ml>", "army.ml" },
		{ "a\"@army.ml>", "army.ml" },
		{ "xarmy.ml> SIZE=1", "" }, /* the front of the name is not there */
		{ "y.ml!user@relay.example>", "relay.example" },
		{ "y.ml!army.ml!user@relay.example>", "relay.example army.ml" },
		{ "xx%army.ml@relay.example>", "relay.example army.ml" },
		{ "", "" },
		{ "> ORCPT=rfc822;x@army.ml", "army.ml" }, /* nothing else there: then it may be the address */
		{ "a@e.example> ORCPT=rfc822;x@army.ml", "e.example" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].tail);
		uint8_t *copy = malloc(len + 1);
		struct mailbox m;
		char domains[4096];

		assert_non_null(copy);
		memcpy(copy, cases[i].tail, len);
		mailbox_read_tail(copy, len, &m);
		domains_of(&m, domains, sizeof(domains));
		assert_string_equal(domains, cases[i].domains);
		assert_int_equal(m.flags & MAILBOX_STRICT, 0);
		free(copy);
	}
}

static void
test_nul(void **state)
{
	struct mailbox m;
	uint8_t *copy;

	/* Between the brackets nothing is taken off, not even that. */
	copy = read_copy(S("<x@army.ml\0>"), false, &m);
	assert_int_equal(m.nb_readings, 1);
	assert_string_equal(m.readings[0].domain, "army.ml");
	assert_int_equal(m.address_len, sizeof("x@army.ml"));
	assert_memory_equal(m.address, "x@army.ml", sizeof("x@army.ml"));
	free(copy);
	copy = read_copy(S("<x@army.ml\0.example.com>"), false, &m);
	assert_int_equal(m.nb_readings, 2);
	assert_string_equal(m.readings[0].domain, "army.ml"); /* a server in C */
	assert_string_equal(m.readings[1].domain, "army.ml.example.com");
	assert_int_equal(m.flags, MAILBOX_AMBIGUOUS);
	assert_int_equal(m.address_len, sizeof("x@army.ml.example.com"));
	free(copy);
	copy = read_copy(S("<x@ar\0my.ml>"), false, &m);
	assert_int_equal(m.nb_readings, 2);
	assert_string_equal(m.readings[1].domain, "army.ml");
	free(copy);
	copy = read_copy(S("<x\0y@army.ml>"), false, &m);
	assert_int_equal(m.nb_readings, 1);
	assert_string_equal(m.readings[0].domain, "army.ml");
	assert_int_equal(m.readings[0].local_len, 3);
	free(copy);
}

/* "<x@" + @nb octets 'a' + @end */
static uint8_t *
read_long(size_t nb, const char *end, struct mailbox *m)
{
	size_t len = 3 + nb + strlen(end);
	char *arg = malloc(len);
	uint8_t *copy;

	assert_non_null(arg);
	memcpy(arg, "<x@", 3);
	memset(arg + 3, 'a', nb);
	memcpy(arg + 3 + nb, end, strlen(end));
	copy = read_copy(arg, len, false, m);
	free(arg);
	return copy;
}

static void
test_domain_length(void **state)
{
	struct mailbox m;
	uint8_t *copy;

	copy = read_long(MAILBOX_DOMAIN_MAX - 3, ".ml>", &m);
	assert_int_equal(m.flags, MAILBOX_STRICT);
	assert_int_equal(m.readings[0].domain_len, MAILBOX_DOMAIN_MAX);
	free(copy);

	copy = read_long(MAILBOX_DOMAIN_MAX - 2, ".ml>", &m);
	assert_int_equal(m.flags, MAILBOX_DOMAIN_CUT);
	assert_int_equal(m.nb_readings, 1);
	assert_int_equal(m.readings[0].domain_len, MAILBOX_DOMAIN_MAX);
	assert_string_equal(m.readings[0].domain + MAILBOX_DOMAIN_MAX - 4, "a.ml");
	free(copy);

	/* Dots at the end are no part of a name, however many: they neither cut it nor push it out. */
	copy = read_long(MAILBOX_DOMAIN_MAX - 3, ".ml......>", &m);
	assert_int_equal(m.flags, 0);
	assert_int_equal(m.readings[0].domain_len, MAILBOX_DOMAIN_MAX);
	free(copy);

	copy = read_long(100000, ".hq.army.ml>", &m);
	assert_int_equal(m.flags, MAILBOX_DOMAIN_CUT);
	assert_string_equal(m.readings[0].domain + MAILBOX_DOMAIN_MAX - 12, "a.hq.army.ml");
	free(copy);
}

static void
test_readings_max(void **state)
{
	struct mailbox m;
	uint8_t *copy;
	unsigned int i;

	copy = read_copy(S("<x@a.x@b.x@c.x@d.x@e.x@f.x@g.x@h.x>"), false, &m);
	assert_int_equal(m.nb_readings, MAILBOX_READINGS_MAX);
	assert_int_equal(m.flags, MAILBOX_AMBIGUOUS);
	free(copy);
	copy = read_copy(S("<x@a.x@b.x@c.x@d.x@e.x@f.x@g.x@h.x@i.x>"), false, &m);
	assert_int_equal(m.nb_readings, MAILBOX_READINGS_MAX);
	assert_int_equal(m.flags, MAILBOX_AMBIGUOUS | MAILBOX_MORE_READINGS);
	assert_string_equal(m.readings[0].domain, "i.x");
	assert_string_equal(m.readings[1].domain, "a.x");
	free(copy);
	/* Equal domains do not use the places up. */
	copy = read_copy(S("<@a.x,@a.x,@A.x,@a.x,@a.x,@a.x,@a.x,@a.x,@b.x:u@a.x>"), false, &m);
	assert_int_equal(m.nb_readings, 2);
	assert_string_equal(m.readings[1].domain, "b.x");
	for (i = 0; i < m.nb_readings; i++)
		assert_int_equal(m.readings[i].local_len, 1);
	free(copy);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * Repeated patterns, each the worst case of some loop: eight times the octets may not cost more than some thirty times
 * the time (64 times would be quadratic), as long as it is long enough to be measured at all.
 */
static void
test_linear(void **state)
{
	static const char *const patterns[] = {
		"a", "@", "<", ">", "(", ")", "()", "\"", "\\", "!", "%", "a!", "a%", "a@", "@(", "<@", "@<", "<a@b>",
		" ", "a ", "a=", "@a,", "@a:", "[", "@[", "@[a]", ".", "@.", "a@b.c ", "(@", "\"@", "@\"", "\xff", ":@",
		"%a!", ";", "@a ", "A=@ ", "> A", "(a)@", "\\@",
	};
	enum { SMALL = 32768, FACTOR = 8 };
	uint8_t *buf = malloc((size_t)SMALL * FACTOR);
	unsigned int i, head;

	assert_non_null(buf);
	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]) * 2; i++) {
		const char *pattern = patterns[i / 2];
		size_t plen = strlen(pattern), j;
		uint64_t t[2] = { UINT64_MAX, UINT64_MAX };
		unsigned int run;
		struct mailbox m;

		head = i % 2; /* with a bracket before it, too */
		for (j = 0; j < (size_t)SMALL * FACTOR; j++)
			buf[j] = (uint8_t)pattern[j % plen];
		if (head)
			buf[0] = '<';
		for (run = 0; run < 6; run++) {
			uint64_t begin = now_ns(), took;

			mailbox_read(buf, run % 2 ? (size_t)SMALL * FACTOR : SMALL, false, &m);
			took = now_ns() - begin;
			if (took < t[run % 2])
				t[run % 2] = took;
		}
		if (t[1] > 50000000 && t[1] > t[0] * 32)
			fail_msg("pattern %s: %llu ns, then %llu ns", pattern, (unsigned long long)t[0],
				 (unsigned long long)t[1]);
	}
	free(buf);
}

static void
test_empty(void **state)
{
	struct mailbox m;

	mailbox_read(NULL, 0, false, &m);
	assert_int_equal(m.nb_readings, 0);
	assert_int_equal(m.flags, MAILBOX_NO_DOMAIN);
	mailbox_read_tail(NULL, 0, &m);
	assert_int_equal(m.nb_readings, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_tail),	      cmocka_unit_test(test_nul),
		cmocka_unit_test(test_domain_length), cmocka_unit_test(test_readings_max),
		cmocka_unit_test(test_linear),	      cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
