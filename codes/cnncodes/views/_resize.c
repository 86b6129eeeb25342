/* Pillow's resampling of RGB pictures, to the bit, for the pixels that are wanted alone.
 *
 * Each pass is a weighted sum along one axis, with weights rounded to 22 bits after the point and integer
 * arithmetic throughout, so that the order of the sums does not matter.
 * Weights must be computed in double precision in the order that Pillow has, without fused operations:
 * compile with -ffp-contract=off. Called by resizing.py, which compares it with Pillow before it is used.
 */
#include <math.h>
#include <string.h>
#include "_vectors.h"

enum { PRECISION = 22, HALF = 1 << (PRECISION - 1), AT_ONCE = 4 };


static double bilinear(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic(double x) { /* Keys 1981, a = -0.5 */
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

/* Weights of one axis: output pixels `first` to `first + count` of `size`, from [low, high) of `length` pixels.
 * Each has `taps` weights, which begin at `starts[i]` and do not leave the picture; those that are not needed are
 * zero. `widest` becomes the number that is needed at most; where that is more than `taps`, nothing is done. */
int cnncodes_weigh(int32_t length, float low, float high, int32_t size, int32_t cubic, int32_t first,
                   int32_t count, int32_t taps, int32_t *starts, int32_t *weights, double *room) {
    const double scale = (double)(high - low) / size, filter_scale = scale < 1.0 ? 1.0 : scale;
    const double support = (cubic ? 2.0 : 1.0) * filter_scale, narrowing = 1.0 / filter_scale;
    for (int32_t i = 0; i < count; i++) {
        const double center = low + (first + i + 0.5) * scale;
        int32_t start = (int32_t)(center - support + 0.5), end = (int32_t)(center + support + 0.5);
        if (start < 0) start = 0;
        if (end > length) end = length;
        if (end - start > taps) return -1;
        double sum = 0.0;
        for (int32_t k = 0; k < end - start; k++) {
            const double x = (k + start - center + 0.5) * narrowing;
            room[k] = cubic ? bicubic(x) : bilinear(x);
            sum += room[k];
        }
        /* Vectors of pixels must not read beyond the last one: weights that are zero go before. */
        const int32_t before = start + taps > length ? start + taps - length : 0;
        int32_t *mine = weights + (int64_t)i * taps;
        starts[i] = start - before;
        memset(mine, 0, sizeof(int32_t) * taps);
        for (int32_t k = 0; k < end - start; k++) {
            const double weight = (sum != 0.0 ? room[k] / sum : room[k]) * (1 << PRECISION);
            mine[before + k] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
        }
    }
    return 0;
}

/* A weight is 256 times one part of 16 bits and another one of 8: products of pairs, of 16 bits each, are summed in
 * one instruction. */
static int32_t pair_high(const int32_t *two) {
    return (int32_t)((uint32_t)(two[0] >> 8 & 0xffff) | (uint32_t)(two[1] >> 8) << 16);
}

static int32_t pair_low(const int32_t *two) { return (two[0] & 255) | (two[1] & 255) << 16; }

/* Four weights become two vectors: `table` is room for 16 bytes for each; their number is a multiple of four. */
AVX2 void cnncodes_arrange(const int32_t *weights, int64_t count, __m256i *table) {
    for (int64_t i = 0; i < count; i += 4) {
        const int32_t *four = weights + i;
        const __m128i high = _mm_set1_epi32(pair_high(four)), low = _mm_set1_epi32(pair_low(four));
        _mm256_storeu_si256(table++, _mm256_set_m128i(_mm_set1_epi32(pair_high(four + 2)), high));
        _mm256_storeu_si256(table++, _mm256_set_m128i(_mm_set1_epi32(pair_low(four + 2)), low));
    }
}

AVX2 static inline void store_pixel(uint8_t *to, __m256i high, __m256i low) {
    const __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high, 8), low);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(HALF)), PRECISION);
    sum = _mm_packs_epi32(sum, sum);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
    memcpy(to, &pixel, sizeof pixel);
}

#define ADD_PIXELS(row, high, low)                                                                                 \
    {                                                                                                              \
        const __m128i four = _mm_loadu_si128((const __m128i *)(at + (row) * stride));                              \
        const __m256i pairs = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), order);                       \
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pairs, by_high));                                          \
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pairs, by_low));                                             \
    }

/* Of pixels 0 and 1 in one half, 2 and 3 in the other, bytes of one colour stand together, with zeros between. */
AVX2 static inline __m256i pair_order(void) {
    return _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1, 8, -1, 12, -1, 9, -1, 13, -1, 10,
                            -1, 14, -1, 11, -1, 15, -1);
}

AVX2 static void shrink_rows(const uint8_t *from, int64_t stride, int32_t rows, const int32_t *starts, int32_t taps,
                             int32_t count, const __m256i *table, uint8_t *to) {
    const __m256i order = pair_order();
    const int64_t width = 4 * (int64_t)count;
    for (int32_t row = 0; row < rows; row += AT_ONCE) { /* weights are loaded once for all */
        if (row > rows - AT_ONCE) row = rows - AT_ONCE; /* the last ones may be made twice */
        const uint8_t *top = from + row * stride;
        const __m256i *weight = table;
        uint8_t *out = to + row * width;
        for (int32_t i = 0; i < count; i++, out += 4) {
            const uint8_t *at = top + 4 * (int64_t)starts[i];
            __m256i high0 = _mm256_setzero_si256(), high1 = high0, high2 = high0, high3 = high0;
            __m256i low0 = high0, low1 = high0, low2 = high0, low3 = high0;
            for (int32_t k = 0; k < taps; k += 4, at += 16) {
                const __m256i by_high = _mm256_loadu_si256(weight++), by_low = _mm256_loadu_si256(weight++);
                ADD_PIXELS(0, high0, low0)
                ADD_PIXELS(1, high1, low1)
                ADD_PIXELS(2, high2, low2)
                ADD_PIXELS(3, high3, low3)
            }
            store_pixel(out, high0, low0);
            store_pixel(out + width, high1, low1);
            store_pixel(out + 2 * width, high2, low2);
            store_pixel(out + 3 * width, high3, low3);
        }
    }
}

/* The same with two rows in a vector, and products added as they are made. */
#define ADD_TWO_ROWS(row, high, low)                                                                               \
    {                                                                                                              \
        const __m128i one = _mm_loadu_si128((const __m128i *)(at + (row) * stride));                               \
        const __m128i next = _mm_loadu_si128((const __m128i *)(at + ((row) + 1) * stride));                        \
        const __m512i fours = _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(one), 0xff00, next);              \
        const __m512i pairs = _mm512_shuffle_epi8(fours, order);                                                   \
        high = _mm512_dpwssd_epi32(high, pairs, by_high);                                                          \
        low = _mm512_dpwssd_epi32(low, pairs, by_low);                                                             \
    }

/* Add the halves of each row's sums, which stand in both halves afterwards. */
AVX512 static inline __m512i fold_rows(__m512i high, __m512i low) {
    const __m512i both = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    return _mm512_add_epi32(both, _mm512_shuffle_i32x4(both, both, 0xb1));
}

AVX512 static inline void store_four(uint8_t *to, int64_t width, __m512i first, __m512i second) {
    const __m512i half = _mm512_set1_epi32(HALF);
    first = _mm512_srai_epi32(_mm512_add_epi32(first, half), PRECISION);
    second = _mm512_srai_epi32(_mm512_add_epi32(second, half), PRECISION);
    const __m512i words = _mm512_packs_epi32(first, second), bytes = _mm512_packus_epi16(words, words);
    const __m128i even = _mm512_castsi512_si128(bytes), odd = _mm512_extracti32x4_epi32(bytes, 2);
    const int32_t pixels[4] = {_mm_cvtsi128_si32(even), _mm_cvtsi128_si32(odd), _mm_extract_epi32(even, 1),
                               _mm_extract_epi32(odd, 1)};
    for (int32_t row = 0; row < 4; row++) memcpy(to + row * width, pixels + row, sizeof *pixels);
}

AVX512 static void shrink_rows_wide(const uint8_t *from, int64_t stride, int32_t rows, const int32_t *starts,
                                    int32_t taps, int32_t count, const __m256i *table, uint8_t *to) {
    const __m512i order = _mm512_broadcast_i64x4(pair_order());
    const int64_t width = 4 * (int64_t)count;
    for (int32_t row = 0; row < rows; row += AT_ONCE) {
        if (row > rows - AT_ONCE) row = rows - AT_ONCE;
        const uint8_t *top = from + row * stride;
        const __m256i *weight = table;
        uint8_t *out = to + row * width;
        for (int32_t i = 0; i < count; i++, out += 4) {
            const uint8_t *at = top + 4 * (int64_t)starts[i];
            __m512i high0 = _mm512_setzero_si512(), high1 = high0, low0 = high0, low1 = high0;
            for (int32_t k = 0; k < taps; k += 4, at += 16) {
                const __m512i by_high = _mm512_broadcast_i64x4(_mm256_loadu_si256(weight++));
                const __m512i by_low = _mm512_broadcast_i64x4(_mm256_loadu_si256(weight++));
                ADD_TWO_ROWS(0, high0, low0)
                ADD_TWO_ROWS(2, high1, low1)
            }
            store_four(out, width, fold_rows(high0, low0), fold_rows(high1, low1));
        }
    }
}

/* Rows of four-byte pixels, `stride` bytes apart, become rows of `count` such pixels. There are four rows at least;
 * `table` is made by cnncodes_arrange. */
void cnncodes_shrink_rows(const uint8_t *from, int64_t stride, int32_t rows, const int32_t *starts, int32_t taps,
                              int32_t count, const __m256i *table, uint8_t *to) {
    if (is_wide())
        shrink_rows_wide(from, stride, rows, starts, taps, count, table, to);
    else
        shrink_rows(from, stride, rows, starts, taps, count, table, to);
}

AVX2 static inline __m256i round_sums(__m256i high, __m256i low) {
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, 8), low), _mm256_set1_epi32(HALF));
    return _mm256_srai_epi32(sum, PRECISION);
}

AVX2 static void shrink_columns(const uint8_t *from, int64_t stride, int64_t length, const int32_t *starts,
                                const int32_t *weights, int32_t taps, int32_t count, uint8_t *to) {
    for (int32_t i = 0; i < count; i++, weights += taps, to += length) {
        for (int64_t x = 0; x < length; x += 16) {
            if (x > length - 16) x = length - 16; /* the last ones may be made twice */
            const uint8_t *at = from + starts[i] * stride + x;
            __m256i high0 = _mm256_setzero_si256(), high1 = high0, low0 = high0, low1 = high0;
            for (int32_t k = 0; k < taps; k += 2, at += 2 * stride) {
                const __m256i by_high = _mm256_set1_epi32(pair_high(weights + k));
                const __m256i by_low = _mm256_set1_epi32(pair_low(weights + k));
                const __m256i one = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)at));
                const __m256i other = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(at + stride)));
                const __m256i first = _mm256_unpacklo_epi16(one, other), second = _mm256_unpackhi_epi16(one, other);
                high0 = _mm256_add_epi32(high0, _mm256_madd_epi16(first, by_high));
                low0 = _mm256_add_epi32(low0, _mm256_madd_epi16(first, by_low));
                high1 = _mm256_add_epi32(high1, _mm256_madd_epi16(second, by_high));
                low1 = _mm256_add_epi32(low1, _mm256_madd_epi16(second, by_low));
            }
            const __m256i words = _mm256_packs_epi32(round_sums(high0, low0), round_sums(high1, low1));
            const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128((__m128i *)(to + x), bytes);
        }
    }
}

AVX512 static inline __m512i round_sums_wide(__m512i high, __m512i low) {
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(_mm512_slli_epi32(high, 8), low), _mm512_set1_epi32(HALF));
    return _mm512_srai_epi32(sum, PRECISION);
}

AVX512 static void shrink_columns_wide(const uint8_t *from, int64_t stride, int64_t length, const int32_t *starts,
                                       const int32_t *weights, int32_t taps, int32_t count, uint8_t *to) {
    for (int32_t i = 0; i < count; i++, weights += taps, to += length) {
        for (int64_t x = 0; x < length; x += 32) {
            if (x > length - 32) x = length - 32;
            const uint8_t *at = from + starts[i] * stride + x;
            __m512i high0 = _mm512_setzero_si512(), high1 = high0, low0 = high0, low1 = high0;
            for (int32_t k = 0; k < taps; k += 2, at += 2 * stride) {
                const __m512i by_high = _mm512_set1_epi32(pair_high(weights + k));
                const __m512i by_low = _mm512_set1_epi32(pair_low(weights + k));
                const __m512i one = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)at));
                const __m512i other = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(at + stride)));
                const __m512i first = _mm512_unpacklo_epi16(one, other), second = _mm512_unpackhi_epi16(one, other);
                high0 = _mm512_dpwssd_epi32(high0, first, by_high);
                low0 = _mm512_dpwssd_epi32(low0, first, by_low);
                high1 = _mm512_dpwssd_epi32(high1, second, by_high);
                low1 = _mm512_dpwssd_epi32(low1, second, by_low);
            }
            __m512i words = _mm512_packs_epi32(round_sums_wide(high0, low0), round_sums_wide(high1, low1));
            words = _mm512_max_epi16(words, _mm512_setzero_si512());
            _mm256_storeu_si256((__m256i *)(to + x), _mm512_cvtusepi16_epi8(words));
        }
    }
}

/* Rows of `length` bytes, `stride` bytes apart, become `count` such rows without gaps. There are 16 bytes in a row at
 * least; `taps` is even. */
void cnncodes_shrink_columns(const uint8_t *from, int64_t stride, int64_t length, const int32_t *starts,
                             const int32_t *weights, int32_t taps, int32_t count, uint8_t *to) {
    if (is_wide() && length >= 32)
        shrink_columns_wide(from, stride, length, starts, weights, taps, count, to);
    else
        shrink_columns(from, stride, length, starts, weights, taps, count, to);
}

/* Pixels of four bytes become pixels of three. */
AVX2 void cnncodes_pack(const uint8_t *from, int64_t count, uint8_t *to) {
    const __m128i order = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (; count >= 8; count -= 4, from += 16, to += 12) /* 16 bytes are written, of which 12 count */
        _mm_storeu_si128((__m128i *)to, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)from), order));
    for (; count > 0; count--, from += 4, to += 3) to[0] = from[0], to[1] = from[1], to[2] = from[2];
}

/* Rows of three-byte pixels are turned, left to right. */
AVX2 void cnncodes_mirror(const uint8_t *from, int64_t width, int64_t rows, uint8_t *to) {
    /* Five pixels at once; the byte before them is not used, and one byte too many is written. */
    const __m128i order = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
    for (; rows > 0; rows--, from += 3 * width) {
        int64_t left = width;
        for (; left > 5; left -= 5, to += 15) {
            const __m128i five = _mm_loadu_si128((const __m128i *)(from + 3 * (left - 5) - 1));
            _mm_storeu_si128((__m128i *)to, _mm_shuffle_epi8(five, order));
        }
        for (; left > 0; left--, to += 3) memcpy(to, from + 3 * (left - 1), 3);
    }
}

/* The hash of the sources, by which a library that was left behind by another version is known. */
const char *cnncodes_source(void) { return SOURCE; }

int cnncodes_runs_here(void) { return __builtin_cpu_supports("avx2"); }
