/* Points in time and spans. */
#include "base/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
int64_t date_to_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? (int64_t)year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

/* The same paper, civil_from_days. */
static void days_to_date(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

const char *time_format(usec_t time, char *out)
{
	int64_t days = time / USEC_PER_DAY;
	int64_t rest = time % USEC_PER_DAY;
	if (rest < 0) {
		rest += USEC_PER_DAY;
		days--;
	}
	int year = 0;
	int month = 0;
	int day = 0;
	days_to_date(days, &year, &month, &day);
	out[0] = '\0';
	if (year >= 0 && year <= 9999) {
		(void)snprintf(out, TIME_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year,
			       month, day, (int)(rest / USEC_PER_HOUR),
			       (int)(rest / USEC_PER_MIN % 60), (int)(rest / USEC_PER_SEC % 60),
			       (int)(rest % USEC_PER_SEC));
	}
	return out;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

/* Two or four digits at `text`; -1 when they are not digits. */
static int digits(const char *text, size_t count, int min, int max)
{
	uint64_t value = 0;
	if (strnlen(text, count) < count ||
	    parse_u64_bytes(&value, text, count, (uint64_t)min, (uint64_t)max) < 0) {
		return -1;
	}
	return (int)value;
}

static int date_prefix(int *year, int *month, int *day, const char *text)
{
	if (strnlen(text, 10) < 10 || text[4] != '-' || text[7] != '-') {
		return -EINVAL;
	}
	int y = digits(text, 4, 0, 9999);
	int m = digits(text + 5, 2, 1, 12);
	int d = digits(text + 8, 2, 1, 31);
	if (y < 0 || m < 0 || d < 0 || d > days_in_month(y, m)) {
		return -EINVAL;
	}
	*year = y;
	*month = m;
	*day = d;
	return 0;
}

int date_parse(int *year, int *month, int *day, const char *text)
{
	return strlen(text) == 10 ? date_prefix(year, month, day, text) : -EINVAL;
}

/* ".25" after the seconds; @return characters used, or -1. */
static int fraction(usec_t *out, const char *text)
{
	usec_t scale = USEC_PER_SEC / 10;
	int used = 1;
	for (; text[used] >= '0' && text[used] <= '9'; used++) {
		*out += (text[used] - '0') * scale;
		scale /= 10;
	}
	return used == 1 ? -1 : used;
}

/* "Z" or "+09:00" up to the end. @return 0 or -EINVAL; `out` is what to subtract. */
static int zone(usec_t *out, const char *text)
{
	*out = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
		return 0;
	}
	if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
		return -EINVAL;
	}
	int hours = digits(text + 1, 2, 0, 23);
	int minutes = digits(text + 4, 2, 0, 59);
	if (hours < 0 || minutes < 0) {
		return -EINVAL;
	}
	*out = (hours * USEC_PER_HOUR + minutes * USEC_PER_MIN) * (text[0] == '-' ? -1 : 1);
	return 0;
}

int time_parse(usec_t *out, const char *text)
{
	int year = 0;
	int month = 0;
	int day = 0;
	if (date_prefix(&year, &month, &day, text) < 0) {
		return -EINVAL;
	}
	usec_t time = date_to_days(year, month, day) * USEC_PER_DAY;
	if (text[10] == '\0') {
		*out = time;
		return 0;
	}
	if ((text[10] != 'T' && text[10] != ' ') || strnlen(text, 20) < 20 || text[13] != ':' ||
	    text[16] != ':') {
		return -EINVAL;
	}
	int hour = digits(text + 11, 2, 0, 23);
	int minute = digits(text + 14, 2, 0, 59);
	int second = digits(text + 17, 2, 0, 60);
	if (hour < 0 || minute < 0 || second < 0) {
		return -EINVAL;
	}
	time += hour * USEC_PER_HOUR + minute * USEC_PER_MIN + second * USEC_PER_SEC;
	int used = 0;
	usec_t part = 0;
	if (text[19] == '.' && (used = fraction(&part, text + 19)) < 0) {
		return -EINVAL;
	}
	usec_t offset = 0;
	if (zone(&offset, text + 19 + used) < 0) {
		return -EINVAL;
	}
	*out = time + part - offset;
	return 0;
}

int span_parse(usec_t *out, const char *text)
{
	static const struct {
		char letter;
		usec_t unit;
	} units[] = { { 's', USEC_PER_SEC },
		      { 'm', USEC_PER_MIN },
		      { 'h', USEC_PER_HOUR },
		      { 'd', USEC_PER_DAY },
		      { 'w', 7 * USEC_PER_DAY } };
	size_t length = strlen(text);
	for (unsigned i = 0; length > 1 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[length - 1] != units[i].letter) {
			continue;
		}
		uint64_t value = 0;
		int r = parse_u64_bytes(&value, text, length - 1, 0,
					(uint64_t)(INT64_MAX / units[i].unit));
		if (r == 0) {
			*out = (usec_t)value * units[i].unit;
		}
		return r;
	}
	return -EINVAL;
}

const char *span_format(usec_t span, char *out)
{
	static const struct {
		usec_t from;
		usec_t unit;
		const char *name;
	} steps[] = { { 2 * USEC_PER_DAY, USEC_PER_DAY, "d" },
		      { 2 * USEC_PER_HOUR, USEC_PER_HOUR, "h" },
		      { 2 * USEC_PER_MIN, USEC_PER_MIN, "min" },
		      { USEC_PER_SEC, USEC_PER_SEC, "s" },
		      { 0, 1000, "ms" } };
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (span >= steps[i].from || steps[i].from == 0) {
			(void)snprintf(out, SPAN_TEXT_BYTES, "%lld %s",
				       (long long)(span / steps[i].unit), steps[i].name);
			break;
		}
	}
	return out;
}
