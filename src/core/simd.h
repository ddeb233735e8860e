/* simd.h — hot loops compiled once per instruction set, chosen when the program starts.
 *
 * Put SIMD_CLONES in front of a static or public function whose loops the compiler should turn into
 * AVX-512 or AVX2 where the processor has it: the binary itself stays baseline. Instrumented builds
 * keep one version, because sanitizers cannot run inside the resolvers. */
#ifndef PERIGEE_CORE_SIMD_H
#define PERIGEE_CORE_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(PERIGEE_NO_CLONES)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

#endif
