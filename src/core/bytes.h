/* bytes.h — bytes that stand for numbers in [0, 1]: 0 … 255 for k / 255, as pictures are stored. */
#ifndef PERIGEE_CORE_BYTES_H
#define PERIGEE_CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* n of them as float32: the quotient as float32 rounds it, the same wherever they are converted. */
void bytes_to_floats(const uint8_t *bytes, size_t n, float *out);

/* hash_more (core/hash.h) of the same float32, without memory for all of them. */
uint64_t bytes_hash(uint64_t hash, const uint8_t *bytes, size_t n);

/* Back again; how many of the n numbers are some byte's, before the first that is none. */
size_t bytes_from_floats(const float *x, size_t n, uint8_t *out);

#endif
