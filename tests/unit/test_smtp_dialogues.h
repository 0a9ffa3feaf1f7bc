/* SPDX-License-Identifier: BSD-3-Clause */
/* The dialogues of test_smtp.c. */
static const struct dialogue dialogues[] = {
	{
		.name = "plain",
		.steps = {
			{ 'S', "220 mx ESMTP\r\n" },
			{ 'C', "EHLO gw.example\r\n" },
			{ 'S', EHLO_OK },
			{ 'C', "MAIL FROM:<a@example.org> SIZE=100\r\n" },
			{ 'S', "250 ok\r\n" },
			{ 'C', "RCPT TO:<x@army.ml>\r\n" },
			{ 'S', "250 ok\r\n" },
			{ 'C', "RCPT TO:<y@example.net>\r\n" },
			{ 'S', "550-no\r\n550 such user\r\n" },
			{ 'C', "DATA\r\n" },
			{ 'S', "354 go\r\n" },
			{ 'C', "Subject: t\r\n\r\nRCPT TO:<z@army.ml>\r\n..\r\n.x\r\nbye\r\n.\r\nQUIT\r\n" },
			{ 'S', "250 queued\r\n221 bye\r\n" },
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
		.name = "pipelined, refused DATA, further recipients, RSET",
		.steps = {
			{ 'S', "220 mx\r\n" },
			{ 'C', "EHLO gw\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.net>\r\nDATA\r\nRCPT TO:<b@army.ml>\r\nRSET\r\n" },
			{ 'S', EHLO_OK "250 ok\r\n450 later\r\n503 no recipients\r\n" },
			{ 'S', "250 ok\r\n250 reset\r\n" },
		},
		.expect = "begin 1 helo=gw sender=\n"
			  "rcpt 1/1 a@example.net example.net from=\n"
			  "reply 1/1 450\n"
			  "data 1 data 503\n"
			  "rcpt 1/2 b@army.ml army.ml from=\n"
			  "reply 1/2 250\n"
			  "end 1 rcpts=2 none 503/0 body=0 complete\n",
	},
};
