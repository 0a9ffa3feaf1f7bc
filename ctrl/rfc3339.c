/* SPDX-License-Identifier: BSD-3-Clause */
#include "rfc3339.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>

#define NS_PER_S UINT64_C(1000000000)

/* Days since 1970-01-01 <-> civil date, in years that begin in March so that the leap day comes last. */
static void
civil_from_days(uint64_t days, unsigned int *y, unsigned int *m, unsigned int *d)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = (unsigned int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (unsigned int)(yoe + era * 400) + (*m <= 2);
}

static int64_t
days_from_civil(unsigned int y, unsigned int m, unsigned int d)
{
	uint64_t yy = m <= 2 ? y - 1 : y, era = yy / 400, yoe = yy - era * 400;
	uint64_t doy = (153 * (uint64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;

	return (int64_t)(era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void
put_digits(char *p, unsigned int n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
rfc3339_format(uint64_t ts_ns, char buf[RFC3339_LEN + 1])
{
	uint64_t secs = ts_ns / NS_PER_S, tod = secs % 86400;
	unsigned int y, m, d;

	civil_from_days(secs / 86400, &y, &m, &d);
	put_digits(buf, 4, y);
	buf[4] = '-';
	put_digits(buf + 5, 2, m);
	buf[7] = '-';
	put_digits(buf + 8, 2, d);
	buf[10] = 'T';
	put_digits(buf + 11, 2, tod / 3600);
	buf[13] = ':';
	put_digits(buf + 14, 2, tod / 60 % 60);
	buf[16] = ':';
	put_digits(buf + 17, 2, tod % 60);
	buf[19] = '.';
	put_digits(buf + 20, 9, ts_ns % NS_PER_S);
	buf[29] = 'Z';
	buf[30] = '\0';
}

/* Exactly @n digits; moves on. */
static bool
take_digits(const char **s, unsigned int n, unsigned int *ret)
{
	unsigned int v = 0;

	while (n-- > 0) {
		if (!isdigit((unsigned char)**s))
			return false;
		v = v * 10 + (unsigned int)(*(*s)++ - '0');
	}
	*ret = v;
	return true;
}

static bool
take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool
take_fraction(const char **s, uint64_t *ret_ns)
{
	uint64_t ns = 0, unit = NS_PER_S / 10;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++, unit /= 10)
		ns += (uint64_t)(**s - '0') * unit;
	*ret_ns = ns;
	return true;
}

/* Minutes east of UTC. */
static bool
take_zone(const char **s, int *ret_min)
{
	unsigned int h, m;
	int sign = **s == '-' ? -1 : 1;

	*ret_min = 0;
	if (**s == '\0')
		return true;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	(*s)++;
	if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*ret_min = sign * (int)(h * 60 + m);
	return true;
}

int
rfc3339_parse(const char *s, uint64_t *ret_ns)
{
	static const uint8_t month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int y, mo, d, h = 0, mi = 0, sec = 0;
	uint64_t frac = 0;
	int zone = 0;
	int64_t secs;

	if (!take_digits(&s, 4, &y) || !take_char(&s, '-') || !take_digits(&s, 2, &mo) || !take_char(&s, '-') ||
	    !take_digits(&s, 2, &d))
		return -EINVAL;
	if (mo < 1 || mo > 12 || d < 1 || d > month_days[mo - 1] || y < 1970 || y > 2500)
		return -EINVAL;
	if (mo == 2 && d == 29 && (y % 4 != 0 || (y % 100 == 0 && y % 400 != 0)))
		return -EINVAL;
	if (*s == 'T' || *s == 't' || *s == ' ') {
		s++;
		if (!take_digits(&s, 2, &h) || !take_char(&s, ':') || !take_digits(&s, 2, &mi))
			return -EINVAL;
		if (take_char(&s, ':') && !take_digits(&s, 2, &sec))
			return -EINVAL;
		if (take_char(&s, '.') && !take_fraction(&s, &frac))
			return -EINVAL;
		if (!take_zone(&s, &zone))
			return -EINVAL;
	}
	if (*s != '\0' || h > 23 || mi > 59 || sec > 60)
		return -EINVAL;
	secs = days_from_civil(y, mo, d) * 86400 + (int64_t)h * 3600 + (int64_t)mi * 60 + sec - (int64_t)zone * 60;
	if (secs < 0)
		return -EINVAL;
	*ret_ns = (uint64_t)secs * NS_PER_S + frac;
	return 0;
}
