/* JPEG files are decoded a few rows at a time, and only as far as they are wanted; each strip is shrunk, across or
 * down, while it is in the cache.
 *
 * The decoder is the libjpeg-turbo that Pillow brings, so that pixels are Pillow's. Whatever it warns of, or fails at,
 * ends the work: Pillow then decodes the file as ever, and says what is to be said. Called by jpeg_library.py.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "_vectors.h"

/* Bytes of a strip: they stay in the cache next to a core, and smaller ones take longer in all. */
enum { STRIP = 1 << 19, LEAST = 8, AT_ONCE = 4 };

/* Columns around those that are wanted, since colours at the edge of a cut lack their neighbours. */
enum { MARGIN = 8 };

/* The 6.2 binary interface of libjpeg, which compares number and sizes itself; what is not used here has no name. */
enum { VERSION = 62, GREY = 1, YCBCR = 3, RGBX = 7 };

typedef struct Source {
    const uint8_t *next;
    size_t left;
} Source;

typedef struct Jpeg {
    void *error, *memory, *progress, *client;
    int32_t is_decompressor, state;
    Source *source;
    uint32_t width, height;
    int32_t components, color, out_color;
    uint32_t numerator, denominator;
    double gamma;
    int32_t settings[12];
    uint32_t out_width, out_height;
    int32_t results[4];
    void *colors;
    uint32_t out_row;
    uint8_t tables[540 - 172];
    int32_t marker; /* that was met and not yet acted on */
    uint8_t rest[632 - 544];
} Jpeg;

typedef struct Error {
    void (*exit)(Jpeg *);
    void (*emit)(Jpeg *, int);
    void (*output)(Jpeg *);
    uint8_t rest[168 - 24];
} Error;

typedef struct Functions {
    void *(*std_error)(Error *);
    void (*create)(Jpeg *, int, size_t);
    void (*read_memory)(Jpeg *, const uint8_t *, unsigned long);
    int (*read_header)(Jpeg *, int);
    int (*has_multiple_scans)(Jpeg *);
    int (*start)(Jpeg *);
    void (*crop)(Jpeg *, uint32_t *, uint32_t *);
    uint32_t (*skip)(Jpeg *, uint32_t);
    uint32_t (*read)(Jpeg *, uint8_t **, uint32_t);
    void (*destroy)(Jpeg *);
} Functions;

/* What is wanted: columns [left, right) and rows [top, bottom) of a picture of that size, which is the file's divided
 * by `scale`. */
typedef struct Wanted {
    int32_t width, height, scale, left, right, top, bottom;
} Wanted;

/* By what it is shrunk first: across where there is a table, as cnncodes_shrink_rows does it, and else down, as
 * cnncodes_shrink_columns does it, with starts that rise or fall. */
typedef struct Axis {
    const int32_t *starts, *weights;
    const __m256i *table;
    int32_t taps, count;
} Axis;

/* Rows as they are decoded: bytes from one to the next, and before what is wanted of each. */
typedef struct Rows {
    int64_t stride, before;
} Rows;

typedef struct Work {
    Error error; /* first: libjpeg knows but this */
    jmp_buf leave;
    Jpeg jpeg;
    uint8_t *strip;
    int is_done;
} Work;

void cnncodes_shrink_rows(const uint8_t *from, int64_t stride, int32_t rows, const int32_t *starts, int32_t taps,
                              int32_t count, const __m256i *table, uint8_t *to);
void cnncodes_shrink_columns(const uint8_t *from, int64_t stride, int64_t length, const int32_t *starts,
                             const int32_t *weights, int32_t taps, int32_t count, uint8_t *to);

static void leave(Jpeg *jpeg) { longjmp(((Work *)jpeg->error)->leave, 1); }

static void leave_if_warned(Jpeg *jpeg, int level) {
    if (level < 0) leave(jpeg); /* others tell what a file holds */
}

static void say_nothing(Jpeg *jpeg) { (void)jpeg; }

static void open_file(const Functions *call, Work *work, const uint8_t *data, int64_t length, const Wanted *wanted) {
    Jpeg *jpeg = &work->jpeg;
    jpeg->error = call->std_error(&work->error);
    work->error.exit = leave, work->error.emit = leave_if_warned, work->error.output = say_nothing;
    call->create(jpeg, VERSION, sizeof *jpeg);
    call->read_memory(jpeg, data, (unsigned long)length);
    if (call->read_header(jpeg, 1) != 1 || call->has_multiple_scans(jpeg)) leave(jpeg);
    if (jpeg->color != GREY && jpeg->color != YCBCR) leave(jpeg);
    jpeg->out_color = RGBX, jpeg->numerator = 1, jpeg->denominator = wanted->scale;
    if (!call->start(jpeg)) leave(jpeg);
    if (jpeg->out_width != (uint32_t)wanted->width || jpeg->out_height != (uint32_t)wanted->height) leave(jpeg);
}

static void read_rows(const Functions *call, Jpeg *jpeg, uint8_t *to, int64_t stride, int32_t rows) {
    while (rows > 0) {
        uint8_t *lines[AT_ONCE];
        const int32_t most = rows < AT_ONCE ? rows : AT_ONCE;
        for (int32_t i = 0; i < most; i++) lines[i] = to + i * stride;
        const int32_t got = (int32_t)call->read(jpeg, lines, most);
        if (got <= 0) leave(jpeg);
        to += got * stride, rows -= got;
    }
}

enum { NO_MARKER = 0, END = 0xd9 };

static int is_restart(int32_t marker) { return (marker & 0xf8) == 0xd0; }

/* Whether the picture's end follows the rest of its only scan. Files that are cut off or hold other markers there are
 * refused, or not, whatever of them is wanted. */
static int ends_well(const Jpeg *jpeg) {
    const uint8_t *at = jpeg->source->next, *end = at + jpeg->source->left;
    int32_t marker = jpeg->marker;
    while (marker == NO_MARKER || is_restart(marker)) {
        if (at >= end || !(at = memchr(at, 0xff, end - at)) || end - at < 2) return 0;
        marker = at[1]; /* none, where the byte is one of the scan */
        at += 2;
    }
    return marker == END;
}

/* Leave out what is not wanted, above and at the sides, as far as whole blocks can be left out. */
static Rows cut(const Functions *call, Jpeg *jpeg, const Wanted *wanted) {
    uint32_t left = wanted->left < MARGIN ? 0 : wanted->left - MARGIN;
    uint32_t right = wanted->width - wanted->right < MARGIN ? wanted->width : wanted->right + MARGIN;
    uint32_t width = right - left;
    if (width < jpeg->out_width) call->crop(jpeg, &left, &width);
    if (left > (uint32_t)wanted->left || left + width < (uint32_t)wanted->right) leave(jpeg);
    if (wanted->top > 0 && call->skip(jpeg, wanted->top) != (uint32_t)wanted->top) leave(jpeg);
    return (Rows){4 * (int64_t)width, 4 * (int64_t)(wanted->left - left)};
}

static void shrink_across(const Functions *call, Work *work, const Wanted *wanted, const Axis *by, uint8_t *to) {
    const Rows each = cut(call, &work->jpeg, wanted);
    const int64_t rows = wanted->bottom - wanted->top;
    const int64_t at_once = STRIP / each.stride < LEAST ? LEAST : STRIP / each.stride;
    const int64_t strips = (rows + at_once - 1) / at_once;
    if (!(work->strip = malloc(at_once * each.stride))) leave(&work->jpeg);
    for (int64_t i = 0, row = 0; i < strips; i++) { /* of one height but for a row: none is too low to be shrunk */
        const int64_t end = rows * (i + 1) / strips;
        read_rows(call, &work->jpeg, work->strip, each.stride, (int32_t)(end - row));
        cnncodes_shrink_rows(work->strip + each.before, each.stride, (int32_t)(end - row), by->starts, by->taps,
                                 by->count, by->table, to + row * 4 * by->count);
        row = end;
    }
}

/* The strip holds rows [first, end) and moves down over them: what the next row is made of stays. */
static void shrink_down(const Functions *call, Work *work, const Wanted *wanted, const Axis *by, uint8_t *to) {
    Rows each = cut(call, &work->jpeg, wanted);
    each.stride += 64; /* or rows might stand in the same few places of the cache */
    const int64_t rows = wanted->bottom - wanted->top, length = 4 * (int64_t)(wanted->right - wanted->left);
    const int64_t wish = STRIP / each.stride < 2 * by->taps ? 2 * by->taps : STRIP / each.stride;
    const int64_t most = wish < rows ? wish : rows;
    if (!(work->strip = malloc(most * each.stride))) leave(&work->jpeg);
    const int is_falling = by->starts[0] > by->starts[by->count - 1];
    int64_t first = 0, end = 0;
    for (int32_t done = 0; done < by->count; done++) {
        const int32_t i = is_falling ? by->count - 1 - done : done, none = 0;
        const int64_t start = by->starts[i];
        if (start < first) leave(&work->jpeg);
        while (end < start + by->taps) {
            const int64_t kept = end > start ? end - start : 0;
            memmove(work->strip, work->strip + (end - kept - first) * each.stride, kept * each.stride);
            first = end - kept;
            const int64_t room = most - kept < rows - end ? most - kept : rows - end;
            if (room <= 0) leave(&work->jpeg);
            read_rows(call, &work->jpeg, work->strip + kept * each.stride, each.stride, (int32_t)room);
            end += room;
        }
        cnncodes_shrink_columns(work->strip + (start - first) * each.stride + each.before, each.stride, length, &none,
                                by->weights + i * (int64_t)by->taps, by->taps, 1, to + i * length);
    }
}

/* Rows of the part of a JPEG that is wanted become rows of `by->count` pixels of four bytes, as cnncodes_shrink_rows
 * makes them of a picture's, of which there are four at least; or they become `by->count` rows, as
 * cnncodes_shrink_columns makes them. Return 0, or -1 where that cannot be done without a doubt. */
int cnncodes_shrink_jpeg(const Functions *call, const uint8_t *data, int64_t length, const Wanted *wanted,
                         const Axis *by, uint8_t *to) {
    Work *work = calloc(1, sizeof *work);
    if (!work) return -1;
    if (!setjmp(work->leave)) {
        open_file(call, work, data, length, wanted);
        (by->table ? shrink_across : shrink_down)(call, work, wanted, by, to);
        work->is_done = ends_well(&work->jpeg);
    }
    const int is_done = work->is_done;
    call->destroy(&work->jpeg);
    free(work->strip);
    free(work);
    return is_done ? 0 : -1;
}
