"""JPEG that is decoded while it is resized: Pillow's pixels and Pillow's verdicts, whatever the file."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import build
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnncodes import ViewPlan
from cnncodes.backbones import Frame
from cnncodes.embedding.cutting import Cutter
from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, decode
from cnncodes.views.deferring import can_defer, compare_decoder, defer
from cnncodes.views.encoded import EncodedJpeg
from cnncodes.views.resize_library import Library
from cnncodes.views.resizing import DIFFERENT, load_library, open_library, resize

pytestmark = pytest.mark.skipif(not can_defer()[0], reason=can_defer()[1])


def noise(width: int, height: int, grain: int = 3) -> Image.Image:
    small = np.random.default_rng(width * 1000 + height).integers(
        0, 256, (height // grain + 1, width // grain + 1, 3), np.uint8
    )
    return Image.fromarray(small).resize((width, height))


def encode(image: Image.Image, *, orientation: int = 1, **how: Any) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    image.save(file, "JPEG", exif=exif, **how)
    return file.getvalue()


def open_jpeg(data: bytes, mode: str = "exact", side: int | None = None) -> EncodedJpeg | Image.Image:
    load = functools.partial(decode, data, Decoding.make(mode), short_side=side)
    return load(defer=functools.partial(defer, load=load))


def resize_at_once(picture: Any, *by: Any) -> Any:
    library, _ = open_library()
    assert library is not None
    return library.resize(picture, *by)


@st.composite
def parts(draw: st.DrawFn, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top = (draw(st.integers(0, side - 4)) for side in size)
    return left, top, draw(st.integers(left + 4, size[0])), draw(st.integers(top + 4, size[1]))


sides = st.integers(40, 300)


@given(
    data=st.data(),
    size=st.tuples(sides, sides),
    how=st.fixed_dictionaries(
        {
            "subsampling": st.integers(0, 2),
            "quality": st.sampled_from([30, 75, 100]),
            "orientation": st.integers(1, 8),
        },
        optional={"restart_marker_rows": st.just(1)},  # to optimise noise is more than Pillow has room for
    ),
    color=st.sampled_from(["RGB", "L"]),
    mode=st.sampled_from(["exact", "fast"]),
)
def test_each_pixel_is_that_of_the_decoded_picture(
    data: st.DataObject, size: tuple[int, int], how: dict[str, Any], color: str, mode: str
) -> None:
    file = encode(noise(*size).convert(color), **how)
    jpeg, whole = open_jpeg(file, mode, 16), decode(file, Decoding.make(mode), short_side=16)
    assert isinstance(jpeg, EncodedJpeg) and jpeg.size == whole.size
    to = data.draw(st.tuples(st.integers(8, 60), st.integers(8, 60)))
    by = to, data.draw(st.sampled_from(["bilinear", "bicubic"])), None, data.draw(parts(to))
    np.testing.assert_array_equal(resize(jpeg, *by), resize(whole, *by))
    found = resize_at_once(jpeg, *by)
    if found is not None:  # pictures of few rows or columns are decoded first
        np.testing.assert_array_equal(found, resize(whole, *by))


@pytest.mark.parametrize("how", [{}, {"subsampling": 0}, {"subsampling": 1}, {"restart_marker_rows": 1}])
def test_pictures_of_common_kinds_are_not_decoded_first(how: dict[str, Any]) -> None:
    jpeg = open_jpeg(encode(noise(500, 375), **how))
    assert resize_at_once(jpeg, (341, 256), "bicubic", None, (58, 16, 282, 240)) is not None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(700, 500), (1500, 90), (90, 1500)])
def test_a_picture_may_be_turned_and_of_any_shape(orientation: int, size: tuple[int, int]) -> None:
    file = encode(noise(*size), orientation=orientation)
    jpeg, whole = open_jpeg(file), decode(file)
    assert isinstance(jpeg, EncodedJpeg) and jpeg.size == whole.size
    for to in ((75, 60), (whole.width, 40), (40, whole.height)):
        for part in (None, (7, 5, 33, 31)):
            found = resize_at_once(jpeg, to, "bicubic", None, part)
            np.testing.assert_array_equal(found, resize(whole, to, "bicubic", part=part))


@pytest.mark.parametrize(
    "file",
    [
        encode(noise(90, 70), progressive=True),
        encode(noise(90, 70).convert("CMYK")),
    ],
    ids=["progressive", "CMYK"],
)
def test_what_is_not_simple_is_decoded_as_ever(file: bytes) -> None:
    picture = open_jpeg(file)
    by = (60, 60), "bilinear"
    if isinstance(picture, EncodedJpeg):
        assert resize_at_once(picture, *by) is None
    np.testing.assert_array_equal(resize(picture, *by), resize(decode(file), *by))


BASES = [encode(noise(160, 120), subsampling=n % 3, quality=60 + 10 * n, orientation=n + 3) for n in range(4)]
BASES += [encode(noise(160, 120), subsampling=n, quality=80) for n in range(3)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(BASES)))
    at = draw(st.integers(2, len(data) - 3))
    kind = draw(st.sampled_from(["cut", "gap", "bytes", "marker", "tail", "end"]))
    if kind == "cut":
        del data[at:]
    elif kind == "gap":
        del data[at : at + draw(st.integers(1, 300))]
    elif kind == "bytes":
        data[at : at + 3] = draw(st.binary(min_size=3, max_size=3))
    elif kind == "marker":
        data[at : at + 2] = bytes([255, draw(st.integers(0xC0, 0xFF))])
    elif kind == "tail":
        data += draw(st.binary(min_size=1, max_size=40))
    else:
        del data[-2:]
    return bytes(data)


def judge(make: Any, part: Any) -> Any:
    try:
        return resize(make(), (80, 60), "bilinear", part=part).tolist()
    except UnreadableImage as error:
        return str(error)


@given(file=damaged(), part=st.sampled_from([None, (0, 0, 40, 20), (8, 30, 60, 60)]))
def test_damaged_files_have_the_same_pixels_or_are_refused_in_the_same_words(file: bytes, part: Any) -> None:
    assert judge(lambda: open_jpeg(file), part) == judge(lambda: decode(file), part)


@pytest.mark.parametrize("keep", [0.3, 0.97])
def test_a_file_that_is_cut_off_below_what_is_wanted_is_refused(keep: float) -> None:
    file = encode(noise(300, 300))
    with pytest.raises(UnreadableImage, match="truncated"):
        resize(open_jpeg(file[: int(keep * len(file))]), (100, 100), "bilinear", part=(0, 0, 20, 10))


@pytest.mark.parametrize(("plan", "orientation"), [("center", 1), ("flip", 1), ("tencrop", 1), ("flip", 6)])
def test_views_are_those_of_the_decoded_picture(plan: str, orientation: int) -> None:
    frame, file = Frame(height=64, width=64, resize=72), encode(noise(300, 200), orientation=orientation)
    found, pixels = Cutter(ViewPlan.parse(plan), frame, Decoding()).work(file, "")
    rendered = ViewPlan.parse(plan).render(decode(file), frame)
    np.testing.assert_array_equal(pixels, rendered.pixels)
    assert found["shape"] == ([300, 200] if orientation == 1 else [200, 300])


@pytest.mark.slow
def test_a_library_that_decodes_other_pixels_is_not_used(tmp_path: Any) -> None:
    library, _ = load_library(build(tmp_path, replace=("MARGIN = 8", "MARGIN = -8")))
    assert library is not None
    assert compare_decoder(library) == (False, DIFFERENT)


@pytest.mark.slow
def test_without_its_functions_of_libjpeg_nothing_is_decoded(tmp_path: Any) -> None:
    import ctypes

    library, _ = open_library()
    assert library is not None
    fresh = Library(ctypes.CDLL(str(build(tmp_path) / "_views.library")))
    assert fresh.resize(open_jpeg(BASES[0]), (80, 60), "bilinear") is None


@pytest.mark.slow
def test_many_damaged_files_leave_no_memory_behind() -> None:
    code = """if True:
        import resource, sys
        from test_deferring import BASES, open_jpeg, resize_at_once
        for n in range(3000):
            file = bytearray(BASES[n % 4]); file[len(file) // 2 : len(file) // 2 + 2] = b"\\xff\\xc4"
            assert resize_at_once(open_jpeg(bytes(file)), (80, 60), "bilinear") is None
            if n == 300: before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert int(out.stdout) < 4096  # KiB


@pytest.mark.parametrize(
    ("plan", "only", "once"),
    [
        ("center", None, True),
        ("flip", None, True),
        ("multicrop", None, False),
        ("multicrop", (7,), True),
        ("area-crop:1", None, True),
        ("area-crop:4", None, False),
        ("area-crop:4", (2,), True),
        ("rotation:1", None, False),
    ],
)
def test_a_plan_knows_whether_it_resizes_a_picture_once(plan: str, only: Any, once: bool) -> None:
    assert ViewPlan.parse(plan).reads_once(only) is once


@pytest.mark.slow
def test_it_may_be_asked_for_again_while_other_threads_decode() -> None:
    code = """
import threading, time
from cnncodes.views.deferring import compare_decoder
from cnncodes.views.resizing import open_library
library = open_library()[0]
end = time.monotonic() + 1
def ask():
    while time.monotonic() < end:
        library.decoder.connect()
        kept = [bytes(40 + i % 60) for i in range(50)]  # takes the place of what was given back
def decode():
    while time.monotonic() < end:
        assert compare_decoder(library)[0]
threads = [threading.Thread(target=work) for work in (ask, decode, decode)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
