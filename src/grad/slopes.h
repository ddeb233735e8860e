/* slopes.h — the slopes of elementwise operations.
 *
 * A line each: the operation, and for each of its inputs what its slope reads and the slope itself,
 * where a, b, c are the inputs' elements and y the result's. Where one is not defined it is what
 * PyTorch takes: 0 for abs at 0 and for the norm of nothing, shared halves where maximum or minimum
 * have two equal ones, 1 for clip at its bounds. */
#ifndef PERIGEE_GRAD_SLOPES_H
#define PERIGEE_GRAD_SLOPES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Slope Slope;

enum { READS_A = 1, READS_B = 2, READS_C = 4, READS_Y = 8, READS = 4 };

/* clang-format off */
#define SLOPES_UNARY(ONE)                                                                          \
    ONE(neg, 0, -1)                                                                                \
    ONE(abs, READS_A, (T)((a > 0) - (a < 0)))                                                      \
    ONE(square, READS_A, 2 * a)                                                                    \
    ONE(sqrt, READS_Y, (T)0.5 / y)                                                                 \
    ONE(exp, READS_Y, y)                                                                           \
    ONE(expm1, READS_Y, y + 1)                                                                     \
    ONE(log, READS_A, 1 / a)                                                                       \
    ONE(log1p, READS_A, 1 / (1 + a))                                                               \
    ONE(log2, READS_A, (T)1.4426950408889634 / a)                                                  \
    ONE(log10, READS_A, (T)0.4342944819032518 / a)                                                 \
    ONE(sin, READS_A, cos(a))                                                                      \
    ONE(cos, READS_A, -sin(a))                                                                     \
    ONE(tan, READS_Y, 1 + y * y)                                                                   \
    ONE(tanh, READS_Y, 1 - y * y)                                                                  \
    ONE(sigmoid, READS_Y, y *(1 - y))                                                              \
    ONE(softplus, READS_Y, -expm1(-y))                                                             \
    ONE(relu, READS_Y, y > 0 ? 1 : 0)

#define SLOPES_BINARY(TWO)                                                                         \
    TWO(sub, 0, 1, 0, -1)                                                                          \
    TWO(mul, READS_B, b, READS_A, a)                                                               \
    TWO(div, READS_B, 1 / b, READS_B | READS_Y, -y / b)                                            \
    TWO(pow, READS_A | READS_B, b == 0 ? 0 : b * pow(a, b - 1),                                    \
        READS_A | READS_B | READS_Y, a == 0 && b >= 0 ? 0 : y * log(a))                               \
    TWO(mod, 0, 1, READS_A | READS_B, -floor(a / b))                                               \
    TWO(maximum, READS_A | READS_B, a > b ? 1 : a < b ? 0 : (T)0.5,                                \
        READS_A | READS_B, a > b ? 0 : a < b ? 1 : (T)0.5)                                         \
    TWO(minimum, READS_A | READS_B, a < b ? 1 : a > b ? 0 : (T)0.5,                                \
        READS_A | READS_B, a < b ? 0 : a > b ? 1 : (T)0.5)

#define SLOPES_TERNARY(THREE)                                                                      \
    THREE(where, 0, 0, READS_A, a != 0 ? 1 : 0, READS_A, a != 0 ? 0 : 1)                           \
    THREE(clip, READS_A | READS_B | READS_C, a >= b && a <= c ? 1 : 0,                             \
          READS_A | READS_B | READS_C, a < b && b <= c ? 1 : 0,                                    \
          READS_A | READS_B | READS_C, a > c || b > c ? 1 : 0)
/* clang-format on */

/* to[i] = d[i] · slope of the elements in[…][i]: a, b, c, y; d may be `to` itself. */
typedef void SlopeKernel(const void *const in[READS], const void *d, void *to, size_t n);

struct Slope {
    unsigned reads;
    SlopeKernel *kernel[2]; /* float, double */
    bool one;               /* the slope is 1 everywhere */
};

#define DECLARE_ONE(name, ...) extern const Slope slope_##name[1];
#define DECLARE_TWO(name, ...) extern const Slope slope_##name[2];
#define DECLARE_THREE(name, ...) extern const Slope slope_##name[3];
SLOPES_UNARY(DECLARE_ONE)
SLOPES_BINARY(DECLARE_TWO)
SLOPES_TERNARY(DECLARE_THREE)
extern const Slope slope_add[2];
extern const Slope slope_pow_2; /* of x ^ 2, what most powers are */

#endif
