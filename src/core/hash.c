#include "core/hash.h"

#include <string.h>

static const uint64_t prime = 0x100000001b3u;

static uint64_t hash_each(uint64_t hash, const unsigned char *byte, size_t n) {
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ byte[i]) * prime;
    return hash;
}

/* Of eight zeros, which pictures and layers' outputs are full of, nothing is left but the eighth
 * power of the prime. */
uint64_t hash_more(uint64_t hash, const void *bytes, size_t n) {
    static const uint64_t eighth = 0x1efac7090aef4a21u;
    const unsigned char *byte = bytes;
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, byte + i, sizeof word);
        hash = word == 0 ? hash * eighth : hash_each(hash, byte + i, sizeof word);
    }
    return hash_each(hash, byte + i, n - i);
}

/* Words of eight bytes take turns at four numbers, which then become one. */
uint64_t hash_quick(uint64_t hash, const void *bytes, size_t n) {
    enum { LANES = 4, TURN = LANES * sizeof(uint64_t) };
    static const uint64_t odd = 0x9e3779b97f4a7c15u;
    const unsigned char *byte = bytes;
    uint64_t lane[LANES] = { hash, ~hash, hash + odd, hash - odd }, word[LANES];
    size_t i = 0;
    for (; i + TURN <= n; i += TURN) {
        memcpy(word, byte + i, TURN);
        for (int k = 0; k < LANES; k++) {
            lane[k] = (lane[k] ^ word[k]) * odd;
            lane[k] ^= lane[k] >> 32;
        }
    }
    hash = hash_more((hash ^ n) * odd, byte + i, n - i);
    for (int k = 0; k < LANES; k++) {
        hash = (hash ^ lane[k]) * odd;
        hash ^= hash >> 29;
    }
    return hash;
}

uint64_t hash_bytes(const void *bytes, size_t n) {
    return hash_more(0xcbf29ce484222325u, bytes, n);
}

uint64_t hash_text(const char *text) {
    return hash_bytes(text, strlen(text));
}
