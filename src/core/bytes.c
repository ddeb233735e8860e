#include "core/bytes.h"

#include "core/simd.h"

SIMD_CLONES void bytes_to_floats(const uint8_t *bytes, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)bytes[i] / 255.0f;
}

size_t bytes_from_floats(const float *x, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++) {
        float nearest = x[i] * 255.0f + 0.5f;
        if (!(nearest >= 0 && nearest < 256) || (float)(uint8_t)nearest / 255.0f != x[i])
            return i;
        out[i] = (uint8_t)nearest;
    }
    return n;
}
