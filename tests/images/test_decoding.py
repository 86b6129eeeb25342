"""Decoding: the pixels that Pillow sees, upright and opaque; anything else is refused with a reason."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, ImageSequence

from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.images import Decoding, decode

HEIGHT, WIDTH = 40, 56
NOISE = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
PICTURE = Image.fromarray(NOISE[0])


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image)


def check_reason(error: UnreadableImage) -> None:
    assert error.stage == "decode"
    assert re.search("[a-z]{3}", error.reason) and "\n" not in error.reason and " at 0x" not in error.reason


def refuse(data: Any, decoding: Decoding = Decoding(), match: str | None = None) -> str:
    """Return the reason for which something is refused."""
    with pytest.raises(UnreadableImage, match=match) as caught:
        decode(data, decoding)
    check_reason(caught.value)
    return caught.value.reason


def make_png(
    width: int, height: int, kind: int, depth: int, raw: bytes, *chunks: tuple[bytes, bytes]
) -> bytes:
    """Build a PNG by hand: its header may claim anything."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


FRAMES = [Image.fromarray(frame) for frame in NOISE]
FILES = {
    "jpeg": encode(PICTURE, "JPEG"),
    "progressive": encode(PICTURE, "JPEG", progressive=True),
    "png": encode(PICTURE, "PNG"),
    "gif": encode(PICTURE, "GIF"),
    "webp": encode(PICTURE, "WEBP"),
    "tiff": encode(PICTURE, "TIFF"),
    "tiff-lzw": encode(PICTURE, "TIFF", compression="tiff_lzw"),
    "bmp": encode(PICTURE, "BMP"),
    "ppm": encode(PICTURE, "PPM"),
    "mpo": encode(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:]),
    "animated-gif": encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "animated-png": encode(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "animated-webp": encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True),
}
#: libtiff writes its complaints to stderr, past Python.
MUTABLE = [data for name, data in FILES.items() if name != "tiff-lzw"]


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_pixels_are_those_that_pillow_decodes(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(pixels(decode(data)), expected)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    grey = [Image.new("L", (8, 8), level) for level in (40, 120, 250)]
    data = encode(
        grey[0].convert("RGB"), kind, save_all=True, append_images=[g.convert("RGB") for g in grey[1:]]
    )
    with Image.open(io.BytesIO(data)) as image:
        assert sum(1 for _ in ImageSequence.Iterator(image)) == 3
    assert abs(pixels(decode(data)).astype(int) - 40).max() <= 2


# Orientation


def store_turned(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Return the pixels as a camera stores them: EXIF says where the stored row 0 and column 0 lie."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_gives_the_same_upright_picture(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(store_turned(NOISE[0], orientation).copy()), kind, exif=exif, **options)
    np.testing.assert_array_equal(pixels(decode(data)), NOISE[0])
    opened = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(pixels(decode(opened)), NOISE[0], err_msg="opened by the caller")


def test_a_turned_jpeg_has_the_pixels_of_the_upright_one() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(PICTURE, "JPEG", exif=exif)
    turned = decode(data)
    np.testing.assert_array_equal(pixels(turned), np.rot90(pixels(decode(FILES["jpeg"])), -1))
    np.testing.assert_array_equal(pixels(decode(turned)), pixels(turned), err_msg="turned twice")


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_means_nothing_is_passed_over(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(pixels(decode(encode(PICTURE, "PNG", exif=exif))), NOISE[0])


def test_broken_exif_does_not_cost_the_picture() -> None:
    data = encode(PICTURE, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\x07" * 9)
    np.testing.assert_array_equal(pixels(decode(data)), pixels(decode(FILES["jpeg"])))


def test_an_orientation_is_used_though_the_rest_of_exif_is_broken() -> None:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    broken = struct.pack(">HHII", 0x011A, 5, 1, 0xFFFFFF)  # a resolution beyond the end
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2) + entry + broken + b"\0\0\0\0"
    assert decode(encode(PICTURE, "JPEG", exif=exif)).size == (HEIGHT, WIDTH)


# Transparency


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(rgb * share + 255 * (1 - share))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La", "PA"])
def test_alpha_is_laid_over_white(mode: str) -> None:
    alpha = np.repeat(np.arange(0, 256, 51, dtype=np.uint8), 60).reshape(6, 60)
    grey = np.full((6, 60), 100, np.uint8)
    image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    if mode in ("RGBA", "RGBa"):
        image = image.convert("RGBA")
    if mode == "PA":
        image = Image.new("PA", image.size, (100, 0))
        image.putpalette(list(np.arange(256).repeat(3)))
        image.putalpha(Image.fromarray(alpha))
    elif image.mode != mode:
        image = image.convert(mode)
    expected = over_white(np.repeat(grey[..., None], 3, axis=2), alpha)
    assert abs(pixels(decode(image)) - expected).max() <= (3 if mode.endswith("a") else 1)
    if mode in ("RGBA", "LA"):
        assert abs(pixels(decode(encode(image, "PNG"))) - expected).max() <= 1


def test_transparent_entries_of_a_palette_are_laid_over_white() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    image.putdata([0, 1, 2])
    data = encode(image, "PNG", transparency=bytes([255, 0, 51]))
    assert pixels(decode(data)).tolist() == [[[200, 0, 0], [255, 255, 255], [204, 204, 244]]]
    one_colour = encode(image, "GIF", transparency=2)
    assert pixels(decode(one_colour)).tolist() == [[[200, 0, 0], [0, 200, 0], [255, 255, 255]]]


def test_one_transparent_colour_becomes_white() -> None:
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (30, 20, 10))
    data = encode(image, "PNG", transparency=(30, 20, 10))
    assert pixels(decode(data)).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    grey = encode(image.convert("L"), "PNG", transparency=image.convert("L").getpixel((0, 0)))
    assert pixels(decode(grey))[0, 0].tolist() == [255, 255, 255]


# Modes


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_other_modes_are_converted_as_pillow_does(mode: str) -> None:
    image = PICTURE.convert(mode)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(pixels(decode(image)), expected)
    kind = {"CMYK": "JPEG", "1": "PNG", "P": "PNG", "L": "JPEG"}.get(mode)
    if kind:
        data = encode(image, kind)
        with Image.open(io.BytesIO(data)) as read:
            assert read.mode == mode
            np.testing.assert_array_equal(pixels(decode(data)), np.asarray(read.convert("RGB")))


def test_lab_is_converted() -> None:
    flat = Image.new("RGB", (4, 4), (200, 100, 50))
    profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
    lab = ImageCms.profileToProfile(flat, *profiles, outputMode="LAB")
    assert lab is not None and lab.mode == "LAB"
    assert abs(pixels(decode(lab)).astype(int) - (200, 100, 50)).max() <= 4


@pytest.mark.parametrize("where", ["png", "tiff", "I;16", "I;16B", "I"])
def test_16_bits_are_scaled_and_not_clipped(where: str) -> None:
    values = np.array([[0, 128, 129, 257, 0x8000, 0xFEFF, 0xFFFF]], np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    if where == "png":
        data: Any = make_png(7, 1, 0, 16, b"\0" + values.astype(">u2").tobytes())
    elif where == "tiff":
        data = encode(Image.frombytes("I;16B", (7, 1), values.astype(">u2").tobytes()), "TIFF")
        assert data[:2] == b"MM" or Image.open(io.BytesIO(data)).mode == "I;16B"
    elif where == "I":
        data = Image.fromarray(values.astype(np.int32))
    else:
        data = Image.frombytes(where, (7, 1), values.astype(">u2" if where[-1] == "B" else "<u2").tobytes())
    assert pixels(decode(data))[..., 0].tolist() == expected.tolist()


def test_transparent_grey_of_16_bits_becomes_white() -> None:
    raw = b"\0" + np.array([1000, 50_000], ">u2").tobytes()
    data = make_png(2, 1, 0, 16, raw, (b"tRNS", struct.pack(">H", 1000)))
    assert pixels(decode(data))[0, :, 0].tolist() == [255, 195]


@pytest.mark.parametrize(("level", "what"), [(-1, "negative"), (0x10000, "more than 16 bits")])
def test_grey_of_more_than_16_bits_is_refused(level: int, what: str) -> None:
    refuse(Image.fromarray(np.array([[0, level]], np.int32)), match=what)


def test_floating_point_pixels_are_refused() -> None:
    refuse(Image.new("F", (4, 4), 0.5), match="floating-point")
    refuse(encode(Image.new("F", (4, 4), 0.5), "TIFF"), match="floating-point")


# Arrays


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4)])
def test_arrays_are_taken_as_they_are(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    if shape[-1] == 4:
        array[..., 3] = 255
    expected = array[..., :3] if len(shape) == 3 else array[..., None]
    expected = np.broadcast_to(expected, (9, 7, 3))
    np.testing.assert_array_equal(pixels(decode(array)), expected)
    np.testing.assert_array_equal(pixels(decode(array[::-1, ::2])), expected[::-1, ::2])


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((4, 4, 3), np.nan), r"float64 from nan to nan: give uint8 from 0 to 255"),
        (np.zeros((4, 4, 3), complex), "complex128: give uint8 from 0 to 255"),
        (np.zeros((4, 4, 2), np.uint8), r"\(4, 4, 2\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\(2, 4, 4, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.array(["a.jpg"]), "expected an array of uint8"),
    ],
)
def test_other_arrays_are_refused_with_what_they_are(array: Any, reason: str) -> None:
    refuse(array, match=reason)


RAMP = np.linspace(0, 1, 48).reshape(4, 4, 3)
WHITE = np.rint(RAMP * 255)


@pytest.mark.parametrize(
    "array",
    [
        RAMP.astype(np.float32),
        RAMP.astype(np.float16),
        2 * RAMP - 1,
        WHITE.astype(np.float32),
        WHITE + 0.25 * (WHITE < 255),
        WHITE.astype(np.int64),
        WHITE.astype(np.uint16),
        (WHITE * 257).astype(np.uint16),
        (WHITE * 257).astype(np.int32),
    ],
    ids=lambda array: f"{array.dtype} {array.min():g} {array.max():g}",
)
def test_other_numbers_are_refused_with_an_expression_that_makes_pixels_of_them(array: Any) -> None:
    reason = refuse(array, match=f"expected an array of uint8, got {array.dtype} from .* to .*: ")
    expression = reason.rpartition(": ")[2].partition(", where")[0]
    made = eval(expression, {"np": np, "a": array})
    assert made.dtype == np.uint8
    np.testing.assert_allclose(made.astype(int), WHITE, atol=1)


def test_switches_are_refused_with_an_expression_that_makes_black_and_white_of_them() -> None:
    reason = refuse(np.array([[True, False]]), match="got bool: ")
    made = eval(reason.rpartition(": ")[2], {"np": np, "a": np.array([[True, False]])})
    assert made.tolist() == [[255, 0]] and made.dtype == np.uint8


@pytest.mark.parametrize(
    "array", [4 * RAMP - 2, 300 * RAMP, 1.1 * RAMP, -(WHITE.astype(np.int16)), (WHITE * 1e6).astype(np.int64)]
)
def test_numbers_whose_range_tells_nothing_get_no_expression(array: Any) -> None:
    refuse(array, match=r"to [-+e.\d]+: give uint8 from 0 to 255$")


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    refuse(Image.new("RGB", size), match=f"the picture has no pixels: {size[0]} x {size[1]}")


# Size


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    reason = refuse(make_png(60_000, 60_000, 2, 8, b"\0" * 100))
    assert "limit of 89478485" in reason and "max_pixels" in reason
    assert "20000 x 5000" in refuse(make_png(20_000, 5_000, 2, 8, b"\0" * 100))


def test_max_pixels_is_exact_and_holds_for_what_is_in_memory() -> None:
    exact, less = Decoding(max_pixels=HEIGHT * WIDTH), Decoding(max_pixels=HEIGHT * WIDTH - 1)
    for data in (FILES["png"], FILES["animated-gif"], PICTURE, NOISE[0]):
        assert decode(data, exact).size == (WIDTH, HEIGHT)
        refuse(data, less, match="more than the limit")


@pytest.mark.parametrize(
    ("options", "match"),
    [({"mode": "best"}, "'exact', 'fast', 'nvimgcodec' or"), ({"max_pixels": 0}, "positive whole number")],
)
def test_settings_that_cannot_be_right_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        Decoding(**options)


# Damage


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused_or_whole_but_never_half_a_picture(name: str) -> None:
    data = FILES[name]
    whole = pixels(decode(data))
    refuse(data[: len(data) // 4])
    for cut in [*range(0, len(data), 1 + len(data) // 40), *range(len(data) - 30, len(data))]:
        try:
            found = pixels(decode(data[:cut]))
        except UnreadableImage:
            continue
        np.testing.assert_array_equal(found, whole, err_msg=f"cut at {cut}")


def test_a_truncated_picture_that_the_caller_opened_is_refused_each_time() -> None:
    image = Image.open(io.BytesIO(FILES["jpeg"][:-400]))
    for _ in range(2):
        refuse(image, match="truncated")


def test_a_program_that_asks_for_half_pictures_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = FILES["jpeg"][:-400]
    refuse(cut, match="truncated")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert decode(cut).size == (WIDTH, HEIGHT)


HEIF = "it begins as HEIF, which is read once pillow-heif is installed (pip install pillow-heif)"
JXL = (
    "it begins as JPEG XL, which is read once pillow-jxl-plugin is installed (pip install pillow-jxl-plugin)"
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>404 not found</html>", "not an image of a known format"),
        (bytes(range(256)) * 8, "not an image of a known format"),
        (b"\xff\xd8\xff", "it begins as JPEG, and is damaged or of a kind that is not read"),
        (b"II*\0" + bytes(99), "it begins as TIFF, and is damaged or of a kind that is not read"),
        (b"\0\0\0\x18ftypheic" + bytes(99), HEIF),
        (b"\0\0\0\x18ftypmif1" + bytes(99), HEIF),
        (b"\xff\x0a" + bytes(99), JXL),
        (
            "photos/größe 0000.PNG".encode(),
            "not an image of a known format: these bytes look like a path, which is given as text",
        ),
        (b"a\n.png", "not an image of a known format"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n",
            "not an image of a known format: a pointer of Git LFS stands in its place: fetch the file itself"
            " by 'git lfs pull'",
        ),
    ],
)
def test_what_is_no_picture_is_refused_plainly(data: bytes, reason: str) -> None:
    assert refuse(data) == reason


def test_an_image_that_the_caller_closed_is_refused() -> None:
    image = Image.open(io.BytesIO(FILES["png"]))
    image.close()
    refuse(image)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(MUTABLE)))
    # Headers are where the damage is interesting.
    places = st.integers(0, len(data) - 1) | st.integers(0, 60)
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        data[place] = value
    start, end = draw(st.tuples(places, places))
    what = draw(st.sampled_from(["keep", "cut", "drop", "double"]))
    if what == "cut":
        return bytes(data[:start])
    if what == "drop":
        return bytes(data[:start] + data[max(start, end) :])
    return bytes(data[:start] + data[start:end] * 2 + data[end:]) if what == "double" else bytes(data)


@settings(max_examples=200)
@given(damaged() | st.binary(max_size=200), st.sampled_from(["exact", "fast"]))
@example(b"P7\n", "exact")
def test_whatever_the_bytes_it_is_a_picture_or_a_reason(data: bytes, mode: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            image = decode(data, Decoding(mode, max_pixels=10**6), short_side=5)
        except UnreadableImage as error:
            check_reason(error)
        else:
            assert image.mode == "RGB" and 0 < image.width * image.height <= 10**6
            assert np.asarray(image).shape == (image.height, image.width, 3)


# Fast


@settings(max_examples=60)
@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 120), st.booleans())
def test_fast_leaves_twice_what_is_needed_or_all(
    width: int, height: int, short: int, is_turned: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if is_turned else 1
    data = encode(Image.new("RGB", (width, height), (90, 120, 30)), "JPEG", exif=exif)
    full = decode(data, short_side=short).size
    assert full == ((height, width) if is_turned else (width, height))
    # Rounded up as libjpeg does.
    scaled = [(-(-full[0] // scale), -(-full[1] // scale)) for scale in (8, 4, 2)]
    expected = next((size for size in scaled if min(size) >= 2 * short), full)
    assert decode(data, Decoding("fast"), short_side=short).size == expected


def test_fast_reads_less_of_a_telephones_jpeg_of_several_pictures_too() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
    several = encode(picture, "MPO", save_all=True, append_images=[picture.resize((40, 30))])
    small = decode(several, Decoding("fast"), short_side=32)
    assert small.size == (100, 75)
    expected = decode(encode(picture, "JPEG"), Decoding("fast"), short_side=32)
    np.testing.assert_array_equal(pixels(small), pixels(expected))


def test_fast_reads_less_of_a_jpeg_only() -> None:
    smooth = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 256, 3)))
    fast = Decoding("fast")
    small = decode(encode(smooth, "JPEG"), fast, short_side=32)
    assert small.size == (64, 64)
    shrunk = np.asarray(smooth.resize((64, 64), Image.Resampling.BOX)).astype(int)
    assert abs(pixels(small) - shrunk).max() <= 4
    for kind in ("PNG", "WEBP", "TIFF"):
        data = encode(smooth, kind)
        np.testing.assert_array_equal(pixels(decode(data, fast, short_side=8)), pixels(decode(data)))
    data = encode(smooth, "JPEG")
    np.testing.assert_array_equal(pixels(decode(data, fast)), pixels(decode(data)))
    assert decode(data, Decoding("exact"), short_side=8).size == (256, 256)


def test_the_limit_is_of_the_whole_picture_also_where_less_is_read() -> None:
    refuse(FILES["jpeg"], Decoding("fast", max_pixels=100))
