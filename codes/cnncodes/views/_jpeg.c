/* JPEG files are decoded a few rows at a time, and only as far as they are wanted; each strip is shrunk across while
 * it is in the cache.
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
 * by `scale`. `whole` reads what follows too, for files whose end has to be looked for. */
typedef struct Wanted {
    int32_t width, height, scale, left, right, top, bottom;
} Wanted;

typedef struct Work {
    Error error; /* first: libjpeg knows but this */
    jmp_buf leave;
    Jpeg jpeg;
    uint8_t *strip;
    int is_done;
} Work;

void cnncodes_shrink_rows(const uint8_t *from, int64_t stride, int32_t rows, const int32_t *starts, int32_t taps,
                              int32_t count, const __m256i *table, uint8_t *to);

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

static void shrink_file(const Functions *call, Work *work, const Wanted *wanted, const int32_t *starts, int32_t taps,
                        int32_t count, const __m256i *table, uint8_t *to) {
    Jpeg *jpeg = &work->jpeg;
    uint32_t left = wanted->left < MARGIN ? 0 : wanted->left - MARGIN;
    uint32_t right = wanted->width - wanted->right < MARGIN ? wanted->width : wanted->right + MARGIN;
    uint32_t width = right - left;
    if (width < jpeg->out_width) call->crop(jpeg, &left, &width);
    const int64_t stride = 4 * (int64_t)width, rows = wanted->bottom - wanted->top;
    const int64_t at_once = STRIP / stride < LEAST ? LEAST : STRIP / stride, strips = (rows + at_once - 1) / at_once;
    if (left > (uint32_t)wanted->left || left + width < (uint32_t)wanted->right) leave(jpeg);
    if (!(work->strip = malloc(at_once * stride))) leave(jpeg);
    if (wanted->top > 0 && call->skip(jpeg, wanted->top) != (uint32_t)wanted->top) leave(jpeg);
    for (int64_t i = 0, row = 0; i < strips; i++) { /* of one height but for a row: none is too low to be shrunk */
        const int64_t end = rows * (i + 1) / strips;
        read_rows(call, jpeg, work->strip, stride, (int32_t)(end - row));
        cnncodes_shrink_rows(work->strip + 4 * (wanted->left - left), stride, (int32_t)(end - row), starts, taps,
                                 count, table, to + row * 4 * count);
        row = end;
    }
    work->is_done = ends_well(jpeg);
}

/* Rows of the part of a JPEG that is wanted become rows of `count` pixels of four bytes, as cnncodes_shrink_rows makes
 * them of a picture's; there are four at least. Return 0, or -1 where that cannot be done without a doubt. */
int cnncodes_shrink_jpeg(const Functions *call, const uint8_t *data, int64_t length, const Wanted *wanted,
                         const int32_t *starts, int32_t taps, int32_t count, const __m256i *table, uint8_t *to) {
    Work *work = calloc(1, sizeof *work);
    if (!work) return -1;
    if (!setjmp(work->leave)) {
        open_file(call, work, data, length, wanted);
        shrink_file(call, work, wanted, starts, taps, count, table, to);
    }
    const int is_done = work->is_done;
    call->destroy(&work->jpeg);
    free(work->strip);
    free(work);
    return is_done ? 0 : -1;
}
