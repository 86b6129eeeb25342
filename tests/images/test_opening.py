"""Opening with Pillow: its switches are the process's, and nobody else notices that they were used."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, decode
from cnncodes.images.opening import FORMATS, explain_failure, open_image, opening

PILLOWS_LIMIT = Image.MAX_IMAGE_PIXELS


def make_png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of one bit a pixel, all black and complete."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    raw = zlib.compress(b"\0" * (height * (1 + -(-width // 8))), 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), *chunks, (b"IDAT", raw), (b"IEND", b""))
    )


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let Pillow's own limit be low, so that small pictures exceed it."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    return 100


@pytest.mark.parametrize("size", [(10, 10), (10, 20), (30, 30)])
def test_our_limit_rules_and_pillows_is_put_back(low_limit: int, size: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(make_png(*size), Decoding(max_pixels=900)).size == size
        assert low_limit == Image.MAX_IMAGE_PIXELS
        with pytest.raises(UnreadableImage, match="than the limit of 900"):
            decode(make_png(100, 100), Decoding(max_pixels=900))
    assert low_limit == Image.MAX_IMAGE_PIXELS


def test_webp_and_gif_that_check_their_size_themselves_obey_our_limit_too(low_limit: int) -> None:
    for kind in ("WEBP", "GIF"):
        file = io.BytesIO()
        Image.new("RGB", (40, 40), "red").save(file, kind)
        assert decode(file.getvalue(), Decoding(max_pixels=1600)).size == (40, 40)
    assert low_limit == Image.MAX_IMAGE_PIXELS


def test_the_usual_limit_never_touches_pillows() -> None:
    with opening(Decoding().max_pixels):
        assert Image.MAX_IMAGE_PIXELS == PILLOWS_LIMIT
    assert Image.MAX_IMAGE_PIXELS == PILLOWS_LIMIT


def test_no_limit_of_pillows_stays_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(UnreadableImage, match="30 x 30 pixels are more than the limit of 100"):
        decode(make_png(30, 30), Decoding(max_pixels=100))
    assert Image.MAX_IMAGE_PIXELS is None


def test_a_limit_that_the_program_sets_meanwhile_stays(
    low_limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opening(1000):
        assert Image.MAX_IMAGE_PIXELS == 1000
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 77)
    assert Image.MAX_IMAGE_PIXELS == 77


def test_the_limit_stays_raised_until_the_last_thread_is_done(low_limit: int) -> None:
    with contextlib.ExitStack() as first:
        first.enter_context(opening(1000))
        second = threading.Thread(target=_decode_many, args=(5000,))
        second.start()
        second.join()
        assert Image.MAX_IMAGE_PIXELS is not None and Image.MAX_IMAGE_PIXELS >= 1000
    assert low_limit == Image.MAX_IMAGE_PIXELS


def _decode_many(max_pixels: int) -> None:
    for _ in range(20):
        assert decode(make_png(60, 60), Decoding(max_pixels=max_pixels)).size == (60, 60)


def test_many_threads_with_different_limits_do_not_disturb_each_other(low_limit: int) -> None:
    failures: list[BaseException] = []

    def work(max_pixels: int) -> None:
        try:
            _decode_many(max_pixels)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(3600 + 100 * i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert low_limit == Image.MAX_IMAGE_PIXELS


# Warnings


def test_others_are_still_warned(low_limit: int) -> None:
    decode(make_png(10, 15))
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(make_png(10, 15)))
    done = threading.Event()
    inside = threading.Event()

    def hold() -> None:
        with opening(1000):
            inside.set()
            done.wait(10)

    other = threading.Thread(target=hold)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        other.start()
        assert inside.wait(10)
        warnings.warn("about something else", UserWarning, stacklevel=1)
        done.set()
        other.join()
    assert [str(warning.message) for warning in caught] == ["about something else"]


def test_what_a_plugin_warns_of_is_not_passed_on() -> None:
    data = make_png(8, 8, (b"acTL", bytes(8)))  # an animation of no frames
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert decode(data).size == (8, 8)
        assert not caught
        Image.open(io.BytesIO(data))
    assert ["APNG" in str(warning.message) for warning in caught] == [True]


def test_filters_do_not_grow_with_the_pictures() -> None:
    data = make_png(4, 4)
    decode(data)
    before = list(warnings.filters)
    for _ in range(50):
        decode(data)
    assert list(warnings.filters) == before


# Formats


def test_formats_that_run_programs_or_take_any_bytes_are_not_read() -> None:
    postscript = io.BytesIO()
    Image.new("RGB", (8, 8)).save(postscript, "EPS")
    targa = io.BytesIO()
    Image.new("RGB", (8, 8)).save(targa, "TGA")
    for data in (postscript.getvalue(), targa.getvalue()):
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (8, 8)
        with pytest.raises(UnreadableImage, match="known format"):
            decode(data)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind not in ("HEIF", "JXL")])
def test_each_format_named_is_read(kind: str) -> None:
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {kind}")
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (250, 250, 250)).save(file, kind)
    with opening(1000):
        assert open_image(file.getvalue(), 1000).format == kind
    assert np.asarray(decode(file.getvalue())).min() > 240


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is truncated"), "image file is truncated"),
        (
            OSError("broken data stream when reading image file"),
            "broken data stream when reading image file: it is damaged",
        ),
        (ValueError("bad <_io.BytesIO object at 0x7f00deadbeef>"), "bad"),
        (OSError(), "the file is damaged (OSError)"),
        (KeyError(5), "the file is damaged (KeyError: 5)"),
    ],
)
def test_reasons_are_words(error: Exception, reason: str) -> None:
    failure = explain_failure(error)
    assert (failure.stage, failure.reason) == ("decode", reason)


def test_a_lack_of_memory_says_nothing_of_the_picture() -> None:
    for error in MemoryError(), OSError("out of memory when reading image file"):
        failure = explain_failure(error)
        assert (failure.stage, failure.reason) == ("memory", "not enough memory to decode it")
