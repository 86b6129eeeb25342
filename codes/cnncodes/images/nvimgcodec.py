"""Decoding JPEG by nvImageCodec, on a GPU: many lanes bring files, and one call decodes what waits.

Its pixels are not libjpeg's to the bit, so it is a way of decoding of its own, never in another's place:
which files it decodes follows from their headers alone, and one of these that it cannot decode is a failure.
"""

from __future__ import annotations

import io
import os
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnncodes.choices import NVIMGCODEC_MODES
from cnncodes.errors import BackendMissing, UnreadableImage, WorkerError, install_advice, sentence
from cnncodes.lazy import once
from cnncodes.output import hold_back

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as pillow

#: Modes of decoding, each with the kinds of nvImageCodec's backends that decode in it: the first that takes
#: a file does, which follows from the file and the card. The JPEG engine that some GPUs have takes no
#: progressive JPEG, and is the nearest to libjpeg and the fastest.
MODES = dict(zip(NVIMGCODEC_MODES, (("HW_GPU_ONLY", "HYBRID_CPU_GPU"), ("CPU_ONLY",)), strict=True))

#: Colour is interpolated as libjpeg does it; some versions would repeat pixels, 69 of 255 away from that.
_OPTIONS = ":fancy_upsampling=1"
#: Pixels that are decoded in one call, unless one picture has more.
_CALL_PIXELS = 2**26

_COLOURS = re.compile("\x1b\\[[0-9;]*m")
#: What it prints where the driver is missing, as it starts, and where nvJPEG is, as it is loaded.
_REASONS = (r"\[nvimgcodec\] (Failed to load libcuda[^\n]+)", r"(Failed to load nvjpeg library)!")


def takes(image: pillow.Image) -> bool:
    """Tell from what Pillow read of a file's header whether nvImageCodec decodes it: grey and YCbCr JPEG.

    All else is for Pillow: other formats, and JPEG whose colours are CMYK or not transformed, as its Adobe
    marker says or the names of its components.
    """
    if image.format != "JPEG" or image.mode not in ("L", "RGB"):
        return False
    names = bytes(layer[0] for layer in getattr(image, "layer", ()))
    return image.mode == "L" or (image.info.get("adobe_transform", 1) == 1 and names != b"RGB")


@once
def open_decoder(mode: str) -> Decoder:
    """Return the one decoder of a mode in this process.

    Raises
    ------
    BackendMissing
        If the library is missing, or does not start on a GPU; the text says why.
    """
    return Decoder(mode)


@dataclass(eq=False)
class _Request:
    data: bytes
    size: tuple[int, int]
    done: bool = False
    pixels: npt.NDArray[np.uint8] | None = field(default=None, repr=False)


class Decoder:
    """nvImageCodec on one device; may be shared by threads.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._waiting: list[_Request] = []
        self._list, self._turn = threading.Lock(), threading.Lock()
        # Else it prints a line for each damaged file; the reason is among the failures.
        os.environ.setdefault("PYNVIMGCODEC_VERBOSITY", "0")
        with hold_back() as said:
            fault = self._start()
        if fault is not None:
            raise BackendMissing(self._explain(fault, "".join(said)))

    def _start(self) -> Exception | None:
        """Load the library and try it; return what went wrong."""
        try:
            from nvidia import nvimgcodec
        except ImportError as error:
            return error
        self._library = nvimgcodec
        is_gpu = self._mode == "nvimgcodec"
        try:
            self._decoder = nvimgcodec.Decoder(
                device_id=0 if is_gpu else nvimgcodec.NVIMGCODEC_DEVICE_CPU_ONLY,
                backends=[nvimgcodec.Backend(getattr(nvimgcodec, kind)) for kind in MODES[self._mode]],
                options=_OPTIONS,
            )
            self._params = nvimgcodec.DecodeParams(
                apply_exif_orientation=False, color_spec=nvimgcodec.ColorSpec.SRGB
            )
            [image] = self._call([_make_sample()])
        except Exception as error:  # RuntimeError, and whatever a driver leads it to
            return error
        return None if image is not None else RuntimeError("it has no decoder of JPEG for this device")

    def _explain(self, fault: Exception, said: str) -> str:
        advice = f"{install_advice('nvimgcodec')}, or take decode='exact' (--decode exact)"
        if isinstance(fault, ImportError):
            return f"decode={self._mode!r} needs nvImageCodec, which does not load ({fault}): {advice}."
        reason = sentence(find_reason(said) or fault)
        if self._mode == "nvimgcodec":
            reason = f"{reason} It needs an NVIDIA GPU, its driver and nvJPEG."
        return f"decode={self._mode!r}: nvImageCodec does not start: {reason} What may help: {advice}."

    def decode(self, data: bytes, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Return the pixels of a JPEG as they are stored, which may be lying on their side.

        Parameters
        ----------
        data : bytes
        size : tuple of int
            Width and height by its header.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
            RGB.

        Raises
        ------
        UnreadableImage
            If it cannot decode the file.
        WorkerError
            If nvImageCodec or its device breaks down, which is no fault of the file.
        """
        request = _Request(data, size)
        with self._list:
            self._waiting.append(request)
        with self._turn:
            # Whoever had the turn before may have decoded this one along with his own.
            if not request.done:
                self._run(self._gather(request))
        if request.pixels is None:
            raise UnreadableImage(
                "decode",
                "nvImageCodec cannot decode it: it is damaged, or of a kind that only decode='exact' takes",
            )
        return request.pixels

    def _gather(self, own: _Request) -> list[_Request]:
        """Return a lane's request and others that wait, up to a number of pixels."""
        with self._list:
            batch, total = [own], own.size[0] * own.size[1]
            if own in self._waiting:
                self._waiting.remove(own)
            for other in list(self._waiting):
                total += other.size[0] * other.size[1]
                if total > _CALL_PIXELS:
                    break
                self._waiting.remove(other)
                batch.append(other)
        return batch

    def _run(self, batch: list[_Request]) -> None:
        try:
            images = self._call([request.data for request in batch])
            for at, request in enumerate(batch):
                image, images[at] = images[at], None
                if image is None and len(batch) > 1:  # the device may have lacked the memory for all at once
                    [image] = self._call([request.data])
                request.pixels, request.done = self._to_pixels(image, request.size), True
        except RuntimeError as error:
            raise WorkerError(f"nvImageCodec broke down while it decoded: {sentence(error)}") from error

    def _call(self, files: list[bytes]) -> list[Any]:
        """Return nvImageCodec's images, None for each that it cannot decode."""
        streams = [self._library.CodeStream(data) for data in files]
        return list(self._decoder.decode(streams, params=self._params))

    def _to_pixels(self, image: Any, size: tuple[int, int]) -> npt.NDArray[np.uint8] | None:
        import numpy as np

        if image is None:
            return None
        pixels = np.asarray(image.cpu())
        # The room in memory was asked for by the header that Pillow read.
        return pixels if pixels.shape == (size[1], size[0], 3) and pixels.dtype == np.uint8 else None


def find_reason(text: str) -> str | None:
    """Return why nvImageCodec does not start on a GPU, from what it printed meanwhile.

    Examples
    --------
    >>> find_reason("Failed to load nvjpeg library! Please install CUDA toolkit or, if using ...")
    'Failed to load nvjpeg library'
    """
    text = _COLOURS.sub("", text)
    found = (re.search(pattern, text) for pattern in _REASONS)
    return next((one[1] for one in found if one is not None), None)


def _make_sample() -> bytes:
    from PIL import Image as pillow

    file = io.BytesIO()
    pillow.new("RGB", (16, 16)).save(file, "JPEG")
    return file.getvalue()
