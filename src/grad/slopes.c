#include "grad/slopes.h"

#include "core/simd.h"

#include <tgmath.h>

/* A slope that does not read an input never touches its pointer, which is NULL then. */
#define KERNEL(name, Type, slope)                                                                  \
    SIMD_CLONES static void name(const void *const in[READS], const void *d, void *to, size_t n) { \
        typedef Type T;                                                                            \
        const T *as = in[0], *bs = in[1], *cs = in[2], *ys = in[3], *ds = d;                       \
        T *out = to;                                                                               \
        (void)as, (void)bs, (void)cs, (void)ys;                                                    \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            T slope_here = slope;                                                                  \
            out[i] = ds[i] * slope_here;                                                           \
        }                                                                                          \
    }
#define a as[i]
#define b bs[i]
#define c cs[i]
#define y ys[i]
#define KERNELS(name, slope)                                                                       \
    KERNEL(name##_f32, float, slope)                                                               \
    KERNEL(name##_f64, double, slope)
#define ONE(name, reads, slope) KERNELS(name##_a, slope)
#define TWO(name, reads_1, slope_1, reads_2, slope_2)                                              \
    KERNELS(name##_a, slope_1)                                                                     \
    KERNELS(name##_b, slope_2)
#define THREE(name, reads_1, slope_1, reads_2, slope_2, reads_3, slope_3)                          \
    KERNELS(name##_a, slope_1)                                                                     \
    KERNELS(name##_b, slope_2)                                                                     \
    KERNELS(name##_c, slope_3)
SLOPES_UNARY(ONE)
SLOPES_BINARY(TWO)
SLOPES_TERNARY(THREE)
/* x ^ 2 is what most powers are. */
KERNELS(pow_2, 2 * a)
#undef a
#undef b
#undef c
#undef y

#define ENTRY(name, reads)                                                                         \
    { reads, { name##_f32, name##_f64 }, false }
#define DEFINE_ONE(name, reads, slope) const Slope slope_##name[1] = { ENTRY(name##_a, reads) };
#define DEFINE_TWO(name, reads_1, slope_1, reads_2, slope_2)                                       \
    const Slope slope_##name[2] = { ENTRY(name##_a, reads_1), ENTRY(name##_b, reads_2) };
#define DEFINE_THREE(name, reads_1, slope_1, reads_2, slope_2, reads_3, slope_3)                   \
    const Slope slope_##name[3] = { ENTRY(name##_a, reads_1), ENTRY(name##_b, reads_2),            \
                                    ENTRY(name##_c, reads_3) };
SLOPES_UNARY(DEFINE_ONE)
SLOPES_BINARY(DEFINE_TWO)
SLOPES_TERNARY(DEFINE_THREE)
const Slope slope_add[2] = { { .one = true }, { .one = true } };
const Slope slope_pow_2 = ENTRY(pow_2, READS_A);
