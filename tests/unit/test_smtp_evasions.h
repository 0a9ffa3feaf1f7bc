/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogues in which a client, or an odd capture, tries to have recipients read as something else: what decides is what
 * the server takes for commands. For test_smtp.c, as test_smtp_dialogues.h.
 */
static const struct dialogue evasions[] = {
	{
		.name = "TLS by the client alone",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "\026\003\001\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "TLS by the client, then by the server",
		.steps = {
			{ 'C', "\026\003\001abc\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "\026\003\003abc", 0 },
			{ 'C', "\027\003\003abc\r\nRCPT TO:<x@army.ml>\r\n", 0 },
		},
		.expect = "",
	},
	{
		.name = "TLS by the client, nothing of the server",
		.steps = {
			{ 'C', "\026\003\001abc\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "rcpt 0/0 x@army.ml army.ml alt from= +reply_unseen +pipelining_violation +alternative_reading\n",
	},
	{
		.name = "STARTTLS refused, TLS all the same",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\n", 0 },
			{ 'S', "454 no\r\n", 0 },
			{ 'C', "\026\003\001\002\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "STARTTLS accepted, the server goes on in clear",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\n", 0 },
			{ 'S', "220 go\r\n", 0 },
			{ 'C', "\026\003\001\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +resync\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +resync\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +resync\n",
		.is_ordered = true,
	},
	{
		.name = "STARTTLS accepted, both go on in clear",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\n", 0 },
			{ 'S', "220 go\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
			{ 'C', "DATA\r\n", 0 },
			{ 'S', "354 go\r\n", 0 },
			{ 'C', "x\r\n\r\nRCPT TO:<body@army.ml>\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +resync +pipelining_violation\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +resync +pipelining_violation\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=1 data 354/250 body=29 complete +resync\n",
		.is_ordered = true,
	},
	{
		.name = "STARTTLS accepted, TLS of both sides",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "STARTTLS\r\n", 0 },
			{ 'S', "220 go\r\n", 0 },
			{ 'C', "\026\003\001\001\000ab\ncd\r\nef", 14 },
			{ 'S', "\026\003\003ab\r\n250 x\r\n", 0 },
			{ 'C', "\027\003\003\r\nRCPT TO:<x@army.ml>\r\n", 0 },
		},
		.expect = "",
		.is_ordered = true,
	},
	{
		.name = "220 to XCLIENT is no 220 to STARTTLS",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "XCLIENT NAME=x\r\nSTARTTLS\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "220 mx\r\n454 no\r\n250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "many transactions at once, then DATA refused",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n"
			  "RSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\n"
			  "MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<a@example.org>\r\nDATA\r\n", 0 },
			{ 'S',
			  "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
			  "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
			  "554 no recipients\r\n", 0 },
			{ 'C', "X-A: b\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", 0 },
			{ 'S', "500 what\r\n250 1\r\n354 go\r\n", 0 },
			{ 'C', "x\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=\n"
			  "begin 2 helo=gw sender=\n"
			  "begin 3 helo=gw sender=\n"
			  "begin 4 helo=gw sender=\n"
			  "end 1 rcpts=0 none 0/0 body=0 complete\n"
			  "begin 5 helo=gw sender=\n"
			  "end 2 rcpts=0 none 0/0 body=0 complete\n"
			  "begin 6 helo=gw sender=\n"
			  "end 3 rcpts=0 none 0/0 body=0 complete\n"
			  "begin 7 helo=gw sender=a@example.org\n"
			  "end 4 rcpts=0 none 0/0 body=0 complete\n"
			  "end 5 rcpts=0 none 0/0 body=0 complete\n"
			  "end 6 rcpts=0 none 0/0 body=0 complete\n"
			  "data 7 data 554\n"
			  "rcpt 7/1 x@army.ml army.ml from=a@example.org\n"
			  "reply 7/1 250\n"
			  "data 7 data 354\n"
			  "end 7 rcpts=1 data 354/250 body=3 complete\n",
		.is_ordered = true,
	},
	{
		.name = "BDAT after HELO",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "HELO gw\r\n", 0 },
			{ 'S', "250 mx\r\n", 0 },
			{ 'C', "BDAT 100000 LAST\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +bdat_unoffered\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bdat_unoffered\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "BDAT before anything",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "BDAT 100000 LAST\r\n", 0 },
			{ 'S', "503 what\r\n", 0 },
			{ 'C', "HELO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 mx\r\n250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +bdat_unoffered\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bdat_unoffered\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "BDAT after a refused EHLO",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', "502 no\r\n", 0 },
			{ 'C', "BDAT 100000 LAST\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "HELO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 mx\r\n250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +bdat_unoffered\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bdat_unoffered\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
	},
	{
		.name = "BDAT with a sign",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
			{ 'C',
			  "BDAT +19\r\nBDAT 100000 LAST\r\nRSET\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading +bdat_doubt\n"
			  "end 1 rcpts=1 bdat 0/0 body=54 partial +alternative_reading +bdat_doubt\n",
	},
	{
		.name = "BDAT of more than 32 bits",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
			{ 'C',
			  "BDAT 4294967306\r\n12345678\r\nRSET\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading +bdat_doubt\n"
			  "end 1 rcpts=1 bdat 0/0 body=64 partial +bad_reply +alternative_reading +bdat_doubt\n",
	},
	{
		.name = "BDAT without recipients",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
			{ 'C', "BDAT 100000 LAST\r\n", 0 },
			{ 'S', "503 no\r\n", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading +bdat_doubt\n"
			  "end 1 rcpts=0 bdat 0/0 body=21 partial +alternative_reading +bdat_doubt\n",
		.is_ordered = true,
	},
	{
		.name = "BDAT refused at once",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\n", 0 },
			{ 'S', "250 1\r\n550 2\r\n", 0 },
			{ 'C', "BDAT 100000\r\n", 0 },
			{ 'S', "554 no\r\n", 0 },
			{ 'C', "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 550\n"
			  "data 1 bdat 0\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading +bdat_doubt\n"
			  "end 1 rcpts=1 bdat 0/0 body=21 partial +bad_reply +alternative_reading +bdat_doubt\n",
		.is_ordered = true,
	},
	{
		.name = "an end that only the server sees",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C', "x\r\n.\013\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +alternative_reading\n"
			  "end 1 rcpts=1 data 354/0 body=55 partial +bad_reply +alternative_reading\n",
		.is_ordered = true,
	},
	{
		.name = "a reply too many before 354",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 and\r\n354 3\r\n", 0 },
			{ 'C', "x\r\n\r\nBDAT 100000 LAST\r\n.\r\n\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 250\n"
			  "end 1 rcpts=1 data 250/250 body=23 complete +bad_reply\n"
			  "begin 2 helo=gw sender=a@example.org\n"
			  "rcpt 2/1 x@army.ml army.ml from=a@example.org\n"
			  "end 2 rcpts=1 none 0/0 body=0 partial\n",
		.is_ordered = true,
	},
	{
		.name = "reply to DATA unseen, NOOP",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nDATA\r\nNOOP\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +reply_unseen\n"
			  "data 1 data 0\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +reply_unseen\n",
	},
	{
		.name = "reply to DATA unseen, an unknown command",
		.steps = {
			{ 'C',
			  "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nDATA\r\nXA b\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 0 },
			{ 'E', NULL, 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +reply_unseen +alternative_reading\n"
			  "data 1 data 0\n"
			  "end 1 rcpts=0 data 0/0 body=27 partial +reply_unseen +alternative_reading\n",
	},
	{
		.name = "odd octets before and after the verb",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C',
			  "MAIL FROM:<a@example.org>\r\n\013RCPT TO:<a@army.ml>\r\n"
			  "RCPT\014\013TO:<b@army.ml>\r\n\r\rRCPT TO:<c@army.ml>\r\nDATA\013\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n354 5\r\n", 0 },
			{ 'C', "RCPT TO:<body@army.ml>\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 a@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/2 b@army.ml army.ml from=a@example.org\n"
			  "rcpt 1/3 c@army.ml army.ml from=a@example.org +bare_cr\n"
			  "rcpt 1/0 c@army.ml army.ml alt from=a@example.org +bare_cr +alternative_reading\n"
			  "reply 1/1 250\n"
			  "reply 1/2 250\n"
			  "reply 1/3 250\n"
			  "data 1 data 354\n"
			  "end 1 rcpts=3 data 354/250 body=24 complete +bare_cr +alternative_reading\n",
	},
	{
		.name = "NUL before the verb",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\n\000RCPT TO:<a@army.ml>\r\n", 49 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 a@army.ml army.ml from=a@example.org +nul\n"
			  "reply 1/1 250\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +nul\n",
	},
	{
		.name = "NUL around the dot",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n354 3\r\n", 0 },
			{ 'C',
			  "x\r\n\000.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n"
			  "DATA\r\nx\r\n.\000\r\nRCPT TO:<y@army.ml>\r\n.\r\n", 92 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org\n"
			  "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "reply 1/1 250\n"
			  "data 1 data 354\n"
			  "rcpt 1/0 x@army.ml army.ml alt from=a@example.org +lenient_end_of_data +alternative_reading\n"
			  "rcpt 1/0 y@army.ml army.ml alt from=a@example.org +lenient_end_of_data +alternative_reading\n"
			  "end 1 rcpts=1 data 354/250 body=89 complete +lenient_end_of_data +alternative_reading\n",
	},
	{
		.name = "a PROXY header after the greeting",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "\r\n\r\n\000\r\nQUIT\n!\021\003\350\r\n", 18 },
			{ 'S', "500 what\r\n500 what\r\n", 0 },
			{ 'C', "EHLO gw\r\n", 0 },
			{ 'S', EHLO_OK, 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo=gw sender=a@example.org +bare_lf +nul\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +bare_lf +nul\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial\n",
		.is_ordered = true,
	},
	{
		.name = "a PROXY header to a server that knows none",
		.steps = {
			{ 'C',
			  "\r\n\r\n\000\r\nQUIT\n!\021\003\350\r\nMAIL FROM:<a@example.org>\r\n"
			  "RCPT TO:<x@army.ml>\r\n", 66 },
			{ 'S', "220 mx\r\n500 what\r\n", 0 },
		},
		.expect = "rcpt 0/0 x@army.ml army.ml alt from= +alternative_reading\n",
	},
	{
		.name = "from the middle, TLS by the client alone",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.steps = {
			{ 'C', "\027\003\003\001\r\n", 0 },
			{ 'S', "500 what\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n", 0 },
		},
		.expect = "begin 1 helo= sender=a@example.org +midstream +resync\n"
			  "rcpt 1/1 x@army.ml army.ml from=a@example.org +midstream +resync\n"
			  "end 1 rcpts=1 none 0/0 body=0 partial +midstream +resync\n",
		.is_ordered = true,
	},
	{
		.name = "from the middle, TLS",
		.open_flags = SMTP_OPEN_MIDSTREAM,
		.steps = {
			{ 'C', "\027\003\003\001\r\n", 0 },
			{ 'S', "\027\003\003\002", 0 },
			{ 'C', "\r\nRCPT TO:<x@army.ml>\r\n", 0 },
		},
		.expect = "",
		.is_ordered = true,
	},
};
