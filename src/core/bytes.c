#include "core/bytes.h"

#include "core/hash.h"
#include "core/simd.h"

SIMD_CLONES void bytes_to_floats(const uint8_t *bytes, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)bytes[i] / 255.0f;
}

uint64_t bytes_hash(uint64_t hash, const uint8_t *bytes, size_t n) {
    enum { AT_ONCE = 4096 };
    float room[AT_ONCE];
    for (size_t at = 0, count; at < n; at += count) {
        count = n - at < AT_ONCE ? n - at : AT_ONCE;
        bytes_to_floats(bytes + at, count, room);
        hash = hash_more(hash, room, count * sizeof *room);
    }
    return hash;
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
