/* simd.h — hot loops compiled once per instruction set, chosen when the program starts.
 *
 * Put SIMD_CLONES in front of a static or public function whose loops the compiler should turn into
 * AVX-512 or AVX2 where the processor has it: the binary itself stays baseline. Instrumented builds
 * keep one version, because sanitizers cannot run inside the resolvers.
 *
 * PERIGEE_SIMD_MOST bounds the choice, so that a processor with AVX-512 can test what others run
 * (make test-simd): 0 plain C, 1 AVX2, 2 AVX-512. */
#ifndef PERIGEE_CORE_SIMD_H
#define PERIGEE_CORE_SIMD_H

#ifndef PERIGEE_SIMD_MOST
#define PERIGEE_SIMD_MOST 2
#endif

#if !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__) ||                            \
    defined(PERIGEE_NO_CLONES) || PERIGEE_SIMD_MOST == 0
#define SIMD_CLONES
#elif PERIGEE_SIMD_MOST == 1
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

#endif
