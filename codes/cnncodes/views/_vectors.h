/* What the files in C share: the vectors that they are written for. */
#include <stdint.h>
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

static inline int is_wide(void) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}

void cnncodes_pack(const uint8_t *from, int64_t count, uint8_t *to);
