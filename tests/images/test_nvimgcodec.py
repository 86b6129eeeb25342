"""nvImageCodec without a GPU: Pillow's pixels, upright; many lanes in one call; faults told apart."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from cnncodes.errors import BackendMissing, UnreadableImage, WorkerError
from cnncodes.images import Decoding, decode, nvimgcodec, open_source

IS_THERE = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.nvimgcodec")
needs_library = pytest.mark.skipif(not IS_THERE, reason="nvidia-nvimgcodec-cu13 is not installed")
HAS_GPU = os.path.exists("/dev/nvidiactl")
SAMPLE = Path(__file__).parents[2] / "pipelines" / "samples" / "openclipart.parquet"
CPU = Decoding("nvimgcodec-cpu")
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)).resize(
    (97, 61), 3
)


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


FILES = {
    "baseline": encode(PICTURE),
    "progressive": encode(PICTURE, progressive=True),
    "restarts": encode(PICTURE, restart_marker_rows=1),
    "grey": encode(PICTURE.convert("L")),
    "one-pixel": encode(PICTURE.resize((1, 1))),
    "profile": encode(
        PICTURE, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
    **{f"turned-{number}": encode(PICTURE, exif=turned(number)) for number in range(1, 10)},
}
#: What Pillow decodes in every mode.
OTHERS = {
    "cmyk": encode(PICTURE.convert("CMYK")),
    "untransformed": encode(PICTURE, keep_rgb=True),
    "mpo": encode(PICTURE, "MPO", save_all=True, append_images=[PICTURE]),
    "png": encode(PICTURE, "PNG"),
    "png-16-bits": encode(Image.fromarray(np.arange(4000, dtype=np.uint16).reshape(50, 80) * 16), "PNG"),
    "palette": encode(PICTURE.convert("P"), "GIF"),
    "transparent": encode(PICTURE.convert("RGBA"), "WEBP"),
    "tiff": encode(PICTURE, "TIFF"),
    "jpeg-2000": encode(PICTURE, "JPEG2000"),
}


def is_equal(data: bytes) -> bool:
    return np.array_equal(np.asarray(decode(data, CPU)), np.asarray(decode(data)))


@pytest.mark.parametrize("name", FILES | OTHERS)
def test_which_files_it_takes_follows_from_the_header(name: str) -> None:
    with Image.open(io.BytesIO((FILES | OTHERS)[name])) as image:
        assert nvimgcodec.takes(image) == (name in FILES)


@needs_library
@pytest.mark.parametrize("name", FILES | OTHERS)
def test_without_a_gpu_pixels_are_pillows(name: str) -> None:
    assert is_equal((FILES | OTHERS)[name])


@needs_library
def test_without_a_gpu_pixels_of_the_sample_are_pillows() -> None:
    for record in open_source(SAMPLE).records[::10]:
        data = record.read()
        assert isinstance(data, bytes)
        assert is_equal(data)
        assert is_equal(encode(decode(data), quality=85))


@needs_library
@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    mode=st.sampled_from(["L", "RGB"]),
    subsampling=st.integers(0, 2),
    quality=st.integers(1, 100),
    progressive=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_pixels_are_pillows_whatever_the_size_and_the_encoder(
    width: int, height: int, mode: str, seed: int, **options: Any
) -> None:
    small = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    assert is_equal(encode(Image.fromarray(small).resize((width, height)).convert(mode), **options))


@needs_library
@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.integers(2, 10**4), st.integers(0, 255)), max_size=6),
    end=st.none() | st.integers(0, 10**4),
)
def test_of_a_damaged_file_there_is_a_picture_or_a_reason(
    name: str, changes: list[tuple[int, int]], end: int | None
) -> None:
    data = bytearray(FILES[name])
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(UnreadableImage):
        image = decode(bytes(data[:end]), Decoding("nvimgcodec-cpu", max_pixels=10**6))
        assert image.mode == "RGB" and image.width * image.height <= 10**6


@needs_library
def test_a_truncated_file_is_refused_and_says_who_refuses_it() -> None:
    with pytest.raises(UnreadableImage, match="nvImageCodec cannot decode it: it is damaged, or of a kind"):
        decode(FILES["baseline"][:-300], CPU)


def test_the_limit_of_pixels_is_looked_at_before_anything_is_loaded() -> None:
    with pytest.raises(UnreadableImage, match="97 x 61 pixels are more than the limit") as caught:
        decode(FILES["baseline"], Decoding("nvimgcodec", max_pixels=97 * 61 - 1))
    assert caught.value.limit == ("max_pixels", 97 * 61 - 1)


@needs_library
def test_memory_is_asked_for_before_it_is_taken() -> None:
    asked: list[int] = []
    decode(FILES["baseline"], CPU, before=asked.append)
    exact: list[int] = []
    decode(FILES["baseline"], before=exact.append)
    assert asked == exact and len(asked) == 1


class Watched(nvimgcodec.Decoder):
    """Notes how many files each call has."""

    def __init__(self) -> None:
        super().__init__("nvimgcodec-cpu")
        self.calls: list[int] = []

    def _call(self, files: list[bytes]) -> list[Any]:
        if hasattr(self, "calls"):  # not yet at the trial as it starts
            self.calls.append(len(files))
        return super()._call(files)


def decode_together(decoder: Watched, files: list[tuple[bytes, tuple[int, int]]]) -> list[Any]:
    """Return what becomes of files that have all come before the first one's turn."""

    def take(file: tuple[bytes, tuple[int, int]]) -> Any:
        try:
            return decoder.decode(*file)
        except UnreadableImage as error:
            return error

    with ThreadPoolExecutor(len(files)) as lanes:
        with decoder._turn:
            futures = [lanes.submit(take, file) for file in files]
            while len(decoder._waiting) < len(files):
                threading.Event().wait(0.001)
        return [future.result() for future in futures]


@needs_library
def test_what_waits_is_decoded_in_one_call_and_a_damaged_file_costs_itself() -> None:
    decoder = Watched()
    whole, damaged = (FILES["baseline"], (97, 61)), (FILES["baseline"][:-300], (97, 61))
    found = decode_together(decoder, [whole, damaged, (FILES["grey"], (97, 61)), whole])
    assert decoder.calls == [4, 1]  # the one that failed is tried alone: the others may have had the memory
    assert isinstance(found[1], UnreadableImage)
    for at, name in ((0, "baseline"), (2, "grey"), (3, "baseline")):
        np.testing.assert_array_equal(found[at], np.asarray(decode(FILES[name])))


@needs_library
def test_one_call_has_no_more_pixels_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvimgcodec, "_CALL_PIXELS", 2 * 97 * 61)
    decoder = Watched()
    found = decode_together(decoder, [(FILES["baseline"], (97, 61))] * 5)
    assert sum(decoder.calls) == 5 and max(decoder.calls) == 2
    for pixels in found:
        np.testing.assert_array_equal(pixels, found[0])


@needs_library
def test_pixels_of_another_size_than_the_header_says_are_refused() -> None:
    with pytest.raises(UnreadableImage):
        nvimgcodec.open_decoder("nvimgcodec-cpu").decode(FILES["baseline"], (61, 97))


@needs_library
def test_lanes_at_the_same_time_get_their_own_pictures() -> None:
    names = [name for name in FILES for _ in range(8)]
    with ThreadPoolExecutor(8) as lanes:
        found = list(lanes.map(lambda name: np.asarray(decode(FILES[name], CPU)), names))
    for name, pixels in zip(names, found, strict=True):
        np.testing.assert_array_equal(pixels, np.asarray(decode(FILES[name])))


class Broken(Watched):
    def _call(self, files: list[bytes]) -> list[Any]:
        if hasattr(self, "calls"):
            raise RuntimeError("CUDA Runtime failure: '#719'")
        return super()._call(files)


@needs_library
def test_a_device_that_breaks_down_is_no_fault_of_the_image() -> None:
    with pytest.raises(WorkerError, match="nvImageCodec broke down while it decoded: CUDA Runtime failure"):
        Broken().decode(FILES["baseline"], (97, 61))


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    monkeypatch.setitem(sys.modules, "nvidia", None)
    with pytest.raises(
        BackendMissing, match=r"needs nvImageCodec, which does not load .*pip install .*nvimgcodec"
    ):
        nvimgcodec.Decoder("nvimgcodec")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Failed to load nvjpeg2k library! Please install nvJPEG2000 (see ...).\n"
            "Failed to load nvjpeg library! Please install CUDA toolkit or, if using ...\n"
            "\x1b[0;31m[ERROR] \x1b[0m[nvjpeg-ext] Failed to load nvJPEG library or retrieve version.",
            "Failed to load nvjpeg library",
        ),
        (
            "Failed to load nvjpeg library! Please\ndlopen libcuda.so failed!. Please install GPU dirver"
            "\x1b[0;31m[ERROR] \x1b[0m[nvimgcodec] Failed to load libcuda.so. Check your library paths and if"
            " the driver is installed correctly.\n",
            "Failed to load libcuda.so. Check your library paths and if the driver is installed correctly.",
        ),
        ("Failed to load nvjpeg2k library! Please install nvJPEG2000 (see ...).", None),
    ],
)
def test_what_it_prints_says_what_is_missing(text: str, reason: str | None) -> None:
    assert nvimgcodec.find_reason(text) == reason


@needs_library
@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_without_a_gpu_one_hears_so_before_any_image_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):  # nothing that was half begun is kept
        with pytest.raises(
            BackendMissing, match=r"nvImageCodec does not start: .*(libcuda|driver).*decode='exact'"
        ):
            Decoding("nvimgcodec").check()
    assert capfd.readouterr() == ("", "")
