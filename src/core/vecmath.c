#include "core/vecmath.h"

#include "core/simd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) = 2ⁿ · exp(r) with n = round(x / ln 2) and r = x − n·ln 2, so |r| ≤ ln 2 / 2.
 * Adding 1.5·2^(mantissa bits) rounds to an integer and leaves n in the sum's low bits: no
 * conversion instruction, and NaN passes through without undefined behaviour. ln 2 is split so that
 * n·LN2_HIGH is exact. exp(r) = 1 + r + r²·q(r), q interpolated at the Chebyshev nodes.
 * 2ⁿ is applied as two factors: neither overflows, and a denormal result is rounded once. */

static const float ROUND_F32 = 0x1.8p23f;
static const double ROUND_F64 = 0x1.8p52;

static inline float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* exp(r) − 1 of the remainder of x; *shifted holds n in its low bits. */
static inline float remainder_f32(float x, float *shifted) {
    const float log2_e = 0x1.715476p+0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    *shifted = x * log2_e + ROUND_F32;
    float n = *shifted - ROUND_F32;
    float r = (x - n * ln2_high) - n * ln2_low;
    float q = 1.392618359e-03f;
    q = q * r + 8.363179053e-03f;
    q = q * r + 4.166655462e-02f;
    q = q * r + 1.666657699e-01f;
    q = q * r + 0.5f;
    return r + r * r * q;
}

static inline float exp_f32(float x) {
    float shifted;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float e = 1.0f + remainder_f32(x, &shifted);
    int32_t exponent = (int32_t)(bits_of(shifted) - bits_of(ROUND_F32)), half = exponent >> 1;
    /* Unsigned sums: what NaN leaves in `exponent` must not overflow anything. */
    float first = float_of(((uint32_t)half + 127u) << 23);
    float second = float_of(((uint32_t)exponent - (uint32_t)half + 127u) << 23);
    return e * first * second;
}

static inline double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double remainder_f64(double x, double *shifted) {
    const double log2_e = 0x1.71547652b82fep+0;
    const double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    *shifted = x * log2_e + ROUND_F64;
    double n = *shifted - ROUND_F64;
    double r = (x - n * ln2_high) - n * ln2_low;
    double q = 0x1.af38a9b0ec855p-26;
    q = q * r + 0x1.289185613a3d6p-22;
    q = q * r + 0x1.71de0dae63bb3p-19;
    q = q * r + 0x1.a019b90d2ae7ap-16;
    q = q * r + 0x1.a01a01a7c41d5p-13;
    q = q * r + 0x1.6c16c1788bd90p-10;
    q = q * r + 0x1.11111111109b3p-7;
    q = q * r + 0x1.5555555553d63p-5;
    q = q * r + 0x1.5555555555556p-3;
    q = q * r + 0.5;
    return r + r * r * q;
}

static inline double clamp_f64(double x) {
    x = x > 710.0 ? 710.0 : x;
    return x < -746.0 ? -746.0 : x;
}

/* Of a clamped x. */
static inline double exp_f64(double x) {
    double shifted;
    double e = 1.0 + remainder_f64(x, &shifted);
    /* |n| < 2¹¹: its low 32 bits are enough, and 32-bit arithmetic shifts exist everywhere. */
    int32_t exponent = (int32_t)(uint32_t)(bits_of_double(shifted) - bits_of_double(ROUND_F64));
    int32_t half = exponent >> 1;
    uint64_t first = (uint64_t)(uint32_t)(half + 1023) << 52;
    uint64_t second = (uint64_t)(uint32_t)(exponent - half + 1023) << 52;
    return e * double_of(first) * double_of(second);
}

/* log(x) = e·ln 2 + log(1 + f) with x = 2ᵉ·(1 + f), √½ ≤ 1 + f < √2. With s = f / (2 + f),
 * log(1 + f) = 2·atanh(s) = f − (f²/2 − s·(f²/2 + R)), R = s²·p(s²): f itself, which carries most
 * of the value, is not rounded. Exponents become floats by way of the bits of 2²³ + e (2⁵² + e). */
static inline float log_f32(float x) {
    const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    float normal = x < 0x1p-126f ? x * 0x1p25f : x, below = x < 0x1p-126f ? 25.0f : 0.0f;
    uint32_t bits = bits_of(normal);
    float m = float_of((bits & 0x007fffffu) | 0x3f800000u);
    float e = float_of((bits >> 23) | 0x4b000000u) - (0x1p23f + 127.0f) - below;
    e = m > 0x1.6a09e6p0f ? e + 1.0f : e;
    m = m > 0x1.6a09e6p0f ? 0.5f * m : m;
    float f = m - 1.0f, s = f / (2.0f + f), z = s * s, half = 0.5f * f * f;
    float p = 2.333058194e-01f;
    p = p * z + 2.855081660e-01f;
    p = p * z + 4.000012188e-01f;
    p = p * z + 6.666666655e-01f;
    float y = e * ln2_high - ((half - (s * (half + z * p) + e * ln2_low)) - f);
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? NAN : y;
    return x < INFINITY ? y : x; /* +inf and NaN are their own logarithms */
}

static inline double log_f64(double x) {
    const double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    double normal = x < 0x1p-1022 ? x * 0x1p54 : x, below = x < 0x1p-1022 ? 54.0 : 0.0;
    uint64_t bits = bits_of_double(normal);
    double m = double_of((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    double e = double_of((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0) - below;
    e = m > 0x1.6a09e667f3bcdp0 ? e + 1.0 : e;
    m = m > 0x1.6a09e667f3bcdp0 ? 0.5 * m : m;
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    double p = 0x1.2b5900de53b32p-3;
    p = p * z + 0x1.39fe51a7c18f9p-3;
    p = p * z + 0x1.7462b51cb66b1p-3;
    p = p * z + 0x1.c71c62e3f11e6p-3;
    p = p * z + 0x1.2492492df281ap-2;
    p = p * z + 0x1.99999999952d7p-2;
    p = p * z + 0x1.5555555555558p-1;
    double y = e * ln2_high - ((half - (s * (half + z * p) + e * ln2_low)) - f);
    y = x == 0.0 ? -(double)INFINITY : y;
    y = x < 0.0 ? (double)NAN : y;
    return x < (double)INFINITY ? y : x;
}

/* tanh(x) = sign(x)·t / (t + 2) with t = exp(2|x|) − 1 = 2ⁿ·(exp(r) − 1) + (2ⁿ − 1). */
static inline float tanh_f32(float x) {
    float shifted, y = 2.0f * (x < 0.0f ? -x : x);
    y = y > 20.0f ? 20.0f : y; /* 1 from there on */
    float rest = remainder_f32(y, &shifted);
    float scale = float_of((bits_of(shifted) - bits_of(ROUND_F32) + 127u) << 23);
    float t = scale * rest + (scale - 1.0f);
    return float_of(bits_of(t / (t + 2.0f)) | (bits_of(x) & 0x80000000u));
}

static inline double tanh_f64(double x) {
    double shifted, y = 2.0 * (x < 0.0 ? -x : x);
    y = y > 44.0 ? 44.0 : y;
    double rest = remainder_f64(y, &shifted);
    double scale = double_of((bits_of_double(shifted) - bits_of_double(ROUND_F64) + 1023u) << 52);
    double t = scale * rest + (scale - 1.0);
    return double_of(bits_of_double(t / (t + 2.0)) | (bits_of_double(x) & 0x8000000000000000u));
}

/* erf(x) = x + x·p(x²) below 1, and 1 − exp(−q(|x|)) above; p and q are the polynomials that come
 * nearest there, q weighted by erfc. */
static inline float erf_f32(float x) {
    float a = x < 0.0f ? -x : x, z = a * a, t = a > 4.0f ? 4.0f : a; /* 1 from there on */
    float p = 7.889119536e-05f;
    p = p * z - 8.020841282e-04f;
    p = p * z + 5.189535340e-03f;
    p = p * z - 2.685444459e-02f;
    p = p * z + 1.128360018e-01f;
    p = p * z - 3.761262714e-01f;
    p = p * z + 1.283791659e-01f;
    float q = 2.168684992e-05f;
    q = q * t - 4.413363765e-04f;
    q = q * t + 4.204561870e-03f;
    q = q * t - 2.520825672e-02f;
    q = q * t + 1.084185773e-01f;
    q = q * t + 6.332198931e-01f;
    q = q * t + 1.129578424e+00f;
    q = q * t - 1.880402227e-04f;
    float y = a < 1.0f ? a + a * p : 1.0f - exp_f32(-q);
    y = a <= INFINITY ? y : x;
    return float_of(bits_of(y) | (bits_of(x) & 0x80000000u));
}

#define VECTOR(name, T, element)                                                                   \
    SIMD_CLONES void name(const T *x, T *y, size_t n) {                                            \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            y[i] = element(x[i]);                                                                  \
        }                                                                                          \
    }

VECTOR(vec_expf, float, exp_f32)
VECTOR(vec_logf, float, log_f32)
VECTOR(vec_log, double, log_f64)
VECTOR(vec_tanhf, float, tanh_f32)
VECTOR(vec_tanh, double, tanh_f64)
VECTOR(vec_erff, float, erf_f32)

/* Clamped in a pass of its own, a piece at a time: in one loop gcc sees that what is clamped has a
 * constant exponential, branches, and makes no vectors of it where there are no masks. */
SIMD_CLONES void vec_exp(const double *x, double *y, size_t n) {
    enum { PIECE = 256 };
    for (size_t from = 0; from < n; from += PIECE) {
        size_t end = n - from < PIECE ? n : from + PIECE;
        _Pragma("GCC ivdep") for (size_t i = from; i < end; i++) {
            y[i] = clamp_f64(x[i]);
        }
        _Pragma("GCC ivdep") for (size_t i = from; i < end; i++) {
            y[i] = exp_f64(y[i]);
        }
    }
}
