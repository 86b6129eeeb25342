/* Pillow's bicubic sampling of RGB pictures by a map, to the bit.
 *
 * Sums along rows begin with differences of whole numbers, which are exact in any order. All else is in double
 * precision, in the order that Pillow has, without fused operations: compile with -ffp-contract=off.
 * Called by sampling.py, which compares it with Pillow before it is used.
 */
#include <string.h>
#include "_vectors.h"

enum { CHUNK = 64 }; /* pixels; a multiple of four */

/* A picture, of which another one is made of copies of rows and columns: a part, or one that goes on beyond the
 * edges. Tables say which, and -1 is black; they have two entries more at either end, copies of the last. */
typedef struct {
    const uint8_t *pixels;
    int64_t stride;              /* bytes from row to row */
    int32_t step, last;          /* bytes of a pixel, three or four; the last one after which a row has 16 bytes */
    const int32_t *columns, *rows;
    int32_t across, down;        /* how many of them there are, without those at the ends */
} Picture;

/* Where some pixels in a row look. */
typedef struct {
    double dx[CHUNK], dy[CHUNK];
    int32_t x[CHUNK], y[CHUNK];  /* where in the tables the four begin that are looked at */
    int32_t inside[CHUNK];       /* -1 where they look into the picture, else 0 */
    __m128i squares[CHUNK][4];   /* the four pixels of each of four rows */
} Places;

/* Where four pixels of a row look, from the one at x, y. */
AVX2 static inline void map_four(const double *map, int32_t curved, double x, double y, __m256d *to_x,
                                 __m256d *to_y) {
    const __m256d xs = _mm256_add_pd(_mm256_set1_pd(x + 0.5), _mm256_setr_pd(0, 1, 2, 3));
    const __m256d ys = _mm256_set1_pd(y + 0.5);
    __m256d c[8];
    for (int i = 0; i < 8; i++) c[i] = _mm256_set1_pd(map[i]);
    for (int i = 0; i < 2; i++) {
        __m256d sum;
        if (curved) {
            const __m256d *d = c + 4 * i, both = _mm256_mul_pd(_mm256_mul_pd(d[3], xs), ys);
            sum = _mm256_add_pd(_mm256_add_pd(d[0], _mm256_mul_pd(d[1], xs)), _mm256_mul_pd(d[2], ys));
            sum = _mm256_add_pd(sum, both);
        } else {
            const __m256d *d = c + 3 * i;
            const __m256d depth = _mm256_add_pd(_mm256_mul_pd(c[6], xs), _mm256_mul_pd(c[7], ys));
            sum = _mm256_add_pd(_mm256_add_pd(_mm256_mul_pd(d[0], xs), _mm256_mul_pd(d[1], ys)), d[2]);
            sum = _mm256_div_pd(sum, _mm256_add_pd(depth, _mm256_set1_pd(1)));
        }
        *(i ? to_y : to_x) = sum;
    }
}

AVX2 static inline __m256d is_within(__m256d x, double end) {
    return _mm256_and_pd(_mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_GE_OQ),
                         _mm256_cmp_pd(x, _mm256_set1_pd(end), _CMP_LT_OQ));
}

/* Split a place into the number of the first of four pixels about it, and how far it is from the second. */
AVX2 static inline void split(__m256d place, __m256d inside, double *distance, int32_t *first) {
    place = _mm256_sub_pd(_mm256_and_pd(place, inside), _mm256_set1_pd(0.5));
    const __m256d whole = _mm256_floor_pd(place);
    _mm256_storeu_pd(distance, _mm256_sub_pd(place, whole));
    _mm_storeu_si128((__m128i *)first, _mm_add_epi32(_mm256_cvttpd_epi32(whole), _mm_set1_epi32(1)));
}

static inline int32_t load_pixel(const Picture *of, int32_t column, int32_t row) {
    if ((column | row) < 0) return 0;
    const uint8_t *at = of->pixels + row * of->stride + column * (int64_t)of->step;
    uint16_t two;
    memcpy(&two, at, 2);
    return two | at[2] << 16;
}

/* Four pixels of a row that may lie apart, as if they stood side by side. */
AVX2 static inline __m128i gather_four(const Picture *of, const int32_t *columns, int32_t row) {
    const __m128i four = _mm_setr_epi32(load_pixel(of, columns[0], row), load_pixel(of, columns[1], row),
                                        load_pixel(of, columns[2], row), load_pixel(of, columns[3], row));
    const __m128i close = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    return of->step == 4 ? four : _mm_shuffle_epi8(four, close);
}

AVX2 static inline __m128i mirror_order(int32_t step) {
    return step == 4 ? _mm_setr_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)
                     : _mm_setr_epi8(9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, -1, -1, -1, -1);
}

AVX2 static void load_square(const Picture *of, int32_t x, int32_t y, __m128i *square) {
    const int32_t *columns = of->columns + x, *rows = of->rows + y;
    const int32_t steps = columns[3] - columns[0], first = steps < 0 ? columns[3] : columns[0];
    if ((steps != 3 && steps != -3) || first > of->last || (first | rows[0] | rows[1] | rows[2] | rows[3]) < 0) {
        for (int k = 0; k < 4; k++) square[k] = gather_four(of, columns, rows[k]);
        return;
    }
    const uint8_t *at = of->pixels + first * (int64_t)of->step;
    for (int k = 0; k < 4; k++) square[k] = _mm_loadu_si128((const __m128i *)(at + rows[k] * of->stride));
    if (steps < 0)
        for (int k = 0; k < 4; k++) square[k] = _mm_shuffle_epi8(square[k], mirror_order(of->step));
}

/* Find where `count` pixels of a row look, from the one at x, y; and those up to the next multiple of four. */
AVX2 static void find_places(const Picture *of, const double *map, int32_t curved, int32_t x, int32_t y,
                             int32_t count, Places *places) {
    for (int32_t i = 0; i < count; i += 4) {
        __m256d to_x, to_y;
        map_four(map, curved, x + i, y, &to_x, &to_y);
        const __m256d inside = _mm256_and_pd(is_within(to_x, of->across), is_within(to_y, of->down));
        split(to_x, inside, places->dx + i, places->x + i);
        split(to_y, inside, places->dy + i, places->y + i);
        const __m128 low = _mm_castpd_ps(_mm256_castpd256_pd128(inside));
        const __m128 high = _mm_castpd_ps(_mm256_extractf128_pd(inside, 1));
        _mm_storeu_ps((float *)(places->inside + i), _mm_shuffle_ps(low, high, 0x88));
    }
    for (int32_t i = 0; i < count + count % 2; i++) load_square(of, places->x[i], places->y[i], places->squares[i]);
}

/* The bytes of four pixels, colour by colour. */
AVX2 static inline __m128i color_order(int32_t step) {
    return step == 4 ? _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
                     : _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1);
}

/* Weights of four pixels, a byte each, in the coefficients of a cubic between the second and the third. */
enum { CUBIC_0 = 0x00000100, CUBIC_1 = 0x000100ff, CUBIC_2 = (int32_t)0xff01fe02, CUBIC_3 = 0x01ff01ff };

/* The cubic at d: by its coefficients, and through four values. */
#define DEFINE_CUBIC(TARGET, name, vector, add, sub, mul)                                                          \
    TARGET static inline vector name##_sum(vector c0, vector c1, vector c2, vector c3, vector d) {                 \
        return add(c0, mul(d, add(c1, mul(d, add(c2, mul(d, c3))))));                                              \
    }                                                                                                              \
    TARGET static inline vector name##_through(vector v0, vector v1, vector v2, vector v3, vector d) {             \
        const vector rise = sub(v1, v0);                                                                           \
        return name##_sum(v1, sub(v2, v0), sub(sub(v2, add(rise, rise)), v3), add(sub(rise, v2), v3), d);          \
    }
DEFINE_CUBIC(AVX2, cubic, __m256d, _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd)
DEFINE_CUBIC(AVX512, cubic_wide, __m512d, _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd)

AVX2 static inline __m256i weigh(__m256i bytes, int32_t weights) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, _mm256_set1_epi32(weights)), _mm256_set1_epi16(1));
}

/* Two rows, each of which becomes one value for each colour. */
AVX2 static inline void sum_rows(__m128i one, __m128i other, __m256i order, __m256d d, __m256d *to) {
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set_m128i(other, one), order);
    const __m256i c0 = weigh(bytes, CUBIC_0), c1 = weigh(bytes, CUBIC_1);
    const __m256i c2 = weigh(bytes, CUBIC_2), c3 = weigh(bytes, CUBIC_3);
#define HALF_OF(c, half) _mm256_cvtepi32_pd(_mm256_extracti128_si256(c, half))
    to[0] = cubic_sum(HALF_OF(c0, 0), HALF_OF(c1, 0), HALF_OF(c2, 0), HALF_OF(c3, 0), d);
    to[1] = cubic_sum(HALF_OF(c0, 1), HALF_OF(c1, 1), HALF_OF(c2, 1), HALF_OF(c3, 1), d);
#undef HALF_OF
}

AVX2 static void sum_squares(const Places *places, int32_t step, int32_t count, int32_t *to) {
    const __m256i order = _mm256_broadcastsi128_si256(color_order(step));
    for (int32_t i = 0; i < count; i++) {
        const __m128i *square = places->squares[i];
        __m256d v[4];
        const __m256d dx = _mm256_set1_pd(places->dx[i]);
        sum_rows(square[0], square[1], order, dx, v);
        sum_rows(square[2], square[3], order, dx, v + 2);
        const __m256d value = cubic_through(v[0], v[1], v[2], v[3], _mm256_set1_pd(places->dy[i]));
        const __m128i whole = _mm256_cvttpd_epi32(value), words = _mm_packs_epi32(whole, whole);
        to[i] = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    }
}

/* The same with two pixels in a vector. Whole numbers become the lowest bits of a double that is 2 to the 52nd and
 * more, which is then taken off. */
AVX512 static inline __m512d weigh_wide(__m512i bytes, int32_t weights) {
    const __m512i large = _mm512_set1_epi64(0x4330000000010000);
    const __m512i sum = _mm512_dpbusd_epi32(large, bytes, _mm512_set1_epi32(weights));
    return _mm512_sub_pd(_mm512_castsi512_pd(sum), _mm512_castsi512_pd(large));
}

AVX512 static inline __m512d sum_row_wide(__m128i one, __m128i other, __m512i order, __m512d d) {
    __m512i bytes = _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(one), 0xff00, other);
    bytes = _mm512_shuffle_epi8(bytes, order);
    return cubic_wide_sum(weigh_wide(bytes, CUBIC_0), weigh_wide(bytes, CUBIC_1), weigh_wide(bytes, CUBIC_2),
                          weigh_wide(bytes, CUBIC_3), d);
}

/* The bytes of four pixels, of one colour in the lower half of 64 bits; twice. */
AVX512 static inline __m512i color_order_wide(int32_t step) {
    const __m256i colors = _mm256_cvtepu32_epi64(color_order(step));
    const __m256i wide = _mm256_or_si256(colors, _mm256_set1_epi64x((int64_t)0x8080808000000000));
    return _mm512_broadcast_i64x4(wide);
}

/* One number for each of two pixels. */
AVX512 static inline __m512d spread(const double *two) {
    return _mm512_mask_broadcastsd_pd(_mm512_set1_pd(two[0]), 0xf0, _mm_load_sd(two + 1));
}

AVX512 static void sum_squares_wide(const Places *places, int32_t step, int32_t count, int32_t *to) {
    const __m512i order = color_order_wide(step);
    for (int32_t i = 0; i < count; i += 2) { /* beyond an odd number there is one more */
        const __m128i *one = places->squares[i], *other = places->squares[i + 1];
        __m512d v[4];
        const __m512d dx = spread(places->dx + i);
        for (int k = 0; k < 4; k++) v[k] = sum_row_wide(one[k], other[k], order, dx);
        const __m512d value = cubic_wide_through(v[0], v[1], v[2], v[3], spread(places->dy + i));
        const __m256i whole = _mm256_max_epi32(_mm512_cvttpd_epi32(value), _mm256_setzero_si256());
        _mm_storel_epi64((__m128i *)(to + i), _mm256_cvtusepi32_epi8(whole));
    }
}

/* Boxes of a patch of `width` pixels in a row, left, top, right, bottom, look at the picture by a map each, of
 * eight numbers: bilinear ones where `curved`, else projections. Pixels have three bytes, and are black where they
 * look outside. */
AVX2 void cnncodes_sample(const Picture *of, int32_t count, const int32_t *boxes, const double *maps,
                          int32_t curved, int32_t width, uint8_t *to) {
    const int wide = is_wide();
    int32_t pixels[CHUNK];
    Places places;
    for (; count > 0; count--, boxes += 4, maps += 8) {
        for (int32_t y = boxes[1]; y < boxes[3]; y++) {
            for (int32_t x = boxes[0]; x < boxes[2]; x += CHUNK) {
                const int32_t some = boxes[2] - x < CHUNK ? boxes[2] - x : CHUNK;
                find_places(of, maps, curved, x - boxes[0], y - boxes[1], some, &places);
                (wide ? sum_squares_wide : sum_squares)(&places, of->step, some, pixels);
                for (int32_t i = 0; i < some; i++) pixels[i] &= places.inside[i];
                cnncodes_pack((const uint8_t *)pixels, some, to + 3 * ((int64_t)y * width + x));
            }
        }
    }
}
