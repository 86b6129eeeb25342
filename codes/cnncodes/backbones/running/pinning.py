"""Memory of the host that batches are gathered in, pinned where a GPU of NVIDIA's copies from it.

ONNX Runtime's Python interface gives pinned memory only in builds whose CUDA provider is a plugin, which the
released packages are not. So ordinary memory is registered with the CUDA runtime that ONNX Runtime has
loaded already (``cudaHostRegister``): the driver then copies from it directly, not through pages of its own.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.running.providers import NAMES, Provider
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.errors import CostWarning, sentence, warn

#: Providers whose devices copy by CUDA.
_CUDA = (NAMES["cuda"], NAMES["tensorrt"])
#: ``cudaHostRegisterPortable``: pinned for every device, whichever thread copies.
_PORTABLE = 1


class HostBuffer:
    """Room for a batch of images; pinned for CUDA, else ordinary memory, which works alike.

    Parameters
    ----------
    shape : tuple of int
        Of the batch: images, height, width, 3.
    provider : Provider
        What copies from it.

    Attributes
    ----------
    images : ndarray of uint8
        The batch.
    """

    def __init__(self, shape: tuple[int, ...], provider: Provider) -> None:
        try:
            pages = mmap.mmap(-1, math.prod(shape))  # of its own: registered ranges must not share one
        except OSError as error:
            raise MemoryError(f"out of memory for a batch of shape {shape}") from error
        self.images = np.frombuffer(pages, np.uint8).reshape(shape)
        if provider.name in _CUDA:
            reason = self._pin(provider.device)
            if reason is not None:
                warn(
                    f"batches for {provider} are not pinned, so copying them to it takes longer: "
                    f"{sentence(reason)}",
                    CostWarning,
                )

    def _pin(self, device: int) -> str | None:
        """Register the memory until the buffer is gone; return why that failed."""
        try:
            runtime = load_cuda(getattr(import_runtime(), "cuda_version", ""))
        except OSError as error:
            return str(error)
        reason = register(runtime, self.images, device)
        if reason is None:
            # The array is kept until then. As the process ends, the driver does it by itself.
            weakref.finalize(self, _unregister, runtime, self.images).atexit = False
        return reason

    def fill(self, parts: Sequence[npt.NDArray[np.uint8]], start: int, size: int) -> int:
        """Copy images from some arrays, as if these were one; what is left of a batch gets the last again.

        Parameters
        ----------
        parts : sequence of ndarray of uint8, shape (n_images, height, width, 3)
            At least one image comes at `start` or later.
        start : int
            The first image that is copied.
        size : int
            Images in the batch.

        Returns
        -------
        int
            Images that were copied.
        """
        filled = 0
        for images in parts:
            piece = images[start : start + size - filled]
            self.images[filled : filled + len(piece)] = piece
            filled += len(piece)
            start = max(0, start - len(images))
        self.images[filled:size] = self.images[filled - 1]
        return filled


def load_cuda(version: str) -> Any:
    """Return the CUDA runtime of ONNX Runtime's version of it.

    Parameters
    ----------
    version : str
        ``"13.0"``, as ONNX Runtime says what it was built for.

    Raises
    ------
    OSError
        If it is not there.
    """
    major = version.partition(".")[0]
    runtime = ctypes.CDLL(f"libcudart.so.{major}" if major else "libcudart.so")
    runtime.cudaGetErrorString.restype = ctypes.c_char_p
    runtime.cudaHostRegister.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint)
    runtime.cudaHostUnregister.argtypes = (ctypes.c_void_p,)
    return runtime


def register(runtime: Any, memory: npt.NDArray[np.uint8], device: int) -> str | None:
    """Pin memory; return why CUDA refuses, None where it did not."""
    # Else a context of the first device would be made, which the job may not even use.
    status = runtime.cudaSetDevice(device)
    if not status:
        status = runtime.cudaHostRegister(memory.ctypes.data, memory.nbytes, _PORTABLE)
    if not status:
        return None
    runtime.cudaGetLastError()  # or ONNX Runtime would find the error, and take it for its own
    return str(runtime.cudaGetErrorString(status).decode())


def _unregister(runtime: Any, memory: npt.NDArray[np.uint8]) -> None:
    if runtime.cudaHostUnregister(memory.ctypes.data):  # a device that is gone has let go of it already
        runtime.cudaGetLastError()
