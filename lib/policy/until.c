/* How long a port shall stay open. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/when.h"
#include "policy/policy.h"

enum { YEAR_LAST = 9999, MONTHS = 12, DAYS_PER_WEEK = 7 };

static int64_t last_day(void)
{
	return date_to_days(YEAR_LAST, MONTHS, 31);
}

/* The same day `months` later, or the last one of a shorter month. */
static int64_t months_later(int32_t today, uint64_t months)
{
	char text[POLICY_DATE_TEXT_BYTES];
	int year = 0;
	int month = 0;
	int day = 0;
	if (date_parse(&year, &month, &day, policy_date_format(today, text)) < 0) {
		return INT64_MAX;
	}
	int64_t from_zero = (int64_t)year * MONTHS + (month - 1) + (int64_t)months;
	year = (int)(from_zero / MONTHS);
	month = (int)(from_zero % MONTHS) + 1;
	int64_t first = date_to_days(year, month, 1);
	int64_t next =
		month == MONTHS ? date_to_days(year + 1, 1, 1) : date_to_days(year, month + 1, 1);
	return first + day > next ? next - 1 : first + day - 1;
}

/* "30d", "2w", "6m", "1y". @return 0, -EINVAL, -ERANGE. */
static int parse_span(int64_t *out, const char *text, int32_t today)
{
	uint64_t count = 0;
	size_t length = strlen(text);
	if (length < 2) {
		return -EINVAL;
	}
	/* Enough for any unit: from 1970 to 9999 are fewer days. */
	int r = parse_u64_bytes(&count, text, length - 1, 1, (uint64_t)last_day());
	if (r < 0) {
		return count == 0 && text[0] == '0' ? -EINVAL : r;
	}
	switch (text[length - 1]) {
	case 'd':
		*out = today + (int64_t)count;
		return 0;
	case 'w':
		*out = today + (int64_t)count * DAYS_PER_WEEK;
		return 0;
	case 'm':
		*out = months_later(today, count);
		return 0;
	case 'y':
		*out = count > YEAR_LAST ? INT64_MAX : months_later(today, count * MONTHS);
		return 0;
	default:
		return -EINVAL;
	}
}

int policy_until_parse(int32_t *days, const char *text, int32_t today)
{
	int year = 0;
	int month = 0;
	int day = 0;
	int64_t value = 0;
	if (date_parse(&year, &month, &day, text) == 0) {
		value = date_to_days(year, month, day);
	} else {
		int r = parse_span(&value, text, today);
		if (r < 0) {
			return r;
		}
	}
	if (value < today || value > last_day()) {
		return -ERANGE;
	}
	*days = (int32_t)value;
	return 0;
}
