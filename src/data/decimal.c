#include "data/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits that fit an uint64_t; the longest text that is read at all. */
enum { MOST_DIGITS = 19, MOST_TEXT = 4096, EXACT_POWERS = 22 };

/* mantissa · 10^exponent, of either sign. */
typedef struct Decimal {
    uint64_t mantissa;
    int exponent, digits; /* digits from the first one that is not 0 on */
    bool negative;
} Decimal;

static const char *take_digits(const char *at, const char *end, Decimal *decimal) {
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (decimal->digits > 0 || *at != '0')
            decimal->digits++;
        if (decimal->digits <= MOST_DIGITS)
            decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

/* "e-7"; NULL where digits lack. */
static const char *take_exponent(const char *at, const char *end, Decimal *decimal) {
    bool negative = ++at < end && *at == '-';
    int value = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return NULL;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        value = value < 100000 ? value * 10 + (*at - '0') : value;
    decimal->exponent += negative ? -value : value;
    return at;
}

/* Is all of it a number as the header has it? Its parts, right where there are few digits. */
static bool take_apart(const char *at, const char *end, Decimal *out) {
    Decimal decimal = { 0 };
    if (at < end && (*at == '-' || *at == '+'))
        decimal.negative = *at++ == '-';
    const char *whole = at;
    at = take_digits(at, end, &decimal);
    bool any = at > whole;
    if (at < end && *at == '.') {
        const char *behind = ++at;
        at = take_digits(at, end, &decimal);
        any = any || at > behind;
        decimal.exponent = -(int)(at - behind);
    }
    if (any && at < end && (*at == 'e' || *at == 'E')) {
        at = take_exponent(at, end, &decimal);
        any = at && at[-1] >= '0' && at[-1] <= '9';
    }
    *out = decimal;
    return any && at == end;
}

/* The nearest double by one rounding: both factors are exact. */
static bool quick_double(const Decimal *decimal, double *out) {
    static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    int e = decimal->exponent;
    if (decimal->digits > MOST_DIGITS || decimal->mantissa > (UINT64_C(1) << 53) ||
        abs(e) > EXACT_POWERS)
        return false;
    double mantissa = (double)decimal->mantissa;
    *out = e < 0 ? mantissa / power[-e] : mantissa * power[e];
    return true;
}

/* A double just between two floats may have been rounded to there: rounded again, it could go the
 * wrong way. */
static bool is_between(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1fffffff) == 0x10000000;
}

/* libc's answer, in the locale "C". */
static bool slow_float(const char *text, size_t length, float *out) {
    char copy[MOST_TEXT];
    char *end = copy;
    locale_t c = length < sizeof copy ? newlocale(LC_ALL_MASK, "C", (locale_t)0) : (locale_t)0;
    if (!c)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    float value = strtof_l(copy, &end, c);
    freelocale(c);
    if (end != copy + length)
        return false;
    *out = value;
    return true;
}

static bool is_word(const char *text, size_t length, const char *word) {
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

static bool special(const char *text, size_t length, float *out) {
    bool negative = length > 0 && *text == '-';
    if (length > 0 && (*text == '-' || *text == '+'))
        text++, length--;
    if (is_word(text, length, "nan"))
        *out = NAN;
    else if (is_word(text, length, "inf") || is_word(text, length, "infinity"))
        *out = negative ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool decimal_float(const char *text, size_t length, float *out) {
    Decimal decimal;
    double value;
    if (length == 0 || length >= MOST_TEXT)
        return false;
    if (!take_apart(text, text + length, &decimal))
        return special(text, length, out);
    if (!quick_double(&decimal, &value) || is_between(value))
        return slow_float(text, length, out);
    *out = (float)(decimal.negative ? -value : value);
    return true;
}

size_t decimal_text(float value, char text[DECIMAL_TEXT]) {
    int length = 0;
    float again = value;
    if (value == truncf(value) && fabsf(value) < 1e6f && !(value == 0 && signbit(value)))
        return (size_t)snprintf(text, DECIMAL_TEXT, "%d", (int)value);
    for (int digits = 6; digits <= 9; digits++) {
        length = snprintf(text, DECIMAL_TEXT, "%.*g", digits, (double)value);
        char *mark = strchr(text, ','); /* of another locale */
        if (mark)
            *mark = '.';
        if (decimal_float(text, (size_t)length, &again) && again == value)
            break;
    }
    return (size_t)length;
}
