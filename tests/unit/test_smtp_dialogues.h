/* SPDX-License-Identifier: BSD-3-Clause */
/* The dialogues of test_smtp.c. `test_smtp print` shows what is called back for each. */
static const struct dialogue dialogues[] = {
	{
		.name = "plain",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw.example\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org> SIZE=100\r\n", 0 },
			{ 'S', "250 ok\r\n", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 ok\r\n", 0 },
			{ 'C', "RCPT TO:<y@example.net>\r\n", 0 },
			{ 'S', "550-no\r\n550 such user\r\n", 0 },
			{ 'C', "DATA\r\n", 0 },
			{ 'S', "354 go\r\n", 0 },
			{ 'C',
			  "Subject: t\r\n\r\nRCPT TO:<z@army.ml>\r\n"
			  "..\r\n.x\r\nbye\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 queued\r\n221 bye\r\n", 0 },
		},
		.expect = "begin 1 helo=gw.example sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "rcpt 1/2 y@example.net example.net from=a@example.org\n"
			  "reply 1/2 550\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=2 data 354/250 body=48 complete\n",
	},
	{
		.name = "refused DATA, further recipients, RSET",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nRCPT TO:<b@army.ml>\r\n"
			  "RSET\r\n", 0 },
			{ 'S',
			  "250 ok\r\n450 later\r\n503 no recipients\r\n"
			  "250 ok\r\n250 reset\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 450\n"
			  "data 1 data 503\n"
			  "rcpt 1/2 b@army.ml army.ml from=a@example.org\n"
			  "reply 1/2 250\n"
			  "end 1 rcpts=2 none 503/0 body=0 complete\n",
	},
	{
		.name = "refused DATA, then accepted",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n450 2\r\n554 3\r\n", 0 },
			{ 'C', "RCPT TO:<b@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n354 2\r\n", 0 },
			{ 'C', "x\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 450\n"
			  "data 1 data 554\n"
			  "rcpt 1/2 b@army.ml army.ml from=a@example.org\n"
			  "reply 1/2 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=2 data 354/250 body=3 complete\n",
	},
	{
		.name = "empty body",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', ".\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=0 complete\n",
	},
	{
		.name = "MAIL refused",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nMAIL FROM:<b@example.org>\r\n"
			  "QUIT\r\n", 0 },
			{ 'S', "550 no\r\n503 no\r\n503 no\r\n250 ok\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 503\n"
			  "data 1 data 503\n"
			  "begin 2 helo=gw sender=b@example.org\n"
			  "end 1 rcpts=1 none 503/0 body=0 complete\n"
			  "end 2 rcpts=0 none 0/0 body=0 complete\n",
	},
	{
		.name = "nested MAIL",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "QUIT\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n503 3\r\n250 4\r\n221 5\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +nested_mail\n"
			  "reply 2/1 250\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "RCPT without MAIL, and after a message",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "RCPT TO:<x@army.ml>\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "503 1\r\n250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "x\r\n.\r\nRCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n503 1\r\n221 2\r\n", 0 },
		},
		.expect = "begin 0 helo=gw sender= +rcpt_without_mail\n"
			  "rcpt 0/1 x@army.ml army.ml from= +rcpt_without_mail\n"
			  "begin 1 helo=gw sender=a@example.org +rcpt_without_mail\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +rcpt_without_mail\n"
			  "reply 0/1 503\n"
			  "end 0 rcpts=1 none 0/0 body=0 partial +rcpt_without_mail\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "begin 0 helo=gw sender= +rcpt_without_mail\n"
			  "rcpt 0/2 x@army.ml army.ml from= +rcpt_without_mail\n"
			  "end 1 rcpts=1 data 354/250 body=3 complete\n"
			  "reply 0/2 503\n"
			  "end 0 rcpts=1 none 0/0 body=0 partial +rcpt_without_mail\n",
	},
	{
		.name = "EHLO ends a transaction",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "EHLO other\r\nMAIL FROM:<a@example.org>\r\n"
			  "RSET\r\nNOOP\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n" EHLO_OK "250 1\r\n250 2\r\n250 3\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "begin 2 helo=other sender=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete\n"
			  "end 2 rcpts=0 none 0/0 body=0 complete\n",
	},
	{
		.name = "unknown verbs and empty lines owe a reply each",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "XYZZY\r\n\r\nVRFY a\r\nEXPN b\r\n"
			  "HELP\r\nNOOP x\r\nETRN c\r\nTURN\r\n"
			  "XFORWARD a=b\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S',
			  "500 1\r\n500 2\r\n252 3\r\n550 4\r\n"
			  "214 5\r\n250 6\r\n458 7\r\n502 8\r\n"
			  "250 9\r\n250 10\r\n550 11\r\n221 12\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "forms of RCPT",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nrcpt to:x@y.example\r\n"
			  " RCPT\tTO : <a@b.example>\r\nRCPT  TO:<\"a b\"@c.example>\r\n"
			  "RCPT <d@e.example>\r\nRCPTTO:<f@g.example>\r\n"
			  "RCPT TO:<Postmaster>\r\nRCPT TO:< h @ i.example >\r\n"
			  "rCpT tO:\t<j@k.example>\t\r\nRCPT TO <l@m.example>\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@y.example y.example from=a@example.org +lenient_address\n"
			  "rcpt 1/2 a@b.example b.example from=a@example.org +lenient_address\n"
			  "rcpt 1/3 \"a\\x20b\"@c.example c.example from=a@example.org +lenient_address\n"
			  "rcpt 1/4 d@e.example e.example from=a@example.org +lenient_address\n"
			  "rcpt 1/5 f@g.example g.example from=a@example.org +lenient_address\n"
			  "rcpt 1/6 Postmaster  from=a@example.org +lenient_address\n"
			  "rcpt 1/7 \\x20h\\x20@\\x20i.example\\x20 i.example from=a@example.org +lenient_address\n"
			  "rcpt 1/8 j@k.example k.example from=a@example.org +lenient_address\n"
			  "rcpt 1/9 l@m.example m.example from=a@example.org +lenient_address\n"
			  "end 1 rcpts=9 none 0/0 body=0 partial +lenient_address\n",
	},
	{
		.name = "bare LF",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\nRCPT TO:<x@army.ml>\nRSET\n", 0 },
			{ 'S', "250 1\n250 2\n250 3\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +bare_lf\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bare_lf\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete +bare_lf\n",
	},
	{
		.name = "bare CR hides a RCPT",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<a@b.example>\rRCPT TO:<x@army.ml>\r\n"
			  "NOOP\rRCPT TO:<y@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 a@b.example b.example,army.ml from=a@example.org +bare_cr +lenient_address "
			  "+ambiguous_address\n"
			  "rcpt 1/0 a@b.example b.example alt from=a@example.org +bare_cr +lenient_address "
			  "+ambiguous_address +alternative_reading\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +bare_cr +lenient_address "
			  "+ambiguous_address +alternative_reading\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +bare_cr +lenient_address "
			  "+ambiguous_address +alternative_reading\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +bare_cr +lenient_address +ambiguous_address "
			  "+alternative_reading\n",
	},
	{
		.name = "NUL",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\000.example\r\n",
			  sizeof("MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\000.example\r\n") - 1 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +nul +lenient_address\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +nul +lenient_address "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +nul +lenient_address +alternative_reading\n",
	},
	{
		.name = "eight bit",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@arm\xc3\xbf.example>\r\n"
			  "RSET\r\nMAIL FROM:<a@example.org> BODY=8BITMIME smtputf8\r\n"
			  "RCPT TO:<x@arm\xc3\xbf.example>\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@arm\\xc3\\xbf.example arm\\xc3\\xbf.example from=a@example.org +eight_bit\n"
			  "begin 2 helo=gw sender=a@example.org +eight_bit\n"
			  "rcpt 2/1 x@arm\\xc3\\xbf.example arm\\xc3\\xbf.example from=a@example.org +eight_bit\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete +eight_bit\n"
			  "end 2 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "PROXY v1",
		.steps = {
			{ 'C',
			  "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n"
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "220 mx\r\n" EHLO_OK "250 1\r\n550 2\r\n221 3\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "PROXY v2",
		.steps = {
			{ 'C',
			  "\r\n\r\n\000\r\nQUIT\n\x21\x11\000\014\300\000\002\001\300\000\002\002\r\n"
			  "\r\nEHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n",
			  sizeof("\r\n\r\n\000\r\nQUIT\n\x21\x11\000\014\300\000\002\001\300\000\002\002\r\n"
				 "\r\nEHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
				 "RCPT TO:<x@army.ml>\r\nQUIT\r\n") - 1 },
			{ 'S', "220 mx\r\n" EHLO_OK "250 1\r\n550 2\r\n221 3\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "client talks before the greeting",
		.steps = {
			{ 'C', "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "220 mx\r\n", 0 },
			{ 'S', EHLO_OK "250 1\r\n550 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "two messages pipelined behind BDAT LAST",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 10\r\n0123456789BDAT 21 LAST\r\n"
			  "RCPT TO:<y@army.ml>\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nBDAT 0 LAST\r\n"
			  "QUIT\r\n", 0 },
			{ 'S',
			  "250 1\r\n250 2\r\n250 3\r\n250 4\r\n"
			  "250 5\r\n550 6\r\n554 7\r\n221 8\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org\n"
			  "data 2 bdat 0\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 bdat 0/250 body=31 complete\n"
			  "reply 2/1 550\n"
			  "end 2 rcpts=1 bdat 0/554 body=0 complete\n",
	},
	{
		.name = "BDAT before the reply to EHLO",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nBDAT 21 LAST\r\n"
			  "RCPT TO:<y@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', EHLO_OK "250 1\r\n250 2\r\n250 3\r\n221 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 bdat 0/250 body=21 complete\n",
	},
	{
		.name = "BDAT refused, the chunk is skipped",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 21 LAST\r\nRCPT TO:<y@army.ml>\r\n"
			  "RSET\r\n", 0 },
			{ 'S', "250 1\r\n550 2\r\n503 3\r\n250 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 bdat 0/503 body=21 complete\n",
	},
	{
		.name = "last chunk refused before its end",
		.is_ordered = true,
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 21 LAST\r\nRCPT TO", 0 },
			{ 'S', "250 1\r\n550 2\r\n503 3\r\n", 0 },
			{ 'C', ":<y@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "221 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 bdat 0/503 body=21 complete +bdat_doubt\n",
	},
	{
		.name = "BDAT not offered",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', "250 mx\r\n", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 21 LAST\r\nRCPT TO:<y@army.ml>\r\n"
			  "QUIT\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n500 3\r\n250 4\r\n221 5\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "rcpt 1/2 y@army.ml army.ml from=a@example.org +bdat_unoffered\n"
			  "reply 1/2 250\n"
			  "end 1 rcpts=2 none 0/0 body=0 complete +bdat_unoffered\n",
	},
	{
		.name = "BDAT not offered and taken all the same",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', "250 mx\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
			{ 'C', "BDAT 8\r\nsubject:", 0 },
			{ 'S', "250 3\r\n", 0 },
			{ 'C', "BDAT 23 LAST\r\nRCPT TO:<y@army.ml>\r\n\r\n", 0 },
			{ 'S', "250 4\r\n", 0 },
			{ 'C', "MAIL FROM:<b@example.org>\r\nRCPT TO:<z@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 5\r\n550 6\r\n221 7\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +alternative_reading +bdat_unoffered +bdat_doubt\n"
			  "end 1 rcpts=1 bdat 0/250 body=31 complete +alternative_reading +bdat_unoffered +bdat_doubt\n"
			  "begin 2 helo=gw sender=b@example.org +alternative_reading +bdat_unoffered +bdat_doubt\n"
			  "rcpt 2/1 z@army.ml army.ml from=b@example.org +alternative_reading +bdat_unoffered +bdat_doubt\n"
			  "reply 2/1 550\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "BDAT not offered, the end of the chunk is not seen",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "HELO gw\r\n", 0 },
			{ 'S', "250 mx\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
			{ 'C', "BDAT 100 LAST\r\nRCPT TO:<y@army.ml>\r\n", 0 },
			{ 'E', "", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +reply_unseen +alternative_reading +bdat_unoffered"
			  " +bdat_doubt\n"
			  "end 1 rcpts=1 bdat 0/0 body=21 partial +reply_unseen +alternative_reading +bdat_unoffered"
			  " +bdat_doubt\n",
	},
	{
		.name = "BDAT sizes that are none",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nBDAT\r\n"
			  "BDAT -1\r\nBDAT 99999999999999999999 LAST\r\n"
			  "BDAT 5x\r\nBDAT 5 FIRST\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n501 1\r\n501 2\r\n501 3\r\n501 4\r\n501 5\r\n250 6\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bdat_doubt\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +bdat_doubt\n",
	},
	{
		.name = "STARTTLS",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\n", 0 },
			{ 'S', "220 go\r\n", 0 },
			{ 'C',
			  "\026\003\001\000\005RCPT TO:<y@army.ml>\r\n",
			  sizeof("\026\003\001\000\005RCPT TO:<y@army.ml>\r\n") - 1 },
			{ 'S', "\026\003\003\001\n\n\n", 0 },
		},
		.expect = "",
	},
	{
		.name = "STARTTLS refused",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "454 no\r\n250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "STARTTLS with commands behind it",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nSTARTTLS\r\n"
			  "RCPT TO:<y@army.ml>\r\n\026\003\001xxxx", 0 },
			{ 'S', "250 1\r\n220 go\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +pipelining_violation "
			  "+alternative_reading\n"
			  "end 1 rcpts=0 none 0/0 body=0 partial +pipelining_violation +alternative_reading\n",
	},
	{
		.name = "TLS from the start",
		.steps = {
			{ 'C',
			  "\026\003\001\002\000RCPT TO:<y@army.ml>\r\n",
			  sizeof("\026\003\001\002\000RCPT TO:<y@army.ml>\r\n") - 1 },
			{ 'S', "\026\003\003\n\n\n", 0 },
		},
		.expect = "",
	},
	{
		.name = "AUTH LOGIN",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "AUTH LOGIN\r\n", 0 },
			{ 'S', "334 VXNlcm5hbWU6\r\n", 0 },
			{ 'C', "RCPT TO:<y@army.ml>\r\n", 0 },
			{ 'S', "334 UGFzc3dvcmQ6\r\n", 0 },
			{ 'C', "DATA\r\n", 0 },
			{ 'S', "235 ok\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "AUTH PLAIN, pipelined, cancelled",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "AUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@example.org>\r\n"
			  "AUTH X\r\n*\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "535 no\r\n250 1\r\n334 \r\n501 cancelled\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "TURN refused and taken",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "TURN\r\n", 0 },
			{ 'S', "502 no\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nATRN example.org\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 your turn\r\n", 0 },
			{ 'C', "220 gw\r\n", 0 },
			{ 'S', "EHLO mx\r\nMAIL FROM:<b@example.net>\r\nRCPT TO:<y@army.ml>\r\nDATA\r\n", 0 },
			{ 'C', "250 gw\r\n250 1\r\n250 RCPT TO:<z@army.ml>\r\nRCPT TO:<z@army.ml>\r\n354 go\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +alternative_reading +turned\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +alternative_reading +turned\n",
	},
	{
		.name = "DATA answered with 250",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nRSET\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 250\n"
			  "end 1 rcpts=1 none 250/0 body=0 complete +bad_reply\n",
	},
	{
		.name = "DATA answered with 250, and the message is sent",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nSubject: x\r\nRCPT TO:<y@army.ml>\r\n.\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n", 0 },
			{ 'C', "MAIL FROM:<b@example.org>\r\nRCPT TO:<z@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 5\r\n250 6\r\n221 7\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 250\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +alternative_reading\n"
			  "end 1 rcpts=1 data 250/250 body=33 complete +bad_reply +alternative_reading\n"
			  "begin 2 helo=gw sender=b@example.org +alternative_reading\n"
			  "rcpt 2/1 z@army.ml army.ml from=b@example.org +alternative_reading\n"
			  "reply 2/1 250\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "DATA answered with 300",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nRSET\r\n.\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n300 3\r\n250 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 300\n"
			  "end 1 rcpts=1 data 300/250 body=6 complete +bad_reply\n",
	},
	{
		.name = "pipelined behind a refused DATA",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nRSET\r\nQUIT\r\n", 0 },
			{ 'S', "250 1\r\n550 2\r\n554 3\r\n250 4\r\n221 5\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "data 1 data 554\n"
			  "end 1 rcpts=1 none 554/0 body=0 complete\n",
	},
	{
		.name = "lenient end of data, not taken",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C',
			  "a\n.\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<y@army.ml>\r\nDATA\r\n"
			  "b\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=61 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "lenient end of data LF.CRLF",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "a\n.\r\nRCPT TO:<y@army.ml>\r\nx\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=29 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "lenient end of data CRLF.LF",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "a\r\n.\nRCPT TO:<y@army.ml>\r\nx\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=29 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "lenient end of data CR.CR",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "a\r.\rRCPT TO:<y@army.ml>\r\nx\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=28 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "lenient end of data CRLF.CR",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "a\r\n.\rRCPT TO:<y@army.ml>\r\nx\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=29 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "lenient end of data, taken by the server",
		.is_ordered = true,
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "a\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
			{ 'C', "MAIL FROM:<b@example.org>\r\nRCPT TO:<y@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
			{ 'C', "QUIT\r\n", 0 },
			{ 'S', "221 3\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=5 complete +lenient_end_of_data\n"
			  "begin 2 helo=gw sender=b@example.org +lenient_end_of_data\n"
			  "rcpt 2/1 y@army.ml army.ml from=b@example.org +lenient_end_of_data\n"
			  "reply 2/1 250\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "dots and RCPT inside a body",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C',
			  "RCPT TO:<y@army.ml>\r\n.RCPT TO:<y@army.ml>\r\n"
			  "..\r\n. \r\n.\tx\r\na.\r\n\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=62 complete\n",
	},
	{
		.name = "server gives up inside the body",
		.is_ordered = true,
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "some ", 0 },
			{ 'S', "552 too big\r\n", 0 },
			{ 'C', "text\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/552 body=11 complete\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 2/1 250\n"
			  "end 2 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "LMTP",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C',
			  "LHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nRCPT TO:<x@army.ml>\r\n"
			  "RCPT TO:<n@example.net>\r\nDATA\r\n", 0 },
			{ 'S', EHLO_OK "250 1\r\n250 2\r\n250 3\r\n550 4\r\n354 5\r\n", 0 },
			{ 'C', "x\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 a\r\n452 b\r\n250 1\r\n451 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/2 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/3 n@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "reply 1/2 250\n"
			  "reply 1/3 550\n"
			  "data 1 data 354\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org\n"
			  "end 1 rcpts=3 data 354/250 body=3 complete\n"
			  "reply 2/1 451\n"
			  "end 2 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "replies of every form",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nRCPT TO:<x@army.ml>\r\n"
			  "RCPT TO:<x@army.ml>\r\nRCPT TO:<x@army.ml>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S',
			  EHLO_OK "250\r\n250-a\r\n250-\r\n"
			  "250 b\n199 x\n599\n257-\n257\n450\tx\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/2 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/3 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/4 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/5 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "reply 1/2 199\n"
			  "reply 1/3 599\n"
			  "reply 1/4 257\n"
			  "reply 1/5 450\n"
			  "end 1 rcpts=5 none 0/0 body=0 partial\n",
	},
	{
		.name = "lines that are no reply",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S',
			  EHLO_OK "25\r\n\r\nhello\r\n600 x\r\n"
			  "2x0\r\n250x\r\n250 1\r\n550 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "421 and the end",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n421 bye\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 421\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "long server lines",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S',
			  "250-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
			  "250 yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"
			  "250 1\r\n550 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "gap in a RCPT line",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@ar", 0 },
			{ 'c', "20", 0 },
			{ 'C', "my.ml>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n354 4\r\n", 0 },
			{ 'C', "x\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@ar  from=a@example.org +lenient_address +gap_client\n"
			  "rcpt 1/2 x@army.ml army.ml from=a@example.org +lenient_address +gap_client +resync\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=2 data 354/250 body=3 partial +lenient_address +gap_client +resync\n",
	},
	{
		.name = "gap of whole commands",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
			{ 'c', "21", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 2\r\n250 3\r\n", 0 },
			{ 'C', "DATA\r\n", 0 },
			{ 'S', "354 4\r\n", 0 },
			{ 'C',
			  "x\r\n.\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n250 1\r\n550 2\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +gap_client +resync\n"
			  "data 1 data 354\n"
			  "begin 2 helo=gw sender=a@example.org +gap_client +resync\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org +gap_client +resync\n"
			  "end 1 rcpts=1 data 354/250 body=3 partial +gap_client +resync\n"
			  "reply 2/1 550\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "gap inside a body",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "hello", 0 },
			{ 'c', "50", 0 },
			{ 'C', "there\r\nbye\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=67 partial +gap_client\n",
	},
	{
		.name = "gap with the end of data in it",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "hello", 0 },
			{ 'c', "50", 0 },
			{ 'S', "250 q\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "x\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=55 partial +gap_client\n"
			  "begin 2 helo=gw sender=a@example.org +gap_client +resync\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org +gap_client +resync\n"
			  "reply 2/1 250\n"
			  "data 2 data 354\n"
			  "end 2 rcpts=1 data 354/250 body=3 complete +resync\n",
	},
	{
		.name = "gap with the end of data in it, no replies",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "hello", 0 },
			{ 'c', "50", 0 },
			{ 'C', "MAIL FROM:<b@example.org>\r\nRCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "begin 2 helo=gw sender=b@example.org +gap_client +resync\n"
			  "rcpt 2/1 x@army.ml army.ml from=b@example.org +gap_client +resync\n"
			  "end 1 rcpts=1 data 354/0 body=55 partial +gap_client\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete +resync\n",
	},
	{
		.name = "RCPT in a body after a gap is stated",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "hello", 0 },
			{ 'c', "50", 0 },
			{ 'C', "\r\nRCPT TO:<y@army.ml>\r\nRSET\r\nQUIT\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +gap_client +resync "
			  "+alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=90 partial +gap_client +resync +alternative_reading\n",
	},
	{
		.name = "gap inside a chunk",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 100 LAST\r\n0123456789", 0 },
			{ 'c', "80", 0 },
			{ 'C', "0123456789QUIT\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 bdat 0/250 body=100 partial +gap_client\n",
	},
	{
		.name = "gap beyond a chunk",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 100 LAST\r\n0123456789", 0 },
			{ 'c', "120", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 q\r\n250 3\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "begin 0 helo=gw sender= +gap_client +rcpt_without_mail\n"
			  "rcpt 0/1 x@army.ml army.ml from= +gap_client +resync +rcpt_without_mail\n"
			  "end 1 rcpts=1 bdat 0/0 body=10 partial +gap_client\n"
			  "end 0 rcpts=1 none 0/0 body=0 partial +resync +rcpt_without_mail\n",
	},
	{
		.name = "gap after DATA",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'c', "50", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "there\r\n.\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=7 partial +gap_client\n",
	},
	{
		.name = "gap of the server",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 's', "30", 0 },
			{ 'S', "354 go\r\n", 0 },
			{ 'C', "x\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 q\r\n250 1\r\n550 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 data 354\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org +gap_server\n"
			  "end 1 rcpts=1 data 354/250 body=3 partial\n"
			  "reply 2/1 550\n"
			  "end 2 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "gap of the server, DATA refused",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 's', "30", 0 },
			{ 'S', "554 no\r\n", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'E', NULL, 0 },
			{ 'S', "250 1\r\n221 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/2 x@army.ml army.ml from=a@example.org +gap_server +reply_unseen\n"
			  "data 1 data 0\n"
			  "end 1 rcpts=2 none 0/0 body=0 partial +reply_unseen\n",
	},
	{
		.name = "client side only",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nDATA\r\n"
			  "Received: x\r\n\r\nRCPT TO:<n@army.ml>\r\n"
			  ".\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nRSET\r\n"
			  "QUIT\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "begin 2 helo=gw sender=a@example.org +reply_unseen\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org +reply_unseen\n"
			  "data 1 data 0\n"
			  "end 1 rcpts=1 data 0/0 body=36 partial +reply_unseen\n"
			  "end 2 rcpts=1 none 0/0 body=0 complete\n",
	},
	{
		.name = "client side only, DATA refused",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nDATA\r\n"
			  "RCPT TO:<b@army.ml>\r\nQUIT\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/2 b@army.ml army.ml from=a@example.org +reply_unseen\n"
			  "data 1 data 0\n"
			  "end 1 rcpts=2 none 0/0 body=0 complete +reply_unseen\n",
	},
	{
		.name = "client side only, STARTTLS",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nSTARTTLS\r\n\026\003\001\001\001\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		/* No server was seen to speak TLS: the octets go on being read. */
		.expect = "rcpt 0/0 x@army.ml army.ml alt from= +reply_unseen +pipelining_violation "
			  "+alternative_reading\n",
	},
	{
		.name = "client side only, STARTTLS not done",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nSTARTTLS\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +reply_unseen\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +reply_unseen\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "client side only, AUTH",
		.steps = {
			{ 'C',
			  "AUTH LOGIN\r\nYQ==\r\nYg==\r\n"
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo= sender=a@example.org +reply_unseen\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +reply_unseen\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "client side only, six messages",
		.steps = {
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "BDAT 1 LAST\r\nx", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo= sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "data 1 bdat 0\n"
			  "begin 2 helo= sender=a@example.org +reply_unseen +bdat_doubt\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org +reply_unseen +bdat_doubt\n"
			  "data 2 bdat 0\n"
			  "begin 3 helo= sender=a@example.org +reply_unseen +bdat_doubt\n"
			  "rcpt 3/1 x@army.ml army.ml from=a@example.org +reply_unseen +bdat_doubt\n"
			  "data 3 bdat 0\n"
			  "begin 4 helo= sender=a@example.org +reply_unseen +bdat_doubt\n"
			  "rcpt 4/1 x@army.ml army.ml from=a@example.org +reply_unseen +bdat_doubt\n"
			  "data 4 bdat 0\n"
			  "end 1 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n"
			  "begin 5 helo= sender=a@example.org +reply_unseen +bdat_doubt\n"
			  "rcpt 5/1 x@army.ml army.ml from=a@example.org +reply_unseen +bdat_doubt\n"
			  "data 5 bdat 0\n"
			  "end 2 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n"
			  "begin 6 helo= sender=a@example.org +reply_unseen +bdat_doubt\n"
			  "rcpt 6/1 x@army.ml army.ml from=a@example.org +reply_unseen +bdat_doubt\n"
			  "data 6 bdat 0\n"
			  "end 3 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n"
			  "end 4 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n"
			  "end 5 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n"
			  "end 6 rcpts=1 bdat 0/0 body=1 partial +reply_unseen +bdat_doubt\n",
	},
	{
		.name = "server side only",
		.is_ordered = true,
		.steps = {
			{ 'S',
			  "220 mx\r\n" EHLO_OK "250 1\r\n"
			  "250 2\r\n354 3\r\n250 q\r\n221 b\r\n", 0 },
		},
		.expect = "",
	},
	{
		.name = "from the middle, in commands",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.steps = {
			{ 'C', "e@example.org>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C',
			  "x\r\n.\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n250 1\r\n550 2\r\n221 b\r\n", 0 },
		},
		.expect = "begin 0 helo= sender= +midstream +rcpt_without_mail\n"
			  "rcpt 0/1 x@army.ml army.ml from= +midstream +resync +rcpt_without_mail\n"
			  "data 0 data 354\n"
			  "begin 1 helo= sender=a@example.org +midstream +resync +rcpt_without_mail\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +midstream +resync +rcpt_without_mail\n"
			  "end 0 rcpts=1 data 354/250 body=3 partial +resync +rcpt_without_mail\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete +midstream\n",
	},
	{
		.name = "from the middle, in a body",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.steps = {
			{ 'C',
			  "text\r\ntext\r\n.\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n250 1\r\n550 2\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo= sender=a@example.org +midstream\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +midstream\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete +midstream\n",
	},
	{
		.name = "from the middle, at 354",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.is_ordered = true,
		.steps = {
			{ 'S', "354 go\r\n", 0 },
			{ 'C',
			  "text\r\nRCPT TO:<y@army.ml>\r\n"
			  ".\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\nQUIT\r\n", 0 },
			{ 'S', "250 q\r\n250 1\r\n550 2\r\n221 b\r\n", 0 },
		},
		.expect = "begin 1 helo= sender=a@example.org +midstream\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +midstream\n"
			  "reply 1/1 550\n"
			  "end 1 rcpts=1 none 0/0 body=0 complete +midstream\n",
	},
	{
		.name = "from the middle, in TLS",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.steps = {
			{ 'C',
			  "\027\003\003\000\020RCPT TO:<y@army.ml>\r\n",
			  sizeof("\027\003\003\000\020RCPT TO:<y@army.ml>\r\n") - 1 },
		},
		.expect = "",
	},
	{
		.name = "other octets",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\n", 0 },
			{ 'A', "RCPT TO:<x@army.ml>\r\nxRCPT TO:<y@army.ml>\r\nRCPT TO:<z@army.mi", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +alternative_reading\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +alternative_reading\n",
	},
};
