/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_date.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_DAY (86400 * NS_PER_S)

static const char *
digits(const char *p, int nb, int *ret)
{
	*ret = 0;
	for (; nb > 0; nb--, p++) {
		if (p == NULL || *p < '0' || *p > '9')
			return NULL;
		*ret = *ret * 10 + (*p - '0');
	}
	return p;
}

static const char *
literal(const char *p, const char *any_of)
{
	return p != NULL && *p != '\0' && strchr(any_of, *p) != NULL ? p + 1 : NULL;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, years counted from 1 March. */
static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static const char *
read_day(const char *p, int64_t *ret_days)
{
	static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, last;
	bool is_leap;

	p = digits(p, 4, &year);
	p = digits(literal(p, "-"), 2, &month);
	p = digits(literal(p, "-"), 2, &day);
	if (p == NULL || year < 1970 || year > 2553 || month < 1 || month > 12)
		return NULL;
	is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	last = month_days[month - 1] + (month == 2 && is_leap);
	if (day < 1 || day > last)
		return NULL;
	*ret_days = days_from_civil(year, month, day);
	return p;
}

/* A fraction of any length; what is below a nanosecond is dropped. */
static const char *
read_fraction(const char *p, uint64_t *ret_ns)
{
	uint64_t unit = NS_PER_S / 10;
	const char *first;

	*ret_ns = 0;
	if (p == NULL || *p != '.')
		return p;
	for (first = ++p; *p >= '0' && *p <= '9'; p++, unit /= 10)
		*ret_ns += unit * (uint64_t)(*p - '0');
	return p > first ? p : NULL;
}

static const char *
read_offset(const char *p, int64_t *ret_s)
{
	int hours, minutes, sign;

	*ret_s = 0;
	if (p == NULL)
		return NULL;
	if (*p == 'Z' || *p == 'z')
		return p + 1;
	sign = *p == '-' ? -1 : 1;
	p = digits(literal(p, "+-"), 2, &hours);
	p = digits(literal(p, ":"), 2, &minutes);
	if (p == NULL || hours > 23 || minutes > 59)
		return NULL;
	*ret_s = sign * (hours * 3600 + minutes * 60);
	return p;
}

int
rule_date_read(const char *text, uint64_t *ret_from_ns, uint64_t *ret_until_ns)
{
	int hour, minute, second;
	int64_t days, offset, s;
	uint64_t from, until, ns;
	const char *p;

	p = read_day(text, &days);
	if (p == NULL)
		return -EINVAL;
	if (*p == '\0') {
		from = (uint64_t)days * NS_PER_DAY;
		until = from + NS_PER_DAY;
	} else {
		p = digits(literal(p, "Tt "), 2, &hour);
		p = digits(literal(p, ":"), 2, &minute);
		p = digits(literal(p, ":"), 2, &second);
		p = read_fraction(p, &ns);
		p = read_offset(p, &offset);
		if (p == NULL || *p != '\0' || hour > 23 || minute > 59 || second > 60)
			return -EINVAL;
		s = days * 86400 + hour * 3600 + minute * 60 + second - offset;
		if (s < 0)
			return -EINVAL;
		from = until = (uint64_t)s * NS_PER_S + ns;
	}
	if (ret_from_ns != NULL)
		*ret_from_ns = from;
	if (ret_until_ns != NULL)
		*ret_until_ns = until;
	return 0;
}

void
rule_date_write(uint64_t ts_ns, char buf[RULE_DATE_LEN])
{
	time_t t = (time_t)(ts_ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, RULE_DATE_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(buf, RULE_DATE_LEN, "?");
}
