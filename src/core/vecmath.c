#include "core/vecmath.h"

#include "core/simd.h"

#include <stdint.h>
#include <string.h>

/* exp(x) = 2ⁿ · exp(r) with n = round(x / ln 2) and r = x − n·ln 2, so |r| ≤ ln 2 / 2.
 * Adding 1.5·2^(mantissa bits) rounds to an integer and leaves n in the sum's low bits: no
 * conversion instruction, and NaN passes through without undefined behaviour. ln 2 is split so that
 * n·LN2_HIGH is exact. exp(r) = 1 + r + r²·q(r), q interpolated at the Chebyshev nodes.
 * 2ⁿ is applied as two factors: neither overflows, and a denormal result is rounded once. */

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

static inline float exp_f32(float x) {
    const float round = 0x1.8p23f, log2_e = 0x1.715476p+0f;
    const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float shifted = x * log2_e + round, n = shifted - round;
    float r = (x - n * ln2_high) - n * ln2_low;
    float q = 1.392618359e-03f;
    q = q * r + 8.363179053e-03f;
    q = q * r + 4.166655462e-02f;
    q = q * r + 1.666657699e-01f;
    q = q * r + 0.5f;
    float e = 1.0f + (r + r * r * q);
    int32_t exponent = (int32_t)(bits_of(shifted) - bits_of(round)), half = exponent >> 1;
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

static inline double exp_f64(double x) {
    const double round = 0x1.8p52, log2_e = 0x1.71547652b82fep+0;
    const double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double shifted = x * log2_e + round, n = shifted - round;
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
    double e = 1.0 + (r + r * r * q);
    /* |n| < 2¹¹: its low 32 bits are enough, and 32-bit arithmetic shifts exist everywhere. */
    int32_t exponent = (int32_t)(uint32_t)(bits_of_double(shifted) - bits_of_double(round));
    int32_t half = exponent >> 1;
    uint64_t first = (uint64_t)(uint32_t)(half + 1023) << 52;
    uint64_t second = (uint64_t)(uint32_t)(exponent - half + 1023) << 52;
    return e * double_of(first) * double_of(second);
}

SIMD_CLONES void vec_expf(const float *x, float *y, size_t n) {
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++)
        y[i] = exp_f32(x[i]);
}

SIMD_CLONES void vec_exp(const double *x, double *y, size_t n) {
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++)
        y[i] = exp_f64(x[i]);
}
